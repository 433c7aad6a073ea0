package issuer_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"doorward/internal/issuer"
)

// memory is a Replays in memory. It began at the time of its making.
type memory struct {
	mu    sync.Mutex
	used  map[string]time.Time
	made  []time.Time
	began time.Time
	err   error
}

func (m *memory) Use(_ context.Context, key string, made, until time.Time) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return true, m.err // what comes with an error counts for nothing
	}
	m.made = append(m.made, made)
	if made.Before(m.began) {
		return false, nil
	}
	if end, found := m.used[key]; found && time.Now().Before(end) {
		return false, nil
	}
	m.used[key] = until
	return true, nil
}

const called = "https://gw.test/mcp"

// bound is a token that is bound to the key of the proofs.
const bound = "bound-token"

// proof is one by the first key; head and body are changes of its members.
func proof(head, body []any) string {
	h := with(fields{"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk(pair{private: p256Key()})}, head...)
	c := with(fields{"jti": rand.Text(), "htm": "POST", "htu": called, "iat": time.Now().Unix(), "ath": sha(bound)}, body...)
	return jws(h, c, "ES256", p256Key())
}

func shown(text string) issuer.Proof {
	return issuer.Proof{Text: text, Method: "POST", URL: called, Token: bound, Thumbprint: thumbprint(p256Key())}
}

func provers(t testing.TB, algs ...string) (*issuer.Set, *memory) {
	t.Helper()
	m := &memory{used: map[string]time.Time{}, began: time.Now().Add(-time.Hour)}
	return start(t, serve(t, newIDP()), issuer.Config{Issuers: []issuer.Settings{settings()}, Replays: m, DPoPAlgorithms: algs}), m
}

func TestAUT51_Proofs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, m := provers(t)
		ctx := t.Context()
		now := time.Now().Unix()
		own := func(more ...any) fields { return with(jwk(pair{private: p256Key()}), more...) }
		for i, tc := range []struct{ head, body []any }{
			{},
			{nil, []any{"iat", now - 299}},
			{nil, []any{"iat", now + 299}},
			{nil, []any{"htu", "HTTPS://GW.test:443/mcp"}},
			{nil, []any{"htu", called + "?a=b"}},
			{nil, []any{"htu", called + "#x"}},
			{[]any{"jwk", own("alg", "ES256", "use", "sig", "kid", "mine")}, nil},
			{nil, []any{"nonce", "n", "extra", fields{"a": 1}}},
			{nil, []any{"jti", strings.Repeat("j", 128)}},
			{nil, []any{"jti", "x"}},
		} {
			if err := s.Proof(ctx, shown(proof(tc.head, tc.body))); err != nil {
				t.Errorf("good proof %d: %v", i, err)
			}
		}
		if last := m.made[0]; last.Unix() != now {
			t.Errorf("made at %s", last)
		}
		for key, until := range m.used {
			if !strings.HasPrefix(key, "dpop:"+thumbprint(p256Key())+":") || len(key) != len("dpop::")+2*43 || until.Unix() < now+300 {
				t.Errorf("remembered %s until %s", key, until)
			}
		}
		evil := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
		weak := must(rsa.GenerateKey(rand.Reader, 1024))
		bodies := [][]any{
			{"htm", "GET"},
			{"htm", "post"},
			{"htm", ""},
			{"htm", nil},
			{"htm", []string{"POST"}},
			{"htm", "POST "},
			{"htu", "https://gw.test/other"},
			{"htu", "https://gw.test/mcp/"},
			{"htu", "https://evil.test/mcp"},
			{"htu", "http://gw.test/mcp"},
			{"htu", "https://gw.test:8443/mcp"},
			{"htu", ""},
			{"htu", nil},
			{"htu", "/mcp"},
			{"htu", "https://u@gw.test/mcp"},
			{"htu", "https://gw.test/MCP"},
			{"htu", []string{called}},
			{"htu", "https://gw.test/./mcp"},
			{"htu", "https://gw.test.evil/mcp"},
			{"htu", "https://gw.test:80/mcp"},
			{"htu", "ws://gw.test/mcp"},
			{"iat", now - 301},
			{"iat", now + 301},
			{"iat", now * 1000},
			{"iat", fmt.Sprint(now)},
			{"iat", nil},
			{"iat", -1},
			{"iat", 0},
			{"iat", true},
			{"iat", []int64{now}},
			{"jti", nil},
			{"jti", ""},
			{"jti", strings.Repeat("j", 129)},
			{"jti", 1},
			{"jti", []string{"x"}},
			{"ath", nil},
			{"ath", ""},
			{"ath", sha("another")},
			{"ath", sha(bound) + "="},
			{"ath", bound},
			{"ath", 1},
			{"Jti", "x"},
			{"HTU", called},
			{"ath\u0000", "x"},
			{"htm\u200b", "x"},
		}
		heads := [][]any{
			{"typ", "JWT"},
			{"typ", nil},
			{"typ", "DPoP+jwt"},
			{"typ", "application/dpop+jwt"},
			{"typ", "at+jwt"},
			{"typ", 1},
			{"alg", "none"},
			{"alg", "HS256"},
			{"alg", "ES384"},
			{"alg", "RS256"},
			{"alg", nil},
			{"alg", "ES256K"},
			{"alg", ""},
			{"jwk", nil},
			{"jwk", fields{}},
			{"jwk", "x"},
			{"jwk", []any{own()}},
			{"jwk", own("d", b64(make([]byte, 32)))},
			{"jwk", fields{"kty": "oct", "k": "AAAA"}},
			{"jwk", jwk(pair{private: evil})},
			{"jwk", jwk(pair{private: weak})},
			{"jwk", own("use", "enc")},
			{"jwk", own("alg", "ES384")},
			{"jwk", own("x5c", []string{"MIIB"})},
			{"jwk", own("x5u", "https://sink.test")},
			{"jwk", own("x5t", "AA")},
			{"jwk", own("x", b64(make([]byte, 32)))},
			{"jwk", own("crv", "P-384")},
			{"jwk", own("key_ops", []string{"sign"})},
			{"jwk", own("Kty", "EC")},
			{"kid", "k1"},
			{"x5c", []string{"MIIB"}},
			{"x5u", "https://sink.test"},
			{"x5t", "AA"},
			{"x5t#S256", "AA"},
			{"jku", "https://sink.test"},
			{"crit", []string{"exp"}},
			{"crit", []string{}},
			{"enc", "A128GCM"},
			{"b64", true},
			{"cty", "JWT"},
			{"zip", "DEF"},
			{"JWK", own()},
		}
		for _, body := range bodies {
			unproved(t, s, shown(proof(nil, body)))
		}
		for _, head := range heads {
			unproved(t, s, shown(proof(head, nil)))
		}
		unproved(t, s, shown(proof(nil, []any{"extra", strings.Repeat("x", 16<<10)})))
		none := shown(proof(nil, []any{"ath", sha("")}))
		none.Token = ""
		unproved(t, s, none)
		for _, change := range []func(*issuer.Proof){
			func(p *issuer.Proof) { p.Method = "GET" }, func(p *issuer.Proof) { p.Method = "" },
			func(p *issuer.Proof) { p.URL = "https://gw.test/other" }, func(p *issuer.Proof) { p.URL = "" },
			func(p *issuer.Proof) { p.Token = "" }, func(p *issuer.Proof) { p.Token = "another" },
			func(p *issuer.Proof) { p.Thumbprint = "" }, func(p *issuer.Proof) { p.Thumbprint = thumbprint(evil) },
			func(p *issuer.Proof) { p.Text = "" }, func(p *issuer.Proof) { p.Text += "." }, func(p *issuer.Proof) { p.Text += "A" },
			func(p *issuer.Proof) { p.Text = strings.Repeat(".", 1<<20) }, func(p *issuer.Proof) { p.Text = good() },
			func(p *issuer.Proof) { p.Text = p.Text + "," + p.Text },
		} {
			p := shown(proof(nil, nil))
			change(&p)
			unproved(t, s, p)
		}
	})
}

