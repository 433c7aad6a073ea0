//go:build linux

package stress_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// TestRES34_FewDescriptors has 1,000 connections come to a gateway that may have 256
// descriptors, and each make a call. It lives and writes its record; whoever was answered is
// on it, and the others were told or had their connection closed.
func TestRES34_FewDescriptors(t *testing.T) {
	const connections, descriptors = 1000, 256
	web := newWeb(t, false)
	g := newGateway(t, fmt.Sprintf("upstreams: {web: {url: %q}}\nprofiles: {web: {upstreams: [web], names: plain}}\n", web.url))
	key := g.keys(1)[0]
	g.binary = filepath.Join(g.dir, "doorward-with-few")
	text := fmt.Sprintf("#!/bin/sh\nulimit -n %d\nexec %s \"$@\"\n", descriptors, doorward)
	if err := os.WriteFile(g.binary, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	g.start()
	trail := g.trail()

	var mu sync.Mutex
	var answered []seen
	var told, cut atomic.Int64
	var all sync.WaitGroup
	clients := make([]*client, connections)
	for i := range clients {
		c := g.client(fmt.Sprintf("c%d", i), key, stateless, "web")
		clients[i] = c
		all.Go(func() { // each keeps its connection
			if c.open() != nil {
				cut.Add(1)
				return
			}
			canary := c.name + "/1"
			r, err := c.call(`"`+canary+`"`, "echo", canary)
			switch {
			case err != nil:
				cut.Add(1)
			case r.text() == canary:
				mu.Lock()
				answered = append(answered, seen{canary, r.exchange})
				mu.Unlock()
			case r.shed():
				told.Add(1)
			default:
				t.Errorf("%s: %d %s", canary, r.status, r.raw)
			}
		})
	}
	done := make(chan struct{})
	go func() { all.Wait(); close(done) }()
	most := 0
	within(t, patience, "every client is answered, told or cut off", func() bool {
		most = max(most, g.files(t))
		select {
		case <-done:
			return true
		default:
			return false
		}
	})
	t.Logf("of %d calls %d were answered, %d told that there is no room, %d cut off; %d descriptors of %d at most", connections, len(answered), told.Load(), cut.Load(), most, descriptors)
	if status, why := g.health("/readyz"); status != http.StatusOK {
		t.Errorf("/readyz says %d %s", status, why)
	}
	for _, c := range clients {
		c.close()
	}
	if len(answered) < connections/2 || most > descriptors-32 || g.stderr.count("too many open files") > 0 {
		t.Errorf("%d calls were answered, want half of them; %d descriptors, want 32 left", len(answered), most)
	}
	list, _, err := trail.next()
	if err != nil {
		t.Fatal(err)
	}
	outcomes := make(map[string]bool)
	for _, r := range list {
		outcomes[r.Exchange] = outcomes[r.Exchange] || r.Kind == "outcome"
	}
	for _, a := range answered {
		if !outcomes[a.exchange] {
			t.Errorf("%s was answered and has no outcome on record", a.canary)
		}
	}
	g.stop()
	g.verify()
}

// files is how many descriptors the gateway has.
func (g *gateway) files(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", g.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// TestRES36_LittleMemoryOneProcessor has a gateway with one processor and 128 MiB hold more
// bodies than it can, of calls that hang, while others call what they may and what they may
// not. What finds no room is told so, what is denied stays denied, and when the bodies are
// gone everybody is served.
func TestRES36_LittleMemoryOneProcessor(t *testing.T) {
	const bodies, size = 30, 512 << 10 // 15 MiB; bodies of the two who send them have 12 there
	web := newWeb(t, false)
	g := newGateway(t, fmt.Sprintf(`
upstreams: {web: {url: %q, limits: {result: 2MiB}}}
profiles: {web: {upstreams: [web], names: plain}}
roles: {caller: {allow: [{tools: ["web/echo", "web/hang"]}]}}
`, web.url))
	g.env = []string{"GOMAXPROCS=1", "GOMEMLIMIT=128MiB"}
	g.start()
	keys := g.keys(3, "caller")
	var shed, hung atomic.Int64
	var large, small sync.WaitGroup
	var holding []*client
	canary := strings.Repeat("x", size)
	for i := range bodies {
		c := g.client("large", keys[i%2], stateless, "web")
		if err := c.open(); err != nil {
			t.Fatal(err)
		}
		holding = append(holding, c)
		large.Go(func() {
			switch r, err := c.call("1", "hang", canary); {
			case err != nil:
				hung.Add(1) // until its connection ended
			case r.shed():
				shed.Add(1)
			default:
				t.Errorf("a large call: %d %.200s", r.status, r.raw)
			}
		})
	}
	mixed := func(room bool) {
		for i := range 4 {
			c := g.client(fmt.Sprintf("small%d", i), keys[2], stateless, "web")
			small.Go(func() { c.mixed(t, 10, room) })
		}
		small.Wait()
	}
	mixed(false)
	within(t, patience, "as many hang as there is room for, and the others are told", func() bool {
		return shed.Load()+web.calls.Load() >= bodies && shed.Load() > 0
	})
	mixed(false)
	if status, why := g.health("/readyz"); status != http.StatusOK {
		t.Errorf("/readyz says %d %s", status, why)
	}
	resident := g.resident()
	for _, c := range holding {
		c.close()
	}
	large.Wait()
	within(t, patience, "nothing is held any more", func() bool { return g.metric("doorward_in_flight_bytes") == 0 })
	mixed(true)
	t.Logf("%d bodies of %d KiB hung and %d found no room, resident %d MiB", hung.Load(), size>>10, shed.Load(), resident>>20)
	if resident > 192<<20 {
		t.Errorf("resident %d MiB, and the collector works towards 128", resident>>20)
	}
	if web.has("denied") {
		t.Error("a call that policy denies was executed")
	}
	g.stop()
	g.verify()
}

// mixed calls what the client may call and what it may not, in turns. Where there is room for
// all, none may be told that there is not.
func (c *client) mixed(t *testing.T, calls int, room bool) {
	defer c.close()
	if err := c.open(); err != nil {
		t.Error(err)
		return
	}
	for n := range calls {
		tool, canary := "echo", fmt.Sprintf("%s/%d", c.name, n)
		if n%2 == 1 {
			tool, canary = "alpha", "denied"
		}
		r, err := c.call("1", tool, canary)
		switch {
		case err != nil:
			t.Errorf("%s %s: %v", c.name, tool, err)
			return
		case r.shed() && !room:
		case tool == "echo" && r.text() == canary:
		case tool == "alpha" && r.refusal() == "policy.denied":
		default:
			t.Errorf("%s %s: %d %s", c.name, tool, r.status, r.raw)
		}
	}
}
