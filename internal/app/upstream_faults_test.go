package app_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"doorward/internal/audit"
	"doorward/internal/gatetest"
)

// flaky is an upstream that can refuse what arrives.
type flaky struct {
	*gatetest.UP
	server *httptest.Server
	fault  atomic.Pointer[http.HandlerFunc]
}

func newFlaky(t *testing.T) *flaky {
	f := &flaky{UP: gatetest.Upstream(t, gatetest.Script{Tools: rawTools("echo")})}
	f.server = httptest.NewServer(f)
	t.Cleanup(f.server.Close)
	return f
}

// ServeHTTP implements http.Handler.
func (f *flaky) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if fault := f.fault.Load(); fault != nil {
		(*fault)(w, r)
		return
	}
	f.UP.ServeHTTP(w, r)
}

// turn makes it fail in a way; nil: it works.
func (f *flaky) turn(fault http.HandlerFunc) {
	if fault == nil {
		f.fault.Store(nil)
		return
	}
	f.fault.Store(&fault)
}

// breakersOf is how often the breaker of an upstream is on record with a status.
func breakersOf(gw *gatetest.GW, upstream, status string) (n int) {
	for _, r := range gw.Records(audit.Query{Kind: audit.KindEvent}) {
		if r.Event == "upstream.breaker" && r.Upstream == upstream && r.Status == status {
			n++
		}
	}
	return n
}

// metric is the value of a metric with its labels, as a scrape reads it.
func metric(t *testing.T, gw *gatetest.GW, name string) float64 {
	t.Helper()
	w := httptest.NewRecorder()
	gw.App.Metrics().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	m := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + ` (\S+)$`).FindStringSubmatch(w.Body.String())
	if m == nil {
		return 0
	}
	v, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// RES-17, L4, L5: one of two upstreams fails in turn by breaking off, refusing, saying
// nothing and 503. It is left alone, the other is served, what it offered is listed as stale,
// and it is back without hands.
func TestRES17_GatewayOfAFailingUpstream(t *testing.T) {
	t.Parallel()
	down, well := newFlaky(t), newFlaky(t)
	gw := gatetest.Gateway(t, fmt.Sprintf("upstreams: {down: {url: %q, limits: {timeout: 3s}}, well: {url: %q}}\n", down.server.URL+"/mcp", well.server.URL+"/mcp"), nil)
	gw.Approve("")
	c := gw.As("alice").Open("2026-07-28")
	if r := c.Call("down__echo", `{}`); !r.OK() {
		t.Fatalf("before: %s", r)
	}
	if _, r := list(t, c, "tools/list", ""); strings.Contains(string(r.Body), "stale") {
		t.Fatalf("before: %s", r)
	}
	abort := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	down.turn(abort)
	codes := map[string]int{}
	comesTo(t, "the breaker opens", func() bool {
		r := c.Call("down__echo", `{}`)
		codes[r.Refusal]++
		return r.Refusal == "upstream.breaker"
	})
	if codes["upstream.outcome_unknown"]+codes["upstream.timeout"] != 5 || breakersOf(gw, "down", "failed") != 1 {
		t.Errorf("calls read %v, on record as open: %d", codes, breakersOf(gw, "down", "failed"))
	}
	r := c.Call("down__echo", `{}`)
	var refusal struct {
		Error struct {
			Data struct {
				RetryAfter int `json:"retryAfter"`
			} `json:"data"`
		} `json:"error"`
	}
	if err := json.Unmarshal(r.Body, &refusal); err != nil || refusal.Error.Data.RetryAfter < 1 || r.Header.Get("Retry-After") != strconv.Itoa(refusal.Error.Data.RetryAfter) {
		t.Errorf("it says %s, Retry-After %q", r.Body, r.Header.Get("Retry-After"))
	}
	if r := c.Call("well__echo", `{}`); !r.OK() {
		t.Errorf("the other upstream: %s", r)
	}
	if n := metric(t, gw, `doorward_upstream_breakers_open{upstream="down"}`); n != 1 || metric(t, gw, `doorward_upstream_breakers_open{upstream="well"}`) != 0 {
		t.Errorf("the gauge says %v", n)
	}
	for _, fault := range []http.HandlerFunc{
		func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
		func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // until then the server does not see that the client leaves
			<-r.Context().Done()
		},
	} {
		before := metric(t, gw, `doorward_upstream_events_total{kind="breaker_probe",upstream="down"}`)
		down.turn(fault)
		comesTo(t, "a probe that fails", func() bool {
			if r := c.Call("down__echo", `{}`); r.OK() {
				t.Fatalf("it works: %s", r)
			}
			return metric(t, gw, `doorward_upstream_events_total{kind="breaker_probe",upstream="down"}`) > before
		})
	}
	down.turn(nil)
	comesTo(t, "it is back", func() bool { return c.Call("down__echo", `{}`).OK() })
	if breakersOf(gw, "down", "failed") != 1 || breakersOf(gw, "down", "ok") != 1 || metric(t, gw, `doorward_upstream_breakers_open{upstream="down"}`) != 0 {
		t.Error("its return is not on record, or not in the metrics")
	}
}

