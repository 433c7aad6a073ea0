package parts_test

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"doorward/internal/httpsig"
)

// TestDUR37_ThreeReplicas: what is good once is so once over three gateways, and a rolling
// restart of all of them under load loses no call. DOORWARD_RESTARTS is how often it
// is done, once unless written.
func TestDUR37_ThreeReplicas(t *testing.T) {
	t.Parallel()
	f := newThree(t, budget)
	defer f.end()
	t.Run("one budget", func(t *testing.T) { oneBudget(t, f) })
	f.limit(noLimit)
	t.Run("one nonce", func(t *testing.T) { oneNonce(t, f) })
	t.Run("one approval", func(t *testing.T) { oneApproval(t, f) })
	t.Run("one revocation", func(t *testing.T) { oneRevocation(t, f) })
	t.Run("rolling restart", func(t *testing.T) { rollingRestart(t, f) })
}

// atOnce sends to all three gateways so many times each, all at once.
func (f *three) atOnce(each int, key string, send func(c *caller, n int) got) (answers []got) {
	answers = make([]got, 3*each)
	var wg sync.WaitGroup
	for i := range answers {
		c := f.caller(f.from[i%3], key)
		wg.Go(func() { answers[i] = send(c, i) })
	}
	wg.Wait()
	return answers
}

// oneBudget: 100 calls a minute are 100 over three gateways (at least 95: docs/reference/limits.md).
func oneBudget(t *testing.T, f *three) {
	spender := f.replicas[0].key("create", "spender", "--role", "caller").Key
	f.spread(spender)
	passed, by := 0, [3]int{}
	for i, a := range f.atOnce(60, spender, func(c *caller, n int) got { return c.call(t, "count", fmt.Sprint("spent-", n), "") }) {
		switch {
		case a.good():
			passed++
			by[i%3]++
		case a.status != http.StatusTooManyRequests || a.code != "limit.rate":
			t.Errorf("call %d: %v", i, a)
		}
	}
	if passed > 100 || passed < 95 || by[0] == 0 || by[1] == 0 || by[2] == 0 {
		t.Errorf("of 180 calls of one caller %d passed, by gateway %v, want 100", passed, by)
	}
	if made := len(f.made("count")); made != passed {
		t.Errorf("%d calls passed, and the upstream got %d", passed, made)
	}
}

// spread copies the keys that the first gateway has to the others, which read them when
// they are next asked about one.
func (f *three) spread(key string) {
	f.t.Helper()
	for i, g := range f.replicas {
		g.hide(key)
		if i > 0 {
			f.copyKeys(g)
		}
	}
	for _, from := range f.from {
		eventually(f.t, "a copied key is known", func() bool { return f.caller(from, key).post(f.t, "tools/list", "").good() })
	}
}

// signed is a counting call, signed.
func (f *three) signed(t *testing.T, signer key, n string) ([]byte, http.Header) {
	t.Helper()
	body, h := new(caller).request("tools/call", fmt.Sprintf(`"name":"up__count","arguments":{"n":%q}`, n))
	sig, err := httpsig.Sign(httpsig.Request{Method: http.MethodPost, Base: publicURL, Target: "/mcp", Header: h},
		httpsig.Key{ID: signer.ID, Secret: httpsig.Secret(signer.Key)},
		httpsig.Params{Created: time.Now(), Nonce: rand.Text(), Digest: sha256.Sum256(body)})
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(h, sig)
	return body, h
}

// bare is the caller without a key of its own, for what is signed.
func (c *caller) bare() *caller {
	with := *c.http
	with.Transport = c.http.Transport.(keyed).next //nolint:forcetypeassert // of client
	return &caller{http: &with}
}

// signing makes a key to sign with that every gateway knows, and waits until a request
// signed now is good: those of the second in which the memory of nonces began are not.
func (f *three) signing(t *testing.T) key {
	t.Helper()
	signer := f.replicas[0].key("create", "signer", "--role", "caller", "--signing")
	f.spread(signer.Key)
	n := 0
	eventually(t, "a signed request goes on", func() bool {
		n++
		body, h := f.signed(t, signer, fmt.Sprint("first", n))
		return f.caller(f.from[0], "").bare().send(t, body, h).good()
	})
	return signer
}

