package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"doorward/internal/audit"
	"doorward/internal/gatetest"
)

// lender stands in for a Vault whose database engine makes a user for each reading, and for an
// upstream that lets in who comes with a password that counts.
type lender struct {
	mu    sync.Mutex
	made  int
	live  map[string]string // passwords by lease
	away  bool
	down  bool           // the upstream
	uses  map[string]int // of each password, at the upstream
	bad   int            // requests that it turned away
	calls int
	keeps bool // Vault ends no lease
}

func (l *lender) vault(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var body struct {
		Lease string `json:"lease_id"`
	}
	_ = json.NewDecoder(r.Body).Decode(&body) // a reading has none
	switch {
	case l.away:
		w.WriteHeader(http.StatusServiceUnavailable)
	case r.URL.Path == "/v1/sys/leases/revoke" && l.keeps:
		w.WriteHeader(http.StatusInternalServerError)
	case r.URL.Path == "/v1/sys/leases/revoke":
		delete(l.live, body.Lease)
		w.WriteHeader(http.StatusNoContent)
	case r.URL.Path == "/v1/database/creds/app":
		l.made++
		id, password := fmt.Sprint("database/creds/app/", l.made), fmt.Sprintf("CANARY-lent-%04d-of-some-length", l.made)
		l.live[id] = password
		fmt.Fprintf(w, `{"lease_id":%q,"lease_duration":3600,"renewable":true,"data":{"username":"CANARY-user-%04d","password":%q}}`, id, l.made, password)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// upstream lets through to up.
func (l *lender) upstream(up http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // what is cut short answers nothing
		r.Body = io.NopCloser(bytes.NewReader(body))
		password := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		call := bytes.Contains(body, []byte(`"tools/call"`))
		l.mu.Lock()
		good, down := false, l.down
		for _, live := range l.live {
			good = good || live == password
		}
		l.uses[password]++
		if !good {
			l.bad++
		}
		if call {
			l.calls++
		}
		l.mu.Unlock()
		switch {
		case !good:
			w.WriteHeader(http.StatusUnauthorized)
		case down && call:
			w.WriteHeader(http.StatusInternalServerError)
		default:
			up.ServeHTTP(w, r)
		}
	}
}

func (l *lender) look(at func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at()
}

// noneOut waits until everything was given back, and tells how many leases were made so far.
func (l *lender) noneOut(t *testing.T) (made int) {
	t.Helper()
	eventually(t, "no lease that is out", func() (none bool) {
		l.look(func() { none, made = len(l.live) == 0, l.made })
		return none
	})
	return made
}

const lentYAML = `
vault: {address: %q, auth: {token_file: vault-token}}
secrets:
  user: {from: "vault:database/creds/app#username", lease: call}
  password: {from: "vault:database/creds/app#password", lease: call}
upstreams:
  web: {url: %q, credential: {bearer: password}}
  cmd: {command: [sh, %q], env: {KEY: password, WHO: user}, sandbox: {kind: none, lifetime: call}}
roles: {user: {allow: [{tools: ["*/*"]}]}}
`

// leasesOnRecord holds the record to each lease that was made: taken once, by an upstream, and given
// back once; without what it was.
func leasesOnRecord(t *testing.T, g *gatetest.GW, made int) {
	t.Helper()
	taken := map[string]string{}
	for _, r := range g.Records(audit.Query{Event: "secret.lease_taken"}) {
		if taken[r.Detail] != "" || r.Upstream != "web" && r.Upstream != "cmd" || !strings.HasPrefix(r.Detail, "database/creds/app, lease ") || strings.Contains(r.Detail, "CANARY") {
			t.Errorf("on record is %s of %s", r.Detail, r.Upstream)
		}
		taken[r.Detail] = r.Upstream
	}
	back := g.Records(audit.Query{Event: "secret.lease_returned"})
	for _, r := range back {
		if taken[r.Detail] == "" || r.Status != "ok" {
			t.Errorf("given back, and not taken: %s, %s", r.Detail, r.Status)
		}
		delete(taken, r.Detail)
	}
	if len(taken) != 0 || len(back) != made {
		t.Errorf("of %d leases %d are on record as given back, and not %v", made, len(back), taken)
	}
}

// A lease is made for each call alone, and given back after it, after a failure and at the stop;
// without Vault no call goes out.
func TestLeasePerCall(t *testing.T) {
	t.Parallel()
	l := &lender{live: map[string]string{}, uses: map[string]int{}}
	at := httptest.NewServer(http.HandlerFunc(l.vault))
	t.Cleanup(at.Close)
	up := httptest.NewServer(l.upstream(gatetest.Upstream(t, gatetest.Script{Tools: rawTools("echo")})))
	t.Cleanup(up.Close)
	dir := t.TempDir()
	started := filepath.Join(dir, "started")
	server := filepath.Join(dir, "server.sh")
	script := fmt.Sprintf("[ -z \"$KEY\" ] || echo \"${WHO##*-} $KEY\" >> %q\n%s", started, echoing)
	for path, text := range map[string]string{server: script, filepath.Join(dir, "vault-token"): "CANARY-token-of-vault"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	g := gatetest.GatewayAt(t, dir, fmt.Sprintf(lentYAML, at.URL, up.URL+"/mcp", server), nil)
	g.Approve("")
	g.Approve("") // what the command offers, once it may be started
	c := g.As("alice", "user").Open(eras[0])
	starts := func() []string {
		text, _ := os.ReadFile(started) // none yet
		return strings.Split(strings.TrimSpace(string(text)), "\n")
	}

	for range 2 { // and again, when what waits warm would be taken
		before := l.noneOut(t)
		if r := c.Call("cmd__echo", `{}`); !strings.Contains(string(r.Body), "it is [secret]") {
			t.Errorf("the command answered %s", r)
		}
		if made := l.noneOut(t) - before; made != 1 {
			t.Errorf("%d leases for a call of the command", made)
		}
		before = l.noneOut(t)
		if r := c.Call("web__echo", `{}`); !r.OK() {
			t.Errorf("a call failed: %s", r)
		}
		if made := l.noneOut(t) - before; made < 1 {
			t.Errorf("%d leases for a call of a URL", made)
		}
	}
	for _, one := range starts() {
		if n, key, _ := strings.Cut(one, " "); n == "" || !strings.Contains(key, "-"+n+"-") {
			t.Errorf("a user and a password of two leases: %s", one)
		}
	}
	l.look(func() {
		for password, n := range l.uses {
			if n != 1 {
				t.Errorf("%q went with %d requests", password, n)
			}
		}
		if l.bad != 0 {
			t.Errorf("%d requests came without a lease that counts", l.bad)
		}
		l.down = true
	})
	if r := c.Call("web__echo", `{}`); r.OK() {
		t.Errorf("a call of an upstream that fails: %s", r)
	}
	l.noneOut(t)

	var calls int
	l.look(func() { l.down, l.away, calls = false, true, l.calls })
	run := len(starts())
	for _, tool := range []string{"web__echo", "cmd__echo"} {
		if r := c.Call(tool, `{}`); r.OK() || strings.Contains(string(r.Body), "CANARY") {
			t.Errorf("%s without Vault: %s", tool, r)
		}
	}
	l.look(func() {
		if l.calls != calls || len(starts()) != run {
			t.Errorf("without Vault %d calls came to the upstream, and %d to the command", l.calls-calls, len(starts())-run)
		}
		l.away, l.keeps = false, true
	})
	if r := c.Call("web__echo", `{}`); !r.OK() {
		t.Errorf("a call before the end: %s", r)
	}
	eventually(t, "a record of a lease that is not given back", func() bool { return len(g.Records(audit.Query{Event: "secret.lease_unreturned"})) > 0 })
	l.look(func() {
		if len(l.live) == 0 {
			t.Error("a lease that Vault does not take back is not out")
		}
		l.keeps = false
	})
	g.Stop()
	leasesOnRecord(t, g, l.made)
	if len(l.live) != 0 {
		t.Errorf("after the end %d leases are out", len(l.live))
	}
	if strings.Contains(g.Log(), "CANARY") {
		t.Error("the log holds what was lent")
	}
}
