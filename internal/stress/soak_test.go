//go:build linux

package stress_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// What the soak is made of.
const (
	soakers    = 8
	soakFor    = 3 * time.Second // unless SOAK says how long
	soakRate   = 100             // calls a second, unless SOAK_RATE says how many
	soakFaults = 6               // kinds of fault
	longSoak   = 5 * time.Minute // from here on the slope of the memory says something
	mostSlope  = 0.10            // of the memory itself, in an hour
)

// TestDUR41_Soak loads a gateway at a steady rate, and at each turn something fails: a command
// is killed, an upstream is away, the policy changes, a key is replaced, clients leave in the
// middle, a file cannot be read. Throughout, everybody has their own answer or a refusal; what was
// answered has its outcome on record and what was executed its intent (G8), the log verifies (G3),
// nothing panics (G1), and in the end goroutines and files are what they were (G6) and an unrelated
// client is served (G7). SOAK is how long (1h), SOAK_RATE how many calls a second.
func TestDUR41_Soak(t *testing.T) {
	s := newSoak(t)
	s.g.start()
	for i, key := range s.g.keys(soakers+1, "tester") {
		s.keys = append(s.keys, key)
		s.acked = append(s.acked, nil)
		s.names = append(s.names, fmt.Sprintf("key%d", i))
	}
	s.served(t, "before")
	time.AfterFunc(s.long, func() { close(s.over) })
	var wg sync.WaitGroup
	for i := range soakers {
		wg.Go(func() { s.load(t, i) })
	}
	s.served(t, "as it begins")
	routines, files := s.g.metric("go_goroutines"), s.g.metric("process_open_fds")
	s.faults(t)
	wg.Wait()
	s.g.configure(s.policy(t, "alpha")) // what the last fault left may be none
	s.served(t, "after")
	within(t, patience, "goroutines and files are what they were, give or take a few", func() bool {
		return s.g.metric("go_goroutines") <= routines*1.1+30 && s.g.metric("process_open_fds") <= files*1.1+30
	})
	slope := s.slope()
	t.Logf("%s: %d calls answered, %d refused, %d broken off; %d faults; resident %d MiB, slope %.2f MiB an hour; goroutines %.0f, were %.0f; files %.0f, were %.0f",
		s.long, s.answered.Load(), s.refused.Load(), s.broken.Load(), s.turns, s.g.resident()>>20, slope/(1<<20), s.g.metric("go_goroutines"), routines, s.g.metric("process_open_fds"), files)
	if last := float64(s.g.resident()); s.long >= longSoak && slope > mostSlope*last {
		t.Errorf("memory grows by %.1f MiB an hour, and is %.1f", slope/(1<<20), last/(1<<20))
	}
	// In a short soak the command may be away for most of it, where the machine is busy.
	if n := s.answered.Load(); n == 0 || s.long >= longSoak && n < s.refused.Load() {
		t.Errorf("%d calls were answered, and %d refused", n, s.refused.Load())
	}
	if n := s.g.stderr.count("panic"); n > 0 {
		t.Errorf("%d panics", n)
	}
	s.g.stop()
	s.g.verify()
	s.judge(t)
}

// soak is a gateway under load, and what came of it.
type soak struct {
	g      *gateway
	web    *web
	marker string // of the command's processes
	done   string // file of what the command executed
	keys   []string
	names  []string // of the keys
	mu     sync.Mutex
	acked  [][]string // by client: exchanges that were answered
	long   time.Duration
	rate   int
	over   chan struct{}
	turns  int
	began  time.Time
	memory []sample

	answered, refused, broken atomic.Int64
}

// sample is the resident memory at one moment.
type sample struct{ seconds, bytes float64 }

