package parts_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// capabilities are what every client must see of every upstream; $SELF is the
// client's own initial.
var capabilities = []struct{ name, want string }{
	{"tools", "ask echo ended grow leave sample steps wait"},
	{"call", "echo of me"},
	{"resources", "the text of fixture://note"},
	{"templates", "the text of fixture://numbers/7"},
	{"prompts", "What is the weather in Rome?"},
	{"completion", "Lisbon London"},
	{"elicitation", "accept: client $SELF"},
	{"sampling", "the model says words of $SELF"},
	{"progress", "1 2 3"},
	{"cancellation", "cancelled"},
	{"list_changed", "echo of a new tool"},
}

// impossible are the cells that cannot be as the others: what a client is told
// instead, and why. An empty front or behind is any; the capability version is
// that nothing can be used.
var impossible = []struct{ front, behind, capability, want, why string }{
	{"TypeScript SDK 2, SSE, stateless", "", "version", "pinned protocol version 2026-07-28", "HTTP+SSE is the transport of 2024-11-05: it has no stateless era"},
}

// wanted is what a client must see, and why it is not what others see.
func wanted(f *front, b *behind, capability, usual string) (want, why string) {
	for _, x := range impossible {
		if x.capability == capability && (x.front == "" || x.front == f.name) && (x.behind == "" || x.behind == b.name) {
			return x.want, x.why
		}
	}
	return usual, ""
}

// The matrix: every client in its era over its transport, with every upstream
// in its era over its transport, through one gateway for each upstream. It uses
// all processors by itself and runs beside no other test.
func TestMatrix(t *testing.T) {
	gateways := make([]*gateway, len(behinds))
	for i, b := range behinds {
		gateways[i] = directory(t, fmt.Sprintf(`version: 1
listen: {address: "127.0.0.1:0", legacy_sse: true, websocket: true}
identity: {anonymous: {subject: local, roles: [user]}}
upstreams: {up: %s}
profiles: {plain: {upstreams: [up], names: plain}}
trust: {first_use: approve}
`, b.upstream(t)))
		gateways[i].serve()
	}
	script, err := filepath.Abs(filepath.Join("testdata", "matrix.mjs"))
	if err != nil {
		t.Fatal(err)
	}
	parts := &nodeParts{node(t), script, packages(t)}
	seen := make([][]map[string]string, len(fronts))
	var wg sync.WaitGroup
	room := make(chan struct{}, 2)
	for i := range fronts {
		room <- struct{}{}
		wg.Go(func() {
			seen[i] = fronts[i].use(t.Context(), gateways, parts)
			<-room
		})
	}
	wg.Wait()
	for i, f := range fronts {
		for j, b := range behinds {
			t.Run(f.name+"/"+b.name, func(t *testing.T) { check(t, &f, &b, seen[i][j]) })
		}
	}
	for _, g := range gateways {
		g.must("audit", "verify")
	}
}

func check(t *testing.T, f *front, b *behind, seen map[string]string) {
	t.Helper()
	version, why := wanted(f, b, "version", f.era)
	if why != "" {
		if got := seen["version"]; !strings.HasPrefix(got, "error: ") || !strings.Contains(got, version) {
			t.Errorf("the client is told %q, want an error with %q: %s", got, version, why)
		}
		return
	}
	if seen["version"] != version {
		t.Fatalf("the version is %q, want %s", seen["version"], version)
	}
	for _, c := range capabilities {
		want, why := wanted(f, b, c.name, strings.ReplaceAll(c.want, "$SELF", f.initial))
		if got := seen[c.name]; got != want && (why == "" || !strings.HasPrefix(got, "error: ") || !strings.Contains(got, want)) {
			t.Errorf("%s: %q, want %q %s", c.name, got, want, why)
		}
	}
}
