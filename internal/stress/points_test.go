//go:build linux

package stress_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// points are the failpoints of DUR-02, and of each the latest pass at which the
// process dies: within what 64 clients reach in half a second.
var points = [...]struct {
	name   string
	passes int
}{
	{"before-intent", 600},
	{"written", 200},
	{"before-forward", 600},
	{"answered", 600},
	{"before-answer", 600},
	{"rotation", 6},
	{"checkpoint", 12},
	{"key", 4},
}

// perLog bounds how many deaths one log sees: each is followed by its verification.
const perLog = 48

// TestDUR01_DUR02_DUR03_EveryFailpoint is promise P1 (DUR-01, DUR-02, DUR-03): whenever the gateway
// dies under the calls of 64 clients, what a client had an answer to has its outcome
// on record, what the upstream executed has its intent, and the log verifies and says
// of how many calls the end is unknown. With durability: power the same holds when
// what was not synced is lost as well.
func TestDUR01_DUR02_DUR03_EveryFailpoint(t *testing.T) {
	tagged := filepath.Join(t.TempDir(), "doorward")
	if out, err := exec.Command("go", "build", "-tags", "failpoints", "-o", tagged, "doorward/cmd/doorward").CombinedOutput(); err != nil {
		t.Fatalf("building doorward with failpoints: %v\n%s", err, out)
	}
	for _, fails := range []string{"write:40", "sync:60"} {
		t.Run(fails, func(t *testing.T) { failingDisk(t, tagged, fails) })
	}
	for _, durability := range []string{"process", "power"} {
		t.Run(durability, func(t *testing.T) {
			sum := &dying{power: durability == "power"}
			for left := times(t, "CRASH_DEATHS", 2*len(points)); left > 0; left -= perLog {
				sum.log(t, tagged, min(left, perLog))
			}
			t.Logf("%d deaths, %d of them at failpoints: %d calls answered, %d executed, %d left without an outcome, %d torn tails repaired; the slowest restart took %s",
				sum.deaths, sum.armed, sum.answered, sum.executed, sum.unknown, sum.repaired, sum.slowest.Round(time.Millisecond))
		})
	}
}

// dying is a gateway that dies again and again.
type dying struct {
	power bool
	g     *gateway
	web   *web
	trail *trail
	keys  []string
	open  map[string]bool // exchanges with an intent and no outcome yet
	acked []seen          // since the last restart

	deaths, armed, answered, executed, unknown, repaired int
	slowest                                              time.Duration
}

// begin makes a gateway with a log of its own.
func (d *dying) begin(t *testing.T, binary string) {
	t.Helper()
	durability := "process"
	if d.power {
		durability = "power"
	}
	d.web = newWeb(t, false)
	d.g = newGateway(t, fmt.Sprintf("upstreams: {web: {url: %q, limits: {concurrency: 64}}}\nprofiles: {web: {upstreams: [web], names: plain}}\naudit: {durability: %s}\n", d.web.url, durability))
	d.trail, d.open = d.g.trail(), map[string]bool{}
	d.g.binary = binary
	d.g.start()
	d.keys = d.g.keys(4)
	d.g.kill()
}

// log lets a gateway with a log of its own die so many times.
func (d *dying) log(t *testing.T, binary string, times int) {
	t.Helper()
	d.begin(t, binary)
	for n := range times {
		point := ""
		if n%2 == 0 {
			p := points[d.armed%len(points)]
			point = fmt.Sprintf("%s:%d", p.name, 1+rand.IntN(p.passes))
			if p.name == "written" { // the first are those of the start
				point = fmt.Sprintf("%s:%d", p.name, 20+rand.IntN(p.passes))
			}
			if d.power {
				point += ":power"
			}
			d.armed++
		}
		if !d.start(t, point) { // it has died as it started
			d.deaths++
			point = ""
			d.start(t, point)
		}
		d.die(t, n, point)
		d.deaths++
		if t.Failed() {
			t.Fatalf("death %d, at %q", n+1, point)
		}
	}
	d.start(t, "")
	d.g.stop()
	d.g.verify()
	d.executed += int(d.web.calls.Load())
	d.unknown += len(d.open)
}

