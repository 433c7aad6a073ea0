package upstream_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"doorward/internal/gate"
	"doorward/internal/sandbox"
	"doorward/internal/sandbox/container"
	"doorward/internal/upstream"
)

// dockerScript stands in for docker: it keeps what create was told, says what was made
// with docker's words, and starts this test's child. What it lies beside is DIR.
const dockerScript = `#!/bin/sh
PATH=/usr/bin:/bin
case $1 in
version) echo '{"Server":{"Components":[{"Name":"Engine","Version":"29.5.1"},{"Name":"containerd","Version":"2.2.5"},{"Name":"runc","Version":"1.4.3"}]}}' ;;
context) echo '"unix:///var/run/docker.sock"' ;;
info) echo '["name=seccomp,profile=builtin"]' ;;
create) printf '%s\n' "$@" >DIR/created; env >DIR/environment ;;
container) echo '{"Host":{"ReadonlyRootfs":true,"NetworkMode":"none","CapDrop":["ALL"],"SecurityOpt":["no-new-privileges"],"MaskedPaths":["/proc/kcore"],"Memory":536870912,"MemorySwap":536870912,"NanoCpus":1000000000,"PidsLimit":256},"User":"USER","Mounts":[]}' ;;
start) env >DIR/started; exec SELF -child echo ;;
rm) echo "$4" >>DIR/removed ;;
esac
`

const image = "mcp/echo@sha256:4dad7affc2f575e885e5563b405c40f895c61ae82b7aae8b8f3e47f57b955694"

// itemPins keeps the item that the lock is asked about.
type itemPins struct {
	pins

	mu   sync.Mutex
	item gate.Item
}

func (p *itemPins) ReachAllowed(it gate.Item) gate.Verdict {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.item = it
	return gate.Pass()
}

// A command in a container: its calls are answered, its secret is in no argument and
// not in the environment of what runs on, the image is what is pinned, the start says
// so on record, and the container is removed with the process.
func TestSBX23_ACommandInAContainer(t *testing.T) {
	dir := t.TempDir()
	user := "65534:65534"
	if os.Geteuid() > 0 {
		user = strconv.Itoa(os.Geteuid()) + ":" + strconv.Itoa(os.Getegid())
	}
	script := strings.NewReplacer("DIR", dir, "SELF", self(), "USER", user).Replace(dockerScript)
	if err := os.WriteFile(filepath.Join(dir, "docker"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
	var mu sync.Mutex
	var details []string
	pins, m := &itemPins{pins: approveAll()}, &meter{}
	p := newPool(t, upstream.Config{
		Pins: pins, Meter: m, Owner: strings.Repeat("0a", 16),
		Upstreams: []upstream.Settings{{
			Name: "up", Command: []string{"/server", "--flag"}, Env: map[string]string{"TOKEN": "token"},
			Sandbox: &upstream.Confinement{Kind: container.Docker, Image: image, Given: sandbox.Given{Weaker: []string{sandbox.Runtime}}},
		}},
		Secret: func(string) (upstream.Secret, error) { return known("canary-9Qx"), nil },
		Events: func(_ context.Context, e gate.Event) error {
			mu.Lock()
			defer mu.Unlock()
			if e.Kind == "upstream.start" {
				details = append(details, e.Detail)
			}
			return nil
		},
	})
	got, err := forward(t, p, exchange(t, newSession("a"), "up", call("echo", `{"n":7}`)))
	if err != nil || len(got) != 1 {
		t.Fatalf("got %v, error %v", got, err)
	}
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if weaker, started := m.of("child_weaker"), m.of("child_start"); weaker != 1 || started != 1 {
		t.Errorf("%d of %d starts are counted as weaker, want 1 of 1", weaker, started)
	}
	said := func(name string) string {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	created := strings.Split(said("created"), "\n")
	if !slices.Contains(created, "--env=TOKEN") || !slices.Contains(created, image) || strings.Contains(said("created"), "canary") {
		t.Errorf("docker was told %q", created)
	}
	if !strings.Contains(said("environment"), "TOKEN=canary-9Qx") || strings.Contains(said("started"), "canary") {
		t.Error("the secret is where it should not be, or not where it should")
	}
	name := strings.TrimPrefix(created[1], "--name=")
	if !strings.HasPrefix(name, "doorward-") || !strings.Contains(said("removed"), name) {
		t.Errorf("%q was not removed: %q", name, said("removed"))
	}
	if raw := string(pins.item.Raw); !strings.Contains(raw, image) || !strings.Contains(raw, `"/server"`) {
		t.Errorf("what is pinned is %s", raw)
	}
	if len(details) != 1 || !strings.Contains(details[0], "in docker of any version") {
		t.Errorf("the record of the start says %q", details)
	}
}

// Without its program, an image without a digest, or an owner there is no container.
func TestSBX20_AContainerThatCannotBeMadeIsNotStarted(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for _, c := range []upstream.Confinement{{Kind: container.Podman, Image: image}, {Kind: container.Docker}} {
		p := newPool(t, upstream.Config{Upstreams: []upstream.Settings{{Name: "up", Command: []string{"/bin/sh"}, Sandbox: &c}}})
		if _, err := forward(t, p, exchange(t, newSession("a"), "up", call("echo", `{}`))); err == nil {
			t.Errorf("%v was started", c)
		}
	}
}
