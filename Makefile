# Everything a contributor needs. Plain `go build ./... && go test ./...` works too.
export GOTOOLCHAIN := auto

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
BUILT   ?= $(shell git log -1 --format=%cI 2>/dev/null)
LINT    := go tool -modfile=tools/go.mod golangci-lint
# The race detector needs a C compiler; without one the tests run without it and say so. It does not watch what is
# machine code in all but name and knows nothing of goroutines: the parts of wazero that make the parser of SQL and
# PDFium ready, which take ten times as long under it, and SQLite with sqlite-vec as translated from C. What has atomics
# stays watched: the linker keeps one copy of a generic function for all, and that of atomic.Pointer must tell of itself.
CC_PATH   := $(shell command -v cc || command -v gcc)
UNWATCHED := github.com/tetratelabs/wazero/internal/wasm/binary github.com/tetratelabs/wazero/internal/leb128 github.com/tetratelabs/wazero/internal/engine/wazevo/ssa github.com/tetratelabs/wazero/internal/engine/wazevo/backend/... modernc.org/sqlite/lib modernc.org/sqlite/vec
RACE      := $(if $(CC_PATH),-race $(foreach part,$(UNWATCHED),-gcflags=$(part)=-race=false),)
# The race detector sleeps a second at each end of a process, for what other threads may still report; the tests
# start thousands. A tenth does: what is looked for ran long before.
export GORACE := atexit_sleep_ms=100
# Packages tested at a time under the race detector: as many as there are processors. Half as many more are tested
# beside them without it, for many tests wait more than they compute.
PACKAGES := $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
BESIDE   := $(shell echo $$((($(PACKAGES) + 1) / 2)))
# The tests that start the binary, as it ships, or weigh what a call costs: the race detector would watch their own
# servers and clients alone, or weigh with them. What runs in the binary it watches in the tests of its packages.
OUTSIDE  := ./cmd/doorward ./internal/parts ./internal/stress
# The binary that they and the demonstration start, linked once.
TESTED   := bin/tests/doorward
SYSTEMS  := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64

.PHONY: help build cross demo test crash soak lint fuzz bench detect conformance
.DEFAULT_GOAL := help

help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## Build bin/doorward, one static binary.
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$(VERSION) -X main.built=$(BUILT)" -o bin/doorward ./cmd/doorward

cross: ## Build bin/doorward-SYSTEM-PROCESSOR for all systems: a minute and more for each, the first time.
	@for target in $(SYSTEMS); do \
		system=$${target%/*}; processor=$${target#*/}; end=; [ $$system != windows ] || end=.exe; \
		echo "cross: $$target"; \
		CGO_ENABLED=0 GOOS=$$system GOARCH=$$processor go build -trimpath -ldflags "-s -w -X main.version=$(VERSION) -X main.built=$(BUILT)" \
			-o bin/doorward-$$system-$$processor$$end ./cmd/doorward || exit 1; \
	done

demo: ## Try Doorward on servers of its own, offline. ARGS=--once ends by itself.
	go build -o $(TESTED) ./cmd/doorward
	$(TESTED) demo $(ARGS)

test: ## Install the parts the tests need (it says which), then vet and test, with the race detector what runs in the tests themselves.
	scripts/parts
	go vet ./...
	@$(if $(RACE),,echo "test: no C compiler, so the race detector is off")
	go build -o $(TESTED) ./cmd/doorward
	@# Vetted above. Never from the cache, for what is outside builds the binary: a cached pass would be of another.
	all=$$(go list ./...) && outside=$$(go list $(OUTSIDE)) || exit 1; \
	DOORWARD_BINARY=$(CURDIR)/$(TESTED) go test -vet=off -ldflags=-w -p $(BESIDE) -count=1 -timeout 25m $$outside & beside=$$!; \
	go test $(RACE) -vet=off -ldflags=-w -p $(PACKAGES) -count=1 -timeout 25m $$(printf '%s\n' $$all | grep -vxF "$$outside"); watched=$$?; \
	wait $$beside && exit $$watched

crash: ## Kill the gateway CRASH_DEATHS times in each way, let 200 clients make CRASH_CALLS calls each, mutate a log CRASH_MUTATIONS times, fail each of CRASH_FAULTS writes and syncs.
	CRASH_DEATHS=$(or $(CRASH_DEATHS),500) CRASH_CALLS=$(or $(CRASH_CALLS),500) go test -count=1 -v -timeout 60m -run 'EveryFailpoint|KillNine|OwnAnswersOnly' ./internal/stress
	CRASH_MUTATIONS=$(or $(CRASH_MUTATIONS),10000) CRASH_FAULTS=$(or $(CRASH_FAULTS),500) go test -count=1 -timeout 60m -run 'EveryMutation|WhateverFails' ./internal/audit

soak: ## Load a gateway for SOAK (1h) with SOAK_RATE (500) calls a second and a fault each minute, reload it RELOADS (1000) times under load, and weigh 10,000 idle sessions, a quarter of them with a stream.
	SOAK=$(or $(SOAK),1h) SOAK_RATE=$(or $(SOAK_RATE),500) RELOADS=$(or $(RELOADS),1000) IDLE_SESSIONS=7500 IDLE_STREAMS=2500 ABORTED=10000 go test -count=1 -v -timeout 6h -run 'DUR30|DUR41|RES22' ./internal/stress

lint: ## Check formatting, modules, style, the Helm chart, and the types of what other systems get. The linter is built from source the first time (minutes).
	go mod tidy -diff
	go run ./internal/systems $(SYSTEMS)
	go -C tools/chart test ./...
	$(LINT) config verify
	$(LINT) run ./...

fuzz: ## Run every fuzz target for FUZZTIME seconds (30), all together at most FUZZ_TOTAL (600).
	scripts/fuzz

bench: ## Compare with a direct connection and a bare reverse proxy; prints the table.
	go run ./internal/bench $(ARGS)

detect: ## Measure the detectors and write docs/reference/detection.md. CORPORA=directory adds corpora.
	go run ./internal/detect -corpora "$(CORPORA)" $(ARGS)

conformance: ## Run the official MCP conformance suites through Doorward and compare the counts.
	scripts/parts
	scripts/conformance