// start starts the gateway again and looks at what the death before it has left. One
// that is to die at a failpoint may reach it before it serves: then it is false.
func (d *dying) start(t *testing.T, point string) bool {
	t.Helper()
	d.g.env = []string{"DOORWARD_FAILPOINT_SEGMENT=262144", "DOORWARD_FAILPOINT_CHECKPOINT=40ms"}
	if point != "" {
		d.g.env = append(d.g.env, "DOORWARD_FAILPOINT="+point)
	}
	began := time.Now()
	if point == "" {
		d.g.start()
	} else if !d.g.launch() {
		return false
	}
	took := time.Since(began)
	// How long it takes says as much about what else the machine does, so that it is only told
	// unless the machine is known to do nothing else.
	if d.slowest = max(d.slowest, took); took > 5*time.Second && os.Getenv("CRASH_DEATHS") != "" {
		t.Errorf("the restart took %s", took)
	}
	d.judge(t)
	return true
}

// judge holds the log against what clients and the upstream have seen.
func (d *dying) judge(t *testing.T) {
	t.Helper()
	list, _, err := d.trail.next()
	if err != nil {
		t.Fatal(err)
	}
	intents, outcomes := map[string]bool{}, map[string]bool{}
	for _, r := range list {
		switch {
		case r.Kind == "intent":
			intents[strings.Trim(r.ID, `"`)] = true
			d.open[r.Exchange] = true
		case r.Kind == "outcome":
			outcomes[r.Exchange] = true
			delete(d.open, r.Exchange)
		case r.Event == "audit.repaired":
			d.repaired++
		}
	}
	for _, a := range d.acked {
		if !outcomes[a.exchange] {
			t.Errorf("call %s was answered in exchange %s, which has no outcome on record", a.canary, a.exchange)
		}
	}
	d.answered += len(d.acked)
	d.acked = nil
	d.web.mu.Lock()
	for canary := range d.web.executed {
		if !intents[canary] {
			t.Errorf("call %s was executed without an intent on record", canary)
		}
	}
	clear(d.web.executed)
	d.web.mu.Unlock()
	out, err := d.g.command("audit", "verify", "--format", "json")
	var said struct{ Unanswered int }
	if err != nil || json.Unmarshal(out, &said) != nil || said.Unanswered != len(d.open) {
		t.Errorf("audit verify says %s, %v; %d calls have no outcome", out, err, len(d.open))
	}
}

// die runs 64 clients until the gateway is dead: at its failpoint, or at a random
// moment after each has had an answer.
func (d *dying) die(t *testing.T, n int, point string) {
	t.Helper()
	var wg sync.WaitGroup
	var first atomic.Int32
	var killed atomic.Bool
	all := make([][]seen, 64)
	ready := make(chan struct{})
	for i := range all {
		version := stateful
		if i%4 == 3 {
			version = stateless
		}
		c := d.g.client(fmt.Sprintf("r%d-c%d", n, i), d.keys[i%len(d.keys)], version, "web")
		wg.Go(func() {
			defer c.close()
			err := c.open()
			for j := 0; err == nil; j++ {
				canary := fmt.Sprintf("%s/%d", c.name, j)
				var r *reply
				if r, err = c.echo(strconv.Quote(canary), canary); err == nil {
					all[i] = append(all[i], seen{canary, r.exchange})
				}
				if err == nil && j == 0 && first.Add(1) == int32(len(all)) {
					close(ready)
				}
			}
			if point == "" && !killed.Load() {
				t.Errorf("%s before the kill: %v", c.name, err)
			}
		})
	}
	switch {
	case point == "":
		select {
		case <-ready:
		case <-time.After(patience):
			t.Error("the clients get no answers")
		}
		<-time.After(rand.N(150 * time.Millisecond))
		killed.Store(true)
		d.g.kill()
	case strings.HasPrefix(point, "key:"):
		_, _ = d.g.command("audit", "replace-key") // the gateway dies over it
		fallthrough
	default:
		select {
		case <-d.g.ended:
		case <-time.After(patience):
			t.Errorf("the gateway does not reach %s", point)
			d.g.kill()
		}
	}
	wg.Wait()
	for _, list := range all {
		d.acked = append(d.acked, list...)
	}
}