// L5: what a dead upstream offered is listed as stale to who saw it, and only that.
func TestL5_ListsOfADeadUpstream(t *testing.T) {
	t.Parallel()
	down, well := newFlaky(t), newFlaky(t)
	gw := gatetest.Gateway(t, fmt.Sprintf("upstreams: {down: {url: %q}, well: {url: %q}}\n", down.server.URL+"/mcp", well.server.URL+"/mcp"), nil)
	gw.Approve("")
	c := gw.As("alice").Open("2025-11-25")
	if got, r := list(t, c, "tools/list", ""); len(got.Tools) != 2 {
		t.Fatalf("before: %s", r)
	}
	down.server.CloseClientConnections()
	down.server.Close()
	again := gw.As("alice").Open("2025-11-25") // another session of hers, so the list is read anew
	got, r := list(t, again, "tools/list", "")
	if len(got.Tools) != 2 || got.Meta.Unavailable != nil || !strings.Contains(string(r.Body), `"doorward/stale":["down"]`) {
		t.Errorf("alice reads %s", r)
	}
	if r := again.Call("down__echo", `{}`); r.OK() || r.Refusal != "upstream.unavailable" && r.Refusal != "upstream.breaker" {
		t.Errorf("calling: %s", r)
	}
	got, r = list(t, gw.As("bob").Open("2025-11-25"), "tools/list", "")
	if len(got.Tools) != 1 || !slices.Equal(got.Meta.Unavailable, []string{"down"}) || strings.Contains(string(r.Body), "stale") {
		t.Errorf("bob reads %s", r)
	}
}

// RES-02: a child that is killed at each call is left alone, for its client, with a record
// and a metric.
func TestRES02_GatewayOfAKilledChild(t *testing.T) {
	t.Parallel()
	server := filepath.Join(t.TempDir(), "server.sh")
	script := `#!/bin/sh
while read -r line; do
  id=$(printf %s "$line" | sed -n 's/.*"id":\([0-9]*\).*/\1/p')
  case "$line" in
  *'"server/discover"'*) printf '{"jsonrpc":"2.0","id":%s,"error":{"code":-32601,"message":"no"}}\n' "$id";;
  *'"initialize"'*) printf '{"jsonrpc":"2.0","id":%s,"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"s","version":"1"}}}\n' "$id";;
  *'"tools/list"'*) printf '{"jsonrpc":"2.0","id":%s,"result":{"tools":[{"name":"slow","inputSchema":{"type":"object"}}]}}\n' "$id";;
  *'"tools/call"'*) echo $$ > "` + server + `.pid.new"; mv "` + server + `.pid.new" "` + server + `.pid"; while :; do sleep 60; done;;
  esac
done
`
	if err := os.WriteFile(server, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	gw := gatetest.Gateway(t, fmt.Sprintf("upstreams: {up: {command: [sh, %q], sandbox: {kind: none}}}\n", server), nil)
	gw.Approve("up")
	c := gw.As("alice").Open("2025-11-25")
	killed := make(chan struct{})
	var killer sync.WaitGroup
	defer killer.Wait()
	defer close(killed)
	killer.Go(func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-killed:
				return
			case <-tick.C:
			}
			text, err := os.ReadFile(server + ".pid")
			if err != nil {
				continue
			}
			if pid, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
				_ = os.Remove(server + ".pid")
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
	})
	codes := map[string]int{}
	comesTo(t, "the breaker opens", func() bool {
		r := c.Call("up__slow", `{}`)
		codes[r.Refusal]++
		return r.Refusal == "upstream.breaker"
	})
	if codes["upstream.outcome_unknown"] != 5 || breakersOf(gw, "up", "failed") != 1 {
		t.Errorf("calls read %v, on record as open: %d", codes, breakersOf(gw, "up", "failed"))
	}
	if starts := metric(t, gw, `doorward_upstream_events_total{kind="child_start",upstream="up"}`); starts > 10 || metric(t, gw, `doorward_upstream_breakers_open{upstream="up"}`) != 1 {
		t.Errorf("%v starts", starts)
	}
	if r := gw.As("bob").Open("2025-11-25").Call("up__slow", `{}`); r.Refusal != "upstream.outcome_unknown" {
		t.Errorf("bob, whose process is another: %s", r)
	}
}

// comesTo waits for what calls bring about.
func comesTo(t *testing.T, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(limit); !done(); {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("it never was that %s", what)
		}
	}
}