func newSoak(t *testing.T) *soak {
	t.Helper()
	s := &soak{web: newWeb(t, true), long: soakFor, rate: times(t, "SOAK_RATE", soakRate), over: make(chan struct{}), began: time.Now()}
	if text := os.Getenv("SOAK"); text != "" {
		var err error
		if s.long, err = time.ParseDuration(text); err != nil || s.long < soakFor {
			t.Fatalf("SOAK = %q", text)
		}
	}
	s.marker = strconv.FormatInt(7_000_000_000+rand.Int64N(1_000_000_000), 10)
	s.done = filepath.Join(t.TempDir(), "executed")
	s.g = newGateway(t, s.policy(t, "alpha"))
	return s
}

// policy is the configuration under which one of two tools is open, beside echo and hang.
func (s *soak) policy(t *testing.T, open string) string {
	return fmt.Sprintf(`
roles: {tester: {allow: [{tools: ["*/echo", "*/hang", "*/%s"]}]}}
upstreams:
  web: {url: %q, limits: {timeout: 10s}}
  child: {command: %s, sandbox: {lifetime: shared, write: [%q]}, limits: {timeout: 10s}}
profiles:
  web: {upstreams: [web], names: plain}
  child: {upstreams: [child], names: plain}
`, open, s.web.url, stdioCommand(t, s.done, s.marker), filepath.Dir(s.done))
}

// load calls at its share of the rate until it is over. A client that was refused or broken
// off begins again, with the key that is its own by then.
func (s *soak) load(t *testing.T, i int) {
	tick := time.NewTicker(time.Duration(soakers) * time.Second / time.Duration(s.rate))
	defer tick.Stop()
	var c *client
	for n := 0; ; n++ {
		select {
		case <-s.over:
			if c != nil {
				c.close()
			}
			return
		case <-tick.C:
		}
		if c == nil {
			c = s.join(i)
		}
		canary := fmt.Sprintf("c%d/%d", i, n)
		var r *reply
		var err error
		if c.conn == nil {
			err = c.open()
		}
		if err == nil {
			r, err = c.call(strconv.Quote(canary), "echo", canary)
		}
		switch {
		case err != nil:
			s.broken.Add(1)
		case r.refusal() != "" || r.status/100 != 2:
			s.refused.Add(1)
		case r.text() != canary || string(r.ID) != strconv.Quote(canary):
			t.Errorf("%s was answered with %d %s", canary, r.status, r.raw)
			return
		default:
			s.answered.Add(1)
			s.acked[i] = append(s.acked[i], r.exchange)
			continue
		}
		c.close()
		c = nil
	}
}

// join is a client with the key that it has now.
func (s *soak) join(i int) *client {
	s.mu.Lock()
	defer s.mu.Unlock()
	version, profile := stateful, "web"
	if i%2 == 1 {
		version = stateless
	}
	if i%4 >= 2 {
		profile = "child"
	}
	return s.g.client(fmt.Sprintf("c%d", i), s.keys[i], version, profile)
}

// faults lets something fail at each turn, until it is over: each kind at least once, and
// in a long soak one a minute.
func (s *soak) faults(t *testing.T) {
	tick := time.NewTicker(min(time.Minute, s.long/(soakFaults+1)))
	defer tick.Stop()
	look := time.NewTicker(min(time.Second, s.long/10))
	defer look.Stop()
	for {
		select {
		case <-s.over:
			return
		case <-look.C:
			s.memory = append(s.memory, sample{time.Since(s.began).Seconds(), float64(s.g.resident())})
		case <-tick.C:
			s.fault(t, s.turns%soakFaults)
			s.turns++
		}
	}
}

func (s *soak) fault(t *testing.T, kind int) {
	switch kind {
	case 0: // the command is killed
		for _, path := range carriers(s.marker) {
			var pid int
			if _, err := fmt.Sscanf(path, "/proc/%d/", &pid); err == nil {
				_ = syscall.Kill(pid, syscall.SIGKILL) // it may be gone
			}
		}
	case 1: // another policy
		s.g.configure(s.policy(t, [...]string{"alpha", "beta"}[s.turns/soakFaults%2]))
	case 2: // a key is replaced
		i := s.turns / soakFaults % soakers
		out, err := s.g.command("key", "rotate", s.names[i], "--format", "json")
		if err != nil {
			t.Error(err)
			return
		}
		s.mu.Lock()
		s.keys[i] = keyOf(t, out)
		s.mu.Unlock()
	case 3: // clients leave in the middle
		s.mu.Lock()
		key := s.keys[soakers]
		s.mu.Unlock()
		abort(s.g, s.web, key, fmt.Sprintf("left%d", s.turns), 20)
	case 4: // a configuration that is none
		if err := os.WriteFile(s.g.file(), []byte("version: 1\nroles: ["), 0o600); err != nil {
			t.Error(err)
		}
		if err := s.g.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Error(err)
		}
	case 5: // the upstream drops everybody
		s.web.server.CloseClientConnections()
	}
}

