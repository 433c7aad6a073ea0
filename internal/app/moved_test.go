package app_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"doorward/internal/gatetest"
	"doorward/internal/store/storetest"
)

const moving = `
version: 1
data_dir: data
listen: {address: "127.0.0.1:%d"}
upstreams:
  up: {url: "${up}"}
  local: {command: [/bin/cat]}
profiles:
  remote: {upstreams: [up]}
  mixed: {upstreams: [up, local]}
secrets: {redis: {from: "file:%s"}}
state: {redis: redis}
`

// movers are two gateways that share a Redis, each before an upstream of its own with the same
// tools, so that each upstream's calls are one gateway's. Both know the keys of alice and bob.
type movers struct {
	t      *testing.T
	redis  *storetest.Server
	secret string
	ups    [2]*gatetest.UP
	all    [2]*gatetest.GW
	keys   map[string]string
}

func newMovers(t *testing.T) *movers {
	t.Helper()
	m := &movers{t: t, redis: storetest.Redis(t), secret: filepath.Join(t.TempDir(), "redis-url"), keys: map[string]string{}}
	if err := os.WriteFile(m.secret, []byte(m.redis.URL()), 0o600); err != nil {
		t.Fatal(err)
	}
	yaml, ups := m.parts(0)
	m.all[0] = gatetest.Gateway(t, yaml, ups)
	for _, name := range []string{"alice", "bob"} {
		m.keys[name] = m.all[0].Key(name)
	}
	yaml, ups = m.parts(1)
	m.all[1] = gatetest.Replica(t, m.all[0], yaml, ups)
	for _, g := range m.all {
		g.Approve("up")
	}
	return m
}

func (m *movers) parts(n int) (yaml string, ups map[string]*gatetest.UP) {
	if m.ups[n] == nil {
		m.ups[n] = gatetest.Upstream(m.t, gatetest.Script{Tools: rawTools("echo", "other")})
	}
	return fmt.Sprintf(moving, storetest.FreePort(m.t), m.secret), map[string]*gatetest.UP{"up": m.ups[n]}
}

// at is somebody at one of the gateways, with the session that another of their clients has.
func (m *movers) at(n int, name string, of *gatetest.Client) *gatetest.Client {
	m.t.Helper()
	c := m.all[n].Client(name, m.keys[name])
	c.Path = remote
	if of != nil {
		c.Version, c.Session, c.Path = of.Version, of.Session, of.Path
	}
	return c
}

const remote = "remote"

func toolsAt(c *gatetest.Client) *gatetest.Reply { return c.Post(c.Request("9", "tools/list", "")) }

// stream opens the stream of a session at one of the gateways.
func (m *movers) stream(n int, name string, of *gatetest.Client) io.Reader {
	m.t.Helper()
	c := m.at(n, name, of)
	req, err := http.NewRequestWithContext(m.t.Context(), http.MethodGet, m.all[n].URL()+"/"+c.Path, http.NoBody)
	if err != nil {
		m.t.Fatal(err)
	}
	req.Header = c.Headers(nil)
	req.Header.Set("Accept", "text/event-stream")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { resp.Body.Close() })
	if resp.StatusCode != http.StatusOK {
		m.t.Fatalf("GET: %d", resp.StatusCode)
	}
	return resp.Body
}

// isGone is what a client must be told to begin anew (2025-11-25, session management).
func isGone(r *gatetest.Reply) bool {
	return r.Status == http.StatusNotFound && r.Refusal == "session.unknown"
}

// DUR-37: one session, moved ten times between two gateways, both of which restart meanwhile.
func TestDUR37_ASessionMovesTenTimes(t *testing.T) {
	t.Parallel()
	m := newMovers(t)
	first := m.at(0, "alice", nil).Open("2025-06-18")
	want := string(toolsAt(first).Final())
	for i := range 10 {
		c := m.at(i%2, "alice", first)
		if r := c.Call("up__echo", `{}`); !r.OK() {
			t.Fatalf("move %d: %s", i, r)
		}
		if r := toolsAt(c); string(r.Final()) != want {
			t.Fatalf("move %d: %s, want %s", i, r, want)
		}
		if i == 4 || i == 7 {
			yaml, ups := m.parts(i % 2)
			m.all[i%2] = gatetest.Again(t, m.all[i%2], yaml, ups)
		}
	}
	if n := m.ups[0].Count("tools/call") + m.ups[1].Count("tools/call"); n != 10 {
		t.Errorf("10 calls were made %d times", n)
	}
	for i, up := range m.ups {
		if up.Count("tools/call") != 5 {
			t.Errorf("gateway %d made %d calls", i, up.Count("tools/call"))
		}
	}
}

