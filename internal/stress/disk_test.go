//go:build linux

package stress_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// TestDiskFull lets the audit log run into the end of what it may write. The
// limit is RLIMIT_FSIZE, which needs no rights and comes and goes as it must; a
// full file system answers a write the same way, short or not at all.
func TestDiskFull(t *testing.T) {
	web := newWeb(t, false)
	g := newGateway(t, fmt.Sprintf("upstreams: {web: {url: %q}}\nprofiles: {web: {upstreams: [web], names: plain}}\n", web.url))
	g.start()
	keys := g.keys(8)
	f := &filling{g: g, web: web, trail: g.trail()}
	for i, key := range keys {
		version := stateful
		if i%2 == 1 {
			version = stateless
		}
		c := g.client(fmt.Sprintf("c%d", i), key, version, "web")
		defer c.close()
		if err := c.open(); err != nil {
			t.Fatal(err)
		}
		if _, err := c.echo("1", c.name+"/warm"); err != nil {
			t.Fatal(err)
		}
		f.clients = append(f.clients, c)
	}

	_, size := f.trail.newest()
	f.limit(t, uint64(size)+128<<10)
	f.callUntilRefused(t)
	if !g.alive() {
		t.Fatalf("the gateway ended when the disk was full: %s", g.cmd.ProcessState)
	}
	before := web.calls.Load()
	for _, c := range f.clients {
		for n := range 10 {
			f.refused(t, c, fmt.Sprintf("%s/full%d", c.name, n))
		}
	}
	if n := web.calls.Load() - before; n != 0 {
		t.Errorf("%d calls reached the upstream while the log could not be written", n)
	}
	// The log tries a short record of its own now and then, and that may fit.
	within(t, patience, "/readyz says 503 and that it is the audit log", func() bool {
		f.refused(t, f.clients[0], "c0/unready")
		status, why := g.health("/readyz")
		return status == http.StatusServiceUnavailable && strings.Contains(why, "audit log")
	})
	if status, _ := g.health("/healthz"); status != http.StatusOK {
		t.Errorf("/healthz says %d", status)
	}
	f.kept(t)

	f.limit(t, unix.RLIM_INFINITY)
	within(t, patience, "/readyz says 200 again, without a call", func() bool {
		status, _ := g.health("/readyz")
		return status == http.StatusOK
	})
	for _, c := range f.clients {
		if _, err := c.echo("1", c.name+"/again"); err != nil {
			t.Error(err)
		}
	}
	g.stop()
	g.verify()
}

// filling is a gateway whose disk gets full.
type filling struct {
	g       *gateway
	web     *web
	trail   *trail
	clients []*client

	mu       sync.Mutex
	answered []seen
	denied   []seen
}

func (f *filling) limit(t *testing.T, bytes uint64) {
	t.Helper()
	r := unix.Rlimit{Cur: bytes, Max: unix.RLIM_INFINITY}
	if err := unix.Prlimit(f.g.cmd.Process.Pid, unix.RLIMIT_FSIZE, &r, nil); err != nil {
		t.Fatal(err)
	}
}

// callUntilRefused lets everybody call until 20 calls in a row were refused:
// a short record may still fit where a longer one did not.
func (f *filling) callUntilRefused(t *testing.T) {
	var wg sync.WaitGroup
	for _, c := range f.clients {
		wg.Go(func() {
			for n, row := 0, 0; row < 20; n++ {
				canary := fmt.Sprintf("%s/%d", c.name, n)
				r, err := c.call(strconv.Quote(canary), "echo", canary)
				switch {
				case err != nil:
					t.Errorf("%s: %v", canary, err)
					return
				case n > 20_000:
					t.Errorf("%s: still no refusal", c.name)
					return
				}
				f.mu.Lock()
				switch code := r.refusal(); {
				case r.text() == canary:
					row = 0
					f.answered = append(f.answered, seen{canary, r.exchange})
				case code == "audit.unavailable":
					row++
					f.denied = append(f.denied, seen{canary, r.exchange})
				default:
					row = 20
					t.Errorf("%s: %d %s", canary, r.status, r.raw)
				}
				f.mu.Unlock()
			}
		})
	}
	wg.Wait()
}

func (f *filling) refused(t *testing.T, c *client, canary string) {
	t.Helper()
	r, err := c.call(strconv.Quote(canary), "echo", canary)
	if err != nil {
		t.Fatal(err)
	}
	if r.refusal() != "audit.unavailable" {
		t.Errorf("%s: got %d %s, want the refusal audit.unavailable", canary, r.status, r.raw)
	}
}

// kept checks that what was answered is on record, and that nothing was
// executed that is not.
func (f *filling) kept(t *testing.T) {
	t.Helper()
	list, torn, err := f.trail.next()
	if err != nil {
		t.Fatal(err)
	}
	if torn {
		t.Error("the log ends in an incomplete record while the gateway runs")
	}
	intents, outcomes := map[string]bool{}, map[string]bool{}
	for _, r := range list {
		switch r.Kind {
		case "intent":
			intents[strings.Trim(r.ID, `"`)] = true
		case "outcome":
			outcomes[r.Exchange] = true
		}
	}
	for _, a := range f.answered {
		if !outcomes[a.exchange] {
			t.Errorf("%s was answered and has no outcome on record", a.canary)
		}
	}
	executed := 0
	for _, d := range f.denied {
		switch {
		case !f.web.has(d.canary):
		case !intents[d.canary]:
			t.Errorf("%s was refused, executed, and has no intent on record", d.canary)
		default:
			executed++
		}
	}
	t.Logf("%d calls answered, %d refused; %d of those were executed already, with an intent on record, and their answers withheld", len(f.answered), len(f.denied), executed)
	if len(f.answered) == 0 {
		t.Error("no call was answered before the disk was full")
	}
}