// unproved fails the test unless the proof is judged, and refused, and has used nothing up.
func unproved(t *testing.T, s *issuer.Set, p issuer.Proof) {
	t.Helper()
	err := s.Proof(context.Background(), p)
	if !errors.Is(err, issuer.ErrInvalid) {
		t.Errorf("got %v, want a refusal", err)
		return
	}
	quiet(t, err, p.Text)
}

func TestAUT51_ProofsAreUsedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, m := provers(t)
		text := proof(nil, []any{"iat", time.Now().Unix() + 290})
		var wg sync.WaitGroup
		var mu sync.Mutex
		passed := 0
		for range 100 {
			wg.Go(func() {
				if err := s.Proof(t.Context(), shown(text)); err == nil {
					mu.Lock()
					passed++
					mu.Unlock()
				} else if !errors.Is(err, issuer.ErrInvalid) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if passed != 1 {
			t.Errorf("passed %d times", passed)
		}
		// There is no time at which it is forgotten and still good.
		for range 700 {
			time.Sleep(time.Second)
			unproved(t, s, shown(text))
		}
		// The same jti by another key, and another jti by the same, are others.
		if err := s.Proof(t.Context(), shown(proof(nil, []any{"jti", "same"}))); err != nil {
			t.Error(err)
		}
		unproved(t, s, shown(proof(nil, []any{"jti", "same"})))
		h := fields{"typ": "dpop+jwt", "alg": "RS256", "jwk": jwk(pair{private: rsaKey()})}
		other := shown(jws(h, fields{"jti": "same", "htm": "POST", "htu": called, "iat": time.Now().Unix(), "ath": sha(bound)}, "RS256", rsaKey()))
		other.Thumbprint = thumbprint(rsaKey())
		if err := s.Proof(t.Context(), other); err != nil {
			t.Error(err)
		}
		// Made before the memory began.
		m.began = time.Now().Add(time.Second)
		unproved(t, s, shown(proof(nil, nil)))
	})
}