// TEN-11: what of a session does not go on at another gateway.
func TestTEN11_SessionsThatDoNotMove(t *testing.T) {
	t.Parallel()
	m := newMovers(t)
	open := func() *gatetest.Client { return m.at(0, "alice", nil).Open("2025-11-25") }
	one := open()
	if r := toolsAt(m.at(1, "bob", one)); !isGone(r) {
		t.Errorf("somebody else: %s", r)
	}
	elsewhere := m.at(1, "alice", one)
	elsewhere.Path = "mixed"
	if r := toolsAt(elsewhere); !isGone(r) {
		t.Errorf("another profile: %s", r)
	}
	if r := toolsAt(m.at(1, "alice", one)); !r.OK() {
		t.Errorf("alice herself: %s", r)
	}
	cancel := []byte(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":77}}`)
	if r := m.at(1, "alice", one).Post(cancel); r.Status != http.StatusAccepted || metric(t, m.all[1], "doorward_stray_cancels_total") != 1 {
		t.Errorf("cancelling a call of the first gateway: %s, %v counted", r, metric(t, m.all[1], "doorward_stray_cancels_total"))
	}
	for _, line := range []string{"a session of another replica goes on here", "a client cancelled a call that is not under way here"} {
		if n := strings.Count(m.all[1].Log(), line); n != 1 {
			t.Errorf("%q is in the log %d times", line, n)
		}
	}
	if r := m.at(1, "alice", one).Send(http.MethodDelete, nil); r.Status != http.StatusNoContent {
		t.Errorf("DELETE at the other gateway: %s", r)
	}
	if r := toolsAt(m.at(1, "alice", one)); !isGone(r) {
		t.Errorf("after DELETE: %s", r)
	}
	ended := open()
	if r := ended.Send(http.MethodDelete, nil); r.Status != http.StatusNoContent {
		t.Errorf("DELETE: %s", r)
	}
	if r := toolsAt(m.at(1, "alice", ended)); !isGone(r) {
		t.Errorf("ended at the first: %s", r)
	}
	kept := open()
	kept.Post(kept.Request("3", "logging/setLevel", `"level":"error"`))
	if r := toolsAt(m.at(1, "alice", kept)); !isGone(r) {
		t.Errorf("with a level that the other gateway does not know: %s", r)
	}
	if r := toolsAt(kept); !r.OK() {
		t.Errorf("where it is: %s", r)
	}
	mixed := m.at(0, "alice", nil)
	mixed.Path = "mixed"
	if r := toolsAt(m.at(1, "alice", mixed.Open("2025-11-25"))); !isGone(r) {
		t.Errorf("with a command: %s", r)
	}
	last := open()
	m.redis.Do("FLUSHALL")
	if r := toolsAt(m.at(1, "alice", last)); !isGone(r) {
		t.Errorf("after the state was emptied: %s", r)
	}
	m.redis.Stop()
	if r := toolsAt(m.at(1, "alice", last)); r.Status != http.StatusServiceUnavailable {
		t.Errorf("without the state: %s", r)
	}
}

// A revoked credential ends its sessions at every gateway with their streams, and none of them moves.
func TestRevokedSessionsDoNotMove(t *testing.T) {
	t.Parallel()
	m := newMovers(t)
	known := func() int { return len(m.redis.Do("KEYS", "doorward:{sessions}:*").([]any)) } //nolint:forcetypeassert // of KEYS
	one, other := m.at(0, "alice", nil).Open("2025-11-25"), m.at(0, "bob", nil).Open("2025-11-25")
	if r := toolsAt(m.at(1, "alice", one)); !r.OK() || known() != 2 {
		t.Fatalf("before: %s, %d sessions", r, known())
	}
	streams := []io.Reader{m.stream(0, "alice", one), m.stream(1, "alice", one)}
	m.all[0].Revoke("alice")
	within(t, 5*time.Second, "the session has ended for all", func() bool { return known() == 1 })
	for _, s := range streams {
		if _, err := io.Copy(io.Discard, s); err != nil {
			t.Errorf("a stream has ended with %v", err)
		}
	}
	if r := toolsAt(other); !r.OK() {
		t.Errorf("somebody else's session: %s", r)
	}
	within(t, 5*time.Second, "the other gateway turns the key away", func() bool {
		return toolsAt(m.at(1, "alice", one)).Status == http.StatusUnauthorized
	})
}
