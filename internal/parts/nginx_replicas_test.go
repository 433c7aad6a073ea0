package parts_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// held is an upstream that answers no call of a tool while it is held, and counts
// those that have come.
type held struct {
	next    http.Handler
	on      atomic.Bool
	calls   atomic.Int64
	release chan struct{}
}

func (h *held) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // nobody waits for the answer
	}
	if bytes.Contains(body, []byte(`"tools/call"`)) {
		h.calls.Add(1)
		if h.on.Load() {
			select {
			case <-h.release:
			case <-r.Context().Done():
				return
			}
		}
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	h.next.ServeHTTP(w, r)
}

// A replica that dies takes what it was doing with it, and nothing else: no call is
// made a second time, whoever comes next is served by the other one, and the dead
// one is used again when it is back.
func TestNginxWithADeadReplica(t *testing.T) {
	t.Parallel()
	server := fixture(gates(t.TempDir()))
	up := &held{release: make(chan struct{}), next: mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server }, &mcp.StreamableHTTPOptions{Stateless: true})}
	web := httptest.NewServer(up)
	t.Cleanup(web.Close)
	n := newNginx(t, `{url: "`+web.URL+`"}`, "")
	both := n.clientsOfBoth()
	before := up.calls.Load()

	up.on.Store(true)
	answered := make(chan answer, len(both))
	for _, from := range both {
		c := n.client(from, false)
		go func() { answered <- echoes(t, c, publicURL+"/mcp", nil) }()
	}
	eventually(t, "both calls have reached the upstream", func() bool { return up.calls.Load() == before+2 })
	dead := n.replicas[0]
	if err := dead.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-dead.exited
	if lost := <-answered; lost.status != http.StatusBadGateway {
		t.Errorf("the call of the dead replica: %v, want 502", lost)
	}
	if p := n.line("the lost call", func(p passed) bool { return p.Status == http.StatusBadGateway }); p.Replica != n.behind[0] || p.Remote != both[0] {
		t.Errorf("nginx's log has %+v, want one try at %s", p, n.behind[0])
	}
	if calls := up.calls.Load(); calls != before+2 {
		t.Errorf("two calls were made %d times", calls-before)
	}

	up.on.Store(false)
	close(up.release)
	if other := <-answered; other.status != http.StatusOK || !strings.Contains(other.body, "echo of me") {
		t.Errorf("the call of the other replica: %v", other)
	}
	for range 4 {
		for _, from := range both {
			a := n.echoed(n.client(from, true), nil)
			if p := n.line("a new client", of(a.exchange)); !strings.HasSuffix(p.Replica, n.behind[1]) {
				t.Errorf("a client at %s was served by %+v", from, p)
			}
		}
	}
	if calls := up.calls.Load(); calls != before+10 {
		t.Errorf("ten calls were made %d times", calls-before)
	}

	back := &gateway{t: t, dir: dead.dir, exited: make(chan struct{})}
	back.serve()
	n.replicas[0] = back
	eventually(t, "the replica that is back is used again", func() bool { return n.replica(both[0]) == 0 })
	back.must("audit", "verify")
}

// newRedis starts a Redis that ends with the test, or with end.
func newRedis(t *testing.T) (url string, end func()) {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatal("redis-server is missing: run scripts/parts first (make test does)")
	}
	at := freeAddress(t)
	host, port, err := net.SplitHostPort(at)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "--bind", host, "--port", port, "--save", "", "--appendonly", "no", "--dir", t.TempDir())
	var out printed
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	end = sync.OnceFunc(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	})
	t.Cleanup(end)
	eventually(t, "Redis accepts connections", func() bool { return out.count("Ready to accept connections") > 0 })
	return "redis://" + at, end
}

// As docs/how-to/run-behind-nginx.md has it: what was used at one replica is used
// at the other, and what was revoked at one is at the other; without the memory that
// they share, neither takes what is good once.
func TestReplicasBehindNginxShareWhatTheyKnow(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	redis, end := newRedis(t)
	n := newNginx(t, overHTTP("stateless")(t), fmt.Sprintf(`state: {redis: redis-url}
secrets: {redis-url: {from: "env:REDIS_URL", type: url}}
identity: {api_keys: true, issuers: [{issuer: %q}]}
`, a.url), "REDIS_URL="+redis)
	const url = publicURL + "/mcp"
	var clients [2]*http.Client
	for i, from := range n.clientsOfBoth() {
		clients[i] = n.client(from, false)
	}
	h := newHolder(t)
	bound := a.token(url, toolScope, http.Header{"Dpop": {h.proof(a.url+"/token", "")}})
	with := func(proof string) http.Header {
		return http.Header{"Authorization": {"DPoP " + bound}, "Dpop": {proof}}
	}
	for i, c := range clients {
		var proof string
		eventually(t, "a proof that was made after the memory began", func() bool {
			proof = h.proof(url, bound)
			return echoes(t, c, url, with(proof)).status == http.StatusOK
		})
		for _, again := range []*http.Client{clients[1-i], c} {
			if got := echoes(t, again, url, with(proof)); got.status != http.StatusUnauthorized {
				t.Errorf("a proof that replica %d has seen: %v, want 401", i, got)
			}
		}
	}

	token := a.token(url, toolScope, nil)
	for _, c := range clients {
		n.echoed(c, as(token))
	}
	var id string
	for _, r := range n.replicas[0].records("--principal", "robot", "--kind", "intent") {
		id = r.Principal.Credential // the last call's
	}
	n.replicas[0].must("key", "revoke", "--token", id, "--issuer", a.url)
	for i, c := range clients {
		eventually(t, fmt.Sprintf("replica %d turns the revoked token away", i), func() bool {
			return echoes(t, c, url, as(token)).status == http.StatusUnauthorized
		})
	}
	n.echoed(clients[1], as(a.token(url, toolScope, nil)))

	end()
	for i, c := range clients {
		if got := echoes(t, c, url, with(h.proof(url, bound))); got.status != http.StatusServiceUnavailable {
			t.Errorf("a proof at replica %d without a memory: %v, want 503", i, got)
		}
	}
}