func oneNonce(t *testing.T, f *three) {
	signer := f.signing(t)
	const n = "signed"
	body, h := f.signed(t, signer, n)
	passed := 0
	for i, a := range f.atOnce(10, "", func(c *caller, _ int) got {
		return c.bare().send(t, body, h.Clone())
	}) {
		switch {
		case a.good():
			passed++
		case a.status != http.StatusUnauthorized:
			t.Errorf("copy %d: %v", i, a)
		}
	}
	if made := f.made("count")[n]; passed != 1 || made != 1 {
		t.Errorf("of 30 copies of one signed request %d passed, and the upstream got %d", passed, made)
	}
}

// waits makes a call that waits for a yes, and tells its id and how to send it again.
func (f *three) waits(t *testing.T, c *caller, n string) (id, resume string) {
	t.Helper()
	a := c.call(t, "send", n, "")
	var m struct {
		Result struct {
			RequestState string
			Meta         struct {
				Refusal struct{ Approval struct{ ID string } } `json:"doorward/refusal"`
			} `json:"_meta"`
		}
	}
	if err := json.Unmarshal(a.body, &m); err != nil || m.Result.RequestState == "" {
		t.Fatalf("a call that waits for a yes: %v", a)
	}
	return m.Result.Meta.Refusal.Approval.ID, fmt.Sprintf(`,"requestState":%q`, m.Result.RequestState)
}

// grant says yes at a gateway.
func (f *three) grant(i int, key, id string) result {
	cmd := exec.Command(doorward, "approve", "grant", id)
	cmd.Dir, cmd.Env = f.replicas[i].dir, append(os.Environ(), "DOORWARD_KEY="+key)
	return execute(f.t, cmd)
}

func oneApproval(t *testing.T, f *three) {
	asker := f.replicas[0].key("create", "asker", "--role", "caller").Key
	lead := f.replicas[0].key("create", "lead", "--role", "lead").Key
	f.spread(asker)
	const n = "approved"
	id, resume := f.waits(t, f.caller(f.from[0], asker), n)
	if r := f.grant(1, lead, id); r.code != 0 {
		t.Fatalf("a yes at the second gateway: %s%s", r.stdout, r.stderr)
	}
	passed := 0
	for i, a := range f.atOnce(5, asker, func(c *caller, _ int) got { return c.call(t, "send", n, resume) }) {
		switch {
		case a.good():
			passed++
		case a.err != nil || a.status >= http.StatusInternalServerError:
			t.Errorf("copy %d: %v", i, a)
		}
	}
	if made := f.made("send")[n]; passed != 1 || made != 1 {
		t.Errorf("of 15 copies of one approved call %d passed, and the upstream got %d", passed, made)
	}
}

func oneRevocation(t *testing.T, f *three) {
	mallory := f.idp.Token(map[string]any{"sub": "mallory", "aud": publicURL + "/mcp", "iss": f.idp.URL()})
	for _, from := range f.from {
		if a := f.caller(from, mallory).call(t, "look", "before", ""); !a.good() {
			t.Fatalf("before the revocation: %v", a)
		}
	}
	f.replicas[2].must("key", "revoke", "--subject", "mallory", "--issuer", f.idp.URL())
	since := time.Now()
	for i, from := range f.from {
		eventually(t, fmt.Sprintf("gateway %d turns away who was revoked at the third", i), func() bool {
			return f.caller(from, mallory).call(t, "look", "after", "").status == http.StatusUnauthorized
		})
	}
	t.Logf("all gateways turn away who was revoked at the third after %v", time.Since(since).Round(time.Millisecond))
	if strings.Contains(f.replicas[0].log.String(), "mallory") {
		t.Error("the log has who was revoked")
	}
}
