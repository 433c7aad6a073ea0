//go:build linux

package stress_test

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"testing"
	"time"
)

// The upstream of TestOverload bears 50 calls a second. That is little, so that its places
// are what there is too little of, and not the processor that the tests share.
const (
	borne     = 8 // at a time
	eachTakes = 160 * time.Millisecond
	capacity  = borne * float64(time.Second) / float64(eachTakes)
)

// TestOverload has five principals call an upstream, at four fifths of what it can do, and
// then one of them so much that they offer five times that, for OVERLOAD or 3 s. As many
// calls are answered as at most, in about the time that they took before; the neighbours
// have theirs, and everybody else is told when to come back; the gateway holds no more
// memory, and says how it is. What was measured at different times is only told unless OVERLOAD
// is set, for it says as much about what else the machine did then; that the neighbours have
// more of what they ask for than the flood is held at any time.
func TestOverload(t *testing.T) {
	long, text := 3*time.Second, os.Getenv("OVERLOAD")
	measured := text != ""
	if measured {
		var err error
		if long, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	web := newWeb(t, false)
	web.slots, web.takes = make(chan struct{}, borne), eachTakes
	g := newGateway(t, fmt.Sprintf("upstreams: {web: {url: %q, limits: {concurrency: %d}}}\nprofiles: {web: {upstreams: [web], names: plain}}\n", web.url, borne))
	g.start()
	var all []*offer
	for i, key := range g.keys(5) {
		o := &offer{g: g, name: fmt.Sprintf("c%d", i), key: key, rate: capacity * 4 / 5 / 5}
		defer o.close()
		all = append(all, o)
	}
	flood, neighbours := all[0], all[1:]
	_, normal := together(t, long/2, all...)
	had := make([]float64, len(neighbours))
	for i, o := range neighbours {
		had[i] = o.answered()
	}
	flood.rate = 2 * capacity
	peak, _ := together(t, long/2, flood)

	flood.rate = 5*capacity - 4*neighbours[0].rate
	before := g.resident()
	stop, health := make(chan struct{}), make(chan time.Duration)
	go func() { health <- slowest(t, g, stop) }()
	rate, p99 := together(t, long, all...)
	close(stop)
	slow, after := <-health, g.resident()
	least := 1.0 // of a neighbour's calls, the part that was answered
	for i, o := range neighbours {
		least = min(least, o.answered())
		if measured && o.answered() < 0.9*had[i] {
			t.Errorf("%s: %.0f%% of its calls were answered, and %.0f%% before the flood", o.name, 100*o.answered(), 100*had[i])
		}
		if o.answered() < 2*flood.answered() {
			t.Errorf("%s: %.0f%% of its calls were answered, and %.0f%% of the flood's", o.name, 100*o.answered(), 100*flood.answered())
		}
	}
	t.Logf("answered %.1f calls a second, at most before %.1f; p99 %s, normally %s; of the neighbours' calls %.1f%% at least, normally %.1f%%; of the flood's %d of %d; health in %s; resident %d MiB, before %d",
		rate, peak, p99, normal, 100*least, 100*slices.Min(had), flood.sent-flood.shed, flood.sent, slow, after>>20, before>>20)
	if measured && rate < 0.8*peak {
		t.Errorf("%.1f calls a second are answered, of %.1f at most before", rate, peak)
	}
	if measured && p99 > 3*normal {
		t.Errorf("calls take %s, and %s normally", p99, normal)
	}
	if flood.shed < flood.sent/2 {
		t.Errorf("%d of %d calls of the flood found no room: that was no overload", flood.shed, flood.sent)
	}
	if measured && slow > time.Second {
		t.Errorf("health took %s", slow)
	}
	if after > before*3/2+32<<20 {
		t.Errorf("resident %d MiB, before %d", after>>20, before>>20)
	}
	g.stop()
	g.verify()
}

// slowest is how long an answer of health, readiness and metrics took at most, ten of them a
// second, until stop.
func slowest(t *testing.T, g *gateway, stop <-chan struct{}) (most time.Duration) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	c := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	paths := []string{"/healthz", "/readyz", "/metrics"}
	for n := 0; ; n++ {
		path := paths[n%len(paths)]
		began := time.Now()
		resp, err := c.Get("http://" + g.admin + path)
		if err != nil {
			t.Error(err)
			return patience
		}
		resp.Body.Close()
		most = max(most, time.Since(began))
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s says %d", path, resp.StatusCode)
		}
		select {
		case <-stop:
			return most
		case <-tick.C:
		}
	}
}
