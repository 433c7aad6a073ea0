//go:build linux

package stress_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// TestDUR30_ReloadUnderLoad changes the policy again and again while clients call.
// Under the one policy they may use alpha and under the other beta, never both
// and never neither; echo they may always use. No call is lost, all records of an
// exchange cite the same policy, and goroutines and files do not grow. RELOADS is how often.
func TestDUR30_ReloadUnderLoad(t *testing.T) {
	const changes = 3
	signals := times(t, "RELOADS", 30) - changes
	web := newWeb(t, false)
	policy := func(open, closed string) string {
		return fmt.Sprintf(`
roles:
  tester: {allow: [{tools: ["web/echo", "web/%s"]}], deny: [{tools: ["web/%s"]}]}
upstreams: {web: {url: %q}}
profiles: {web: {upstreams: [web], names: plain}}
`, open, closed, web.url)
	}
	both := [...]string{policy("alpha", "beta"), policy("beta", "alpha")}
	g := newGateway(t, both[0])
	g.start()
	trail := g.trail()
	l := &reloading{g: g, seen: map[string]int{}}
	var wg sync.WaitGroup
	for i, key := range g.keys(8, "tester") {
		wg.Go(func() { l.load(t, i, key) })
	}
	var routines, files float64
	for n := range signals + changes {
		if n == changes {
			routines, files = g.metric("go_goroutines"), g.metric("process_open_fds")
		}
		had := g.stderr.count("configuration reloaded")
		g.configure(both[(n+1)%2])
		if n < signals {
			if err := g.cmd.Process.Signal(syscall.SIGHUP); err != nil {
				t.Fatal(err)
			}
		}
		within(t, patience, "the gateway says that it has reloaded", func() bool { return g.stderr.count("configuration reloaded") > had })
	}
	within(t, patience, "goroutines and files are what they were, give or take a few", func() bool {
		return g.metric("go_goroutines") <= routines+20 && g.metric("process_open_fds") <= files+20
	})
	l.stop.Store(true)
	wg.Wait()
	t.Logf("%d reloads, %d calls, lists and batches by decision: %v", g.stderr.count("configuration reloaded"), l.calls.Load(), l.seen)
	for _, want := range []string{"list alpha", "list beta", "batch alpha", "batch beta"} {
		if l.seen[want] == 0 {
			t.Errorf("%q was never seen: the policy did not change", want)
		}
	}
	if n := g.stderr.count("configuration refused"); n > 0 {
		t.Errorf("%d reloads were refused", n)
	}
	g.stop()
	g.verify()
	cited(t, trail)
}

// cited holds the record to one policy an exchange, of the two that there were.
func cited(t *testing.T, trail *trail) {
	t.Helper()
	list, _, err := trail.next()
	if err != nil {
		t.Fatal(err)
	}
	of, all := map[string]string{}, map[string]int{}
	for _, r := range list {
		if r.Kind != "intent" && r.Kind != "outcome" || r.Policy == "" {
			continue
		}
		if had, ok := of[r.Exchange]; ok && had != r.Policy {
			t.Errorf("exchange %s was judged by the policies %s and %s", r.Exchange, had, r.Policy)
		}
		of[r.Exchange] = r.Policy
		all[r.Policy]++
	}
	if len(all) != 2 {
		t.Errorf("decisions cite the policies %v, want two", all)
	}
}

// reloading is what the clients see.
type reloading struct {
	g     *gateway
	stop  atomic.Bool
	calls atomic.Int64

	mu   sync.Mutex
	seen map[string]int // decisions
}

func (l *reloading) load(t *testing.T, i int, key string) {
	version := [...]string{stateful, stateless, batches, stateful}[i%4]
	c := l.g.client(fmt.Sprintf("c%d", i), key, version, "web")
	defer c.close()
	if err := c.open(); err != nil {
		t.Error(err)
		return
	}
	for n := 0; !l.stop.Load(); n++ {
		l.calls.Add(1)
		if _, err := c.echo("1", fmt.Sprintf("%s/%d", c.name, n)); err != nil {
			t.Errorf("%s: a call was lost: %v", c.name, err)
			return
		}
		look, what := l.list, "list"
		if version == batches {
			look, what = l.batch, "batch"
		}
		open, err := look(c, n)
		if err != nil || len(open) != 1 {
			t.Errorf("%s: %v: one %s was decided as %v, want alpha or beta", c.name, err, what, open)
			return
		}
		l.mu.Lock()
		l.seen[what+" "+open[0]]++
		l.mu.Unlock()
	}
}

// list is which of the two a list shows.
func (l *reloading) list(c *client, _ int) ([]string, error) {
	r, err := c.list()
	if err != nil {
		return nil, err
	}
	var open []string
	echo := false
	for _, tool := range r.Result.Tools {
		if echo = echo || tool.Name == "echo"; tool.Name != "echo" {
			open = append(open, tool.Name)
		}
	}
	if !echo {
		return nil, fmt.Errorf("echo is not in the list: %s", r.raw)
	}
	return open, nil
}

// batch is which of the two a batch may call.
func (l *reloading) batch(c *client, n int) ([]string, error) {
	var items []string
	for _, tool := range [...]string{"alpha", "beta"} {
		items = append(items, fmt.Sprintf(`{"jsonrpc":"2.0","id":%q,"method":"tools/call","params":{"name":%q,"arguments":{"canary":"%s/%d"}}}`, tool, tool, c.name, n))
	}
	r, err := c.send("", "["+strings.Join(items, ",")+"]")
	if err != nil {
		return nil, err
	}
	var answers []struct {
		ID     string
		Result json.RawMessage
	}
	if err := json.Unmarshal(r.raw, &answers); err != nil || len(answers) != 2 {
		return nil, fmt.Errorf("a batch of two was answered with %d %s", r.status, r.raw)
	}
	var open []string
	for _, a := range answers {
		if a.Result != nil && !strings.Contains(string(a.Result), `"isError":true`) {
			open = append(open, a.ID)
		}
	}
	slices.Sort(open)
	return open, nil
}