// abort sends calls that nobody answers, each on a connection of its own, and closes these
// when the upstream has them.
func abort(g *gateway, u *web, key, name string, n int) {
	t := g.t
	t.Helper()
	var all []net.Conn
	for i := range n {
		c := g.client(name, key, stateless, "web")
		if err := c.dial(); err != nil {
			t.Error(err)
			continue
		}
		if err := c.write("tools/call\r\nMcp-Name: hang", fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"hang","arguments":{"canary":"%s/%d"},%s}}`, i, name, i, statelessMeta)); err != nil {
			t.Error(err)
		}
		all = append(all, c.conn)
	}
	within(t, patience, "the calls are under way", func() bool {
		for i := range all {
			if !u.has(fmt.Sprintf("%s/%d", name, i)) {
				return false
			}
		}
		return true
	})
	for _, c := range all {
		c.Close()
	}
}

// served holds the gateway to serving somebody else.
func (s *soak) served(t *testing.T, when string) {
	t.Helper()
	for _, profile := range [...]string{"web", "child"} {
		c := s.g.client("other", s.keys[soakers], stateless, profile)
		var err error
		if !reaches(patience, func() bool {
			defer c.close()
			if err = c.dial(); err == nil {
				_, err = c.echo("1", "other/"+strings.ReplaceAll(when, " ", "-"))
			}
			return err == nil
		}) {
			t.Fatalf("%s: nobody is served at %s: %v\n%.3000s", when, profile, err, s.g.stderr.tail(1<<30))
		}
	}
	if status, text := s.g.health("/healthz"); status != 200 {
		t.Errorf("%s: /healthz says %d %s", when, status, text)
	}
}

// slope is by how much the resident memory grows, in bytes an hour: the least squares of
// its second half, when everything that is made once is there.
func (s *soak) slope() float64 {
	half := s.memory[len(s.memory)/2:]
	var n, x, y, xx, xy float64
	for _, m := range half {
		n, x, y, xx, xy = n+1, x+m.seconds, y+m.bytes, xx+m.seconds*m.seconds, xy+m.seconds*m.bytes
	}
	if d := n*xx - x*x; d > 0 {
		return 3600 * (n*xy - x*y) / d
	}
	return 0
}

// judge holds the record to G8.
func (s *soak) judge(t *testing.T) {
	t.Helper()
	intents, outcomes := map[string]bool{}, map[string]bool{}
	list, _, err := s.g.trail().next()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range list {
		switch r.Kind {
		case "intent":
			intents[strings.Trim(r.ID, `"`)] = true
		case "outcome":
			outcomes[r.Exchange] = true
		}
	}
	for _, all := range s.acked {
		for _, exchange := range all {
			if !outcomes[exchange] {
				t.Errorf("exchange %s was answered and has no outcome", exchange)
			}
		}
	}
	text, err := os.ReadFile(s.done)
	if err != nil {
		t.Fatal(err)
	}
	executed := strings.Fields(string(text))
	s.web.mu.Lock()
	defer s.web.mu.Unlock()
	for canary := range s.web.executed {
		executed = append(executed, canary)
	}
	for _, canary := range executed {
		if strings.HasPrefix(canary, "c") && !intents[canary] {
			t.Errorf("%s was executed without an intent", canary)
		}
	}
	if len(executed) == 0 {
		t.Error("nothing was executed")
	}
}
