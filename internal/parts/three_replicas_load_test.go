package parts_test

import (
	"fmt"
	"net/http"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"
)

// load is a steady load on three gateways, and what came of it.
type load struct {
	f    *three
	stop chan struct{}
	wg   sync.WaitGroup

	mu      sync.Mutex
	looks   int             // read-only calls
	counts  map[string]bool // counting calls, and whether they were answered with their result
	moved   int             // calls in sessions of the old era
	anew    int             // sessions that began anew
	faults  []string
	slowest time.Duration
}

// pause is between two calls of one client.
const pause = 60 * time.Millisecond

// load begins with two clients of each gateway and one with a session at each; end ends it.
func (f *three) load(t *testing.T) (l *load, end func()) {
	l = &load{f: f, stop: make(chan struct{}), counts: map[string]bool{}}
	for i := range 9 {
		c := f.caller(f.from[i%3], "")
		if i < 6 {
			l.wg.Go(func() { l.calls(t, c, i) })
		} else {
			l.wg.Go(func() { l.sessions(t, c) })
		}
	}
	end = sync.OnceFunc(func() {
		close(l.stop)
		l.wg.Wait()
	})
	t.Cleanup(end)
	return l, end
}

// each does something until the load ends, at most once a pause.
func (l *load) each(do func(n int)) {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for n := 0; ; n++ {
		do(n)
		select {
		case <-tick.C:
		case <-l.stop:
			return
		}
	}
}

// fault takes note of what must not happen, a hundred at most.
func (l *load) fault(format string, args ...any) {
	if len(l.faults) < 100 {
		l.faults = append(l.faults, time.Now().UTC().Format("05.000 ")+fmt.Sprintf(format, args...))
	}
}

// calls makes a read-only call and a counting one by turns.
func (l *load) calls(t *testing.T, c *caller, i int) {
	l.each(func(n int) {
		name, tool := fmt.Sprintf("load-%d-%d", i, n), []string{"look", "count"}[n%2]
		began := time.Now()
		a := c.call(t, tool, name, "")
		l.mu.Lock()
		defer l.mu.Unlock()
		l.slowest = max(l.slowest, time.Since(began))
		if tool == "look" {
			l.looks++
		} else {
			l.counts[name] = a.good()
		}
		if !a.good() {
			l.fault("%s %s: %v", tool, name, a)
		}
	})
}

// sessions reads in a session of the old era, and begins anew when it is told that the
// session is gone, which is a 404 (2025-11-25, session management).
func (l *load) sessions(t *testing.T, c *caller) {
	l.each(func(int) {
		var a got
		began := c.session == ""
		if began {
			a = c.post(t, "initialize", `"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"old","version":"1"}`)
			c.session = a.session
		} else {
			a = c.call(t, "look", "in a session", "")
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		switch {
		case !began && a.err == nil && a.status == http.StatusNotFound && a.code == "session.unknown":
			c.session = ""
			l.anew++
		case !a.good() || began && a.session == "":
			l.fault("a session: %v", a)
		case !began:
			l.moved++
		}
	})
}

// rollingRestart restarts one gateway after the other while the load goes on.
func rollingRestart(t *testing.T, f *three) {
	times := 1
	if text := os.Getenv("DOORWARD_RESTARTS"); text != "" {
		var err error
		if times, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	l, end := f.load(t)
	for range times {
		for i := range f.replicas {
			f.restart(i)
		}
	}
	end()
	made := f.made("count")
	answered := 0
	for name, good := range l.counts {
		if n := made[name]; n > 1 || good && n != 1 {
			t.Errorf("call %s, answered %v, was made %d times", name, good, n)
		}
		if good {
			answered++
		}
	}
	for _, fault := range l.faults {
		t.Error(fault)
	}
	if l.looks == 0 || answered == 0 || l.moved == 0 {
		t.Error("there was no load")
	}
	t.Logf("%d restarts: %d read-only calls, %d counting calls of which %d were answered, %d calls in sessions of which %d began anew; %d failed; the slowest took %v",
		3*times, l.looks, len(l.counts), answered, l.moved, l.anew, len(l.faults), l.slowest.Round(time.Millisecond))
}
