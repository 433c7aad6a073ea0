//go:build linux

package stress_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestDUR38_KillNine is promise 7 of the first part: SIGKILL at any moment loses no
// record that a client or an upstream has seen the effect of, breaks no chain,
// and leaves no process of a command behind for longer than two seconds.
func TestDUR38_KillNine(t *testing.T) {
	rounds := times(t, "CRASH_DEATHS", 6)
	web := newWeb(t, false)
	// A number, so that the grandchild can be `sleep` and still be recognised.
	marker := strconv.FormatInt(7_000_000_000+rand.Int64N(1_000_000_000), 10)
	done := filepath.Join(t.TempDir(), "executed")
	g := newGateway(t, fmt.Sprintf(`
upstreams:
  web: {url: %q}
  child: {command: %s, sandbox: {write: [%q]}}
profiles:
  web: {upstreams: [web], names: plain}
  child: {upstreams: [child], names: plain}
`, web.url, stdioCommand(t, done, marker), filepath.Dir(done)))
	k := &killing{g: g, web: web, marker: marker, done: done, trail: g.trail(), intents: map[string]bool{}, outcomes: map[string]bool{}}
	g.start()
	k.keys = g.keys(16)
	g.kill()
	for n := range rounds {
		k.round(t, n)
		if t.Failed() {
			t.Fatalf("in round %d of %d", n+1, rounds)
		}
	}
	g.start()
	k.after(t)
	g.stop()
	g.verify()
	t.Logf("%d rounds: %d calls answered, %d executed over HTTP, %d over stdio, %d torn tails repaired (%d of them left by SIGKILL itself), up to %d processes of the upstream gone within %s",
		rounds, k.answered, web.calls.Load(), k.stdio, k.repaired, k.natural, k.most, k.slowest.Round(time.Millisecond))
}

// killing is what the rounds share.
type killing struct {
	g      *gateway
	web    *web
	marker string
	done   string // the stdio server's file of canaries
	keys   []string
	trail  *trail

	intents  map[string]bool // ids of this round's intents
	outcomes map[string]bool // exchanges of this round's outcomes
	torn     bool            // the last round left an incomplete record

	answered, stdio, repaired, natural, most int
	offset                                   int64 // in done
	slowest                                  time.Duration
}

func (k *killing) round(t *testing.T, n int) {
	g := k.g
	g.start()
	k.after(t)
	answers := k.load(t, n)
	k.gone(t)
	if err := k.read(); err != nil {
		t.Fatal(err)
	}
	for _, a := range answers {
		if !k.outcomes[a.exchange] {
			t.Errorf("call %s was answered in exchange %s, which has no outcome on record", a.canary, a.exchange)
		}
	}
	k.answered += len(answers)
	k.judge(t, n)
	if n%5 == 4 && !k.torn {
		k.tear(t)
	}
}

// after looks at a gateway that was started after a kill.
func (k *killing) after(t *testing.T) {
	list, _, err := k.trail.next()
	if err != nil {
		t.Fatal(err)
	}
	said := false
	for _, r := range list {
		said = said || r.Event == "audit.repaired"
	}
	if said != k.torn {
		t.Errorf("the log ended in an incomplete record: %t; the restart says that it repaired one: %t", k.torn, said)
	}
	if said {
		k.repaired++
	}
	k.g.verify()
}

// seen is a call that a client got an answer to.
type seen struct{ canary, exchange string }

// load runs 16 clients and kills the gateway at a random moment after each has
// had a first answer.
func (k *killing) load(t *testing.T, n int) []seen {
	var wg sync.WaitGroup
	var first atomic.Int32
	var killed atomic.Bool
	all := make([][]seen, len(k.keys))
	ready := make(chan struct{})
	for i, key := range k.keys {
		profile, version := "web", stateful
		if i%4 == 0 {
			profile = "child"
		}
		if i%8 >= 6 {
			version = stateless
		}
		c := k.g.client(fmt.Sprintf("r%d-c%d", n, i), key, version, profile)
		wg.Go(func() {
			defer c.close()
			err := c.open()
			for j := 0; err == nil; j++ {
				canary := fmt.Sprintf("%s/%d", c.name, j)
				var r *reply
				if r, err = c.echo(strconv.Quote(canary), canary); err == nil {
					all[i] = append(all[i], seen{canary, r.exchange})
				}
				if j == 0 && first.Add(1) == int32(len(k.keys)) {
					close(ready)
				}
			}
			if !killed.Load() {
				t.Errorf("%s before the kill: %v", c.name, err)
			}
		})
	}
	select {
	case <-ready:
	case <-time.After(patience):
		t.Error("the clients get no answers")
	}
	<-time.After(rand.N(200 * time.Millisecond))
	k.most = max(k.most, len(carriers(k.marker)))
	killed.Store(true)
	k.g.kill()
	wg.Wait()
	var flat []seen
	for _, list := range all {
		flat = append(flat, list...)
	}
	return flat
}

// gone waits until no process of the upstream is left.
func (k *killing) gone(t *testing.T) {
	t.Helper()
	began := time.Now()
	most := patience
	if os.Getenv("CRASH_DEATHS") != "" { // a machine that does nothing else shows the promise
		most = 2 * time.Second
	}
	within(t, most, "every child and grandchild is gone", func() bool { return len(carriers(k.marker)) == 0 })
	k.slowest = max(k.slowest, time.Since(began))
	for _, left := range carriers(k.marker) {
		t.Errorf("left: %s", left)
	}
}

// read takes in what the round has put on record.
func (k *killing) read() error {
	clear(k.intents)
	clear(k.outcomes)
	list, torn, err := k.trail.next()
	if err != nil {
		return err
	}
	if k.torn = torn; torn {
		k.natural++
	}
	for _, r := range list {
		switch r.Kind {
		case "intent":
			k.intents[strings.Trim(r.ID, `"`)] = true
		case "outcome":
			k.outcomes[r.Exchange] = true
		}
	}
	return nil
}

// judge checks that what the upstreams executed in round n has an intent.
func (k *killing) judge(t *testing.T, n int) {
	prefix := fmt.Sprintf("r%d-", n)
	k.web.mu.Lock()
	var executed []string
	for canary := range k.web.executed {
		if strings.HasPrefix(canary, prefix) {
			executed = append(executed, canary)
		}
	}
	clear(k.web.executed)
	k.web.mu.Unlock()
	b, err := os.ReadFile(k.done)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	list := strings.Fields(string(b[k.offset:]))
	k.offset = int64(len(b))
	k.stdio += len(list)
	for _, canary := range append(executed, list...) {
		if !k.intents[canary] {
			t.Errorf("call %s was executed without an intent on record", canary)
		}
	}
	if len(executed) == 0 || len(list) == 0 {
		t.Errorf("%d calls over HTTP, %d over stdio: the round shows nothing", len(executed), len(list))
	}
}

// tear leaves half a record at the end, as a write that was cut does.
func (k *killing) tear(t *testing.T) {
	path, _ := k.trail.newest()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	last := b[bytes.LastIndexByte(b[:len(b)-1], '\n')+1:]
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(last[:rand.IntN(len(last)-2)+1]); err != nil {
		t.Fatal(err)
	}
	k.torn = true
}

// carriers are the living processes that have the marker among their arguments.
func carriers(marker string) []string {
	var list []string
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline") // the pattern is fine
	for _, path := range files {
		b, err := os.ReadFile(path) // empty for a zombie
		if err == nil && bytes.Contains(b, []byte(marker)) {
			list = append(list, path+" "+string(bytes.ReplaceAll(b, []byte{0}, []byte{' '})))
		}
	}
	return list
}