// A memory that is down refuses, and so does none at all.
func TestAUT51_ProofsWithoutAMemory(t *testing.T) {
	s, m := provers(t)
	m.err = errors.New("connection refused")
	if err := s.Proof(t.Context(), shown(proof(nil, nil))); err == nil || errors.Is(err, issuer.ErrInvalid) {
		t.Errorf("a memory that is down: %v", err)
	}
	if err := one(t, nil).Proof(t.Context(), shown(proof(nil, nil))); err == nil || errors.Is(err, issuer.ErrInvalid) {
		t.Errorf("no memory: %v", err)
	}
	panics := start(t, serve(t, newIDP()), issuer.Config{Issuers: []issuer.Settings{settings()}, Replays: (*memory)(nil)})
	if err := panics.Proof(t.Context(), shown(proof(nil, nil))); err == nil || errors.Is(err, issuer.ErrInvalid) {
		t.Errorf("a memory that panics: %v", err)
	}
}

func TestProofAlgorithms(t *testing.T) {
	big := must(rsa.GenerateKey(rand.Reader, 4096))
	keys := map[string]crypto.Signer{"ES256": p256Key(), "ES384": p384Key(), "ES512": p521Key(), "RS256": rsaKey(), "PS256": rsaKey(), "RS512": big, "EdDSA": edKey()}
	usual, _ := provers(t)
	all, _ := provers(t, "ES256", "ES384", "ES512", "RS256", "PS256", "RS512", "EdDSA")
	defaults := map[string]bool{"ES256": true, "RS256": true, "PS256": true, "EdDSA": true}
	for alg, private := range keys {
		make1 := func() issuer.Proof {
			h := fields{"typ": "dpop+jwt", "alg": alg, "jwk": jwk(pair{private: private})}
			p := shown(jws(h, fields{"jti": rand.Text(), "htm": "POST", "htu": called, "iat": time.Now().Unix(), "ath": sha(bound)}, alg, private))
			p.Thumbprint = thumbprint(private)
			return p
		}
		if err := all.Proof(t.Context(), make1()); err != nil {
			t.Errorf("%s: %v", alg, err)
		}
		if err := usual.Proof(t.Context(), make1()); (err == nil) != defaults[alg] {
			t.Errorf("%s by default: %v", alg, err)
		}
		p := make1()
		at := len(p.Text) - 5
		p.Text = p.Text[:at] + string(map[bool]byte{true: 'B', false: 'A'}[p.Text[at] == 'A']) + p.Text[at+1:]
		unproved(t, all, p)
	}
	// A key that says what it is for is for nothing else.
	only := jws(fields{"typ": "dpop+jwt", "alg": "PS256", "jwk": jwk(pair{alg: "RS256", private: rsaKey()})},
		fields{"jti": rand.Text(), "htm": "POST", "htu": called, "iat": time.Now().Unix(), "ath": sha(bound)}, "PS256", rsaKey())
	p := shown(only)
	p.Thumbprint = thumbprint(rsaKey())
	unproved(t, all, p)
	// A key that costs more to check than anybody may make us pay.
	for name, key := range badKeys() {
		text := jws(with(fields{"typ": "dpop+jwt", "alg": "RS256"}, "jwk", key), fields{}, "RS256", rsaKey())
		unproved(t, all, shown(text))
		if strings.HasPrefix(name, "RSA") || strings.HasPrefix(name, "e ") {
			cheap(t, len(text), func() { _ = all.Proof(t.Context(), shown(text)) })
		}
	}
}

func TestSameTarget(t *testing.T) {
	same := map[string]string{
		"https://gw.test/mcp": "https://GW.TEST:443/mcp", "http://gw.test:80/": "http://gw.test",
		"https://gw.test:8443/a%2Fb": "https://gw.test:8443/a%2Fb?x#y", "https://[::1]/mcp": "https://[::1]:443/mcp",
		"https://gw.test?": "https://gw.test/",
	}
	for a, b := range same {
		if !issuer.SameTarget(a, b) || !issuer.SameTarget(b, a) {
			t.Errorf("%s and %s differ", a, b)
		}
	}
	others := maps.Keys(map[string]bool{
		"https://gw.test/mcp/": true, "https://gw.test/a%2Fmcp": true, "https://gw.test//mcp": true, "https://gw.test:444/mcp": true,
		"http://gw.test:443/mcp": true, "": true, "https://gw.test/%6dcp": true, "https:gw.test/mcp": true,
		"https://a:b@gw.test/mcp": true, "https://gw.test\\mcp": true, "https:///mcp": true,
		"https://gw.test:0443/mcp": true, "https://gw.test./mcp": true, "https://gw.test/mcp\n": true, "https://gw.test /mcp": true,
		"https://[::ffff:1.2.3.4]/mcp": true,
	})
	for other := range others {
		if issuer.SameTarget(other, "https://gw.test/mcp") || issuer.SameTarget(other, other) && strings.Contains(other, "@") {
			t.Errorf("%q is the same", other)
		}
	}
}
