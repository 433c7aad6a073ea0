package issuer_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"doorward/internal/issuer"
)

// alerts collects what is alerted to.
type alerts struct {
	mu  sync.Mutex
	all []string
}

func (a *alerts) add(kind, detail string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all = append(a.all, kind+" "+detail)
}

func (a *alerts) list() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.all)
}

var secondKey = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) })

func second(more ...any) string {
	return jws(header("kid", "k2"), claims(more...), "ES256", secondKey())
}

func TestAUT32_Rotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIDP()
		s := start(t, serve(t, i), issuer.Config{Issuers: []issuer.Settings{settings()}})
		k1, k2 := good("exp", time.Now().Unix()+7200), second("exp", time.Now().Unix()+7200)
		accepted(t, s, k1)
		if n := i.count("/jwks"); n != 1 {
			t.Fatalf("fetched %d times", n)
		}
		first, next := jwk(pair{kid: "k1", private: p256Key()}), jwk(pair{kid: "k2", private: secondKey()})
		i.set(func(i *idp) { i.keys = keySet(first, next) })
		accepted(t, s, k2)
		if n := i.count("/jwks"); n != 2 {
			t.Errorf("fetched %d times for a key that is new, want 2", n)
		}
		accepted(t, s, k1)
		i.set(func(i *idp) { i.keys = keySet(next) })
		time.Sleep(10 * time.Minute)
		refused(t, s, k1) // though it was remembered
		accepted(t, s, k2)
		if n, _, _ := s.Remembered(); n != 1 {
			t.Errorf("%d tokens are remembered, want 1", n)
		}
		// The same id for another key is another key.
		time.Sleep(time.Minute)
		i.set(func(i *idp) { i.keys = keySet(jwk(pair{kid: "k2", private: p256Key()})) })
		time.Sleep(10 * time.Minute)
		refused(t, s, k2)
		// No key at all.
		i.set(func(i *idp) { i.keys = keySet() })
		time.Sleep(10 * time.Minute)
		refused(t, s, k1)
		refused(t, s, jws(header("kid", "k2"), claims(), "ES256", p256Key()))
	})
}

// A remembered token outlives fetches that list its key again.
func TestAUT32_KeysThatStay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIDP()
		s := start(t, serve(t, i), issuer.Config{Issuers: []issuer.Settings{settings()}})
		accepted(t, s, good("exp", time.Now().Unix()+7200))
		for n := range 5 {
			i.set(func(i *idp) {
				i.keys = keySet(jwk(pair{kid: fmt.Sprint("other", n), private: secondKey()}), jwk(pair{kid: "k1", alg: "ES256", private: p256Key()}))
			})
			time.Sleep(10 * time.Minute)
			if n, _, _ := s.Remembered(); n != 1 {
				t.Errorf("%d tokens are remembered, want 1", n)
			}
		}
	})
}

func TestAUT33_RandomKids(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIDP()
		s := start(t, serve(t, i), issuer.Config{Issuers: []issuer.Settings{settings()}})
		accepted(t, s, good())
		payload := claims()
		input := b64([]byte(encode(payload)))
		for round := range 10 {
			var wg sync.WaitGroup
			for range 1000 {
				token := b64([]byte(encode(header("kid", rand.Text())))) + "." + input + "." + b64(make([]byte, 64))
				wg.Go(func() { refused(t, s, token) })
			}
			begin := time.Now()
			accepted(t, s, good()) // alice waits for nobody
			if took := time.Since(begin); took > 0 {
				t.Errorf("alice waited for %s", took)
			}
			wg.Wait()
			time.Sleep(time.Second)
			if n := i.count("/jwks"); n > 2 {
				t.Fatalf("%d fetches after %d s", n, round)
			}
		}
		time.Sleep(30 * time.Second)
		refused(t, s, jws(header("kid", "x"), claims(), "ES256", p256Key()))
		if n := i.count("/jwks"); n != 3 {
			t.Errorf("%d fetches after 40 s, want 3", n)
		}
	})
}

func TestAUT34_JWKSDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIDP()
		network := serve(t, i)
		s := start(t, network, issuer.Config{Issuers: []issuer.Settings{settings()}})
		long := func() string { return good("exp", time.Now().Unix()+7200) }
		token := long()
		accepted(t, s, token)
		if err := s.Healthy(); err != nil {
			t.Error(err)
		}
		network.setDown(true)
		i.set(func(i *idp) {
			i.handler = func(w http.ResponseWriter, _ *http.Request) bool {
				w.WriteHeader(http.StatusInternalServerError)
				return true
			}
		})
		time.Sleep(50 * time.Minute)
		accepted(t, s, token)
		accepted(t, s, long())
		if err := s.Healthy(); err != nil {
			t.Error(err)
		}
		unavailable(t, s, second()) // the key may be new; nobody can tell
		time.Sleep(11 * time.Minute)
		unavailable(t, s, token)
		unavailable(t, s, long())
		if err := s.Healthy(); err == nil {
			t.Error("healthy with keys that are too old")
		}
		network.setDown(false)
		i.set(func(i *idp) { i.handler = nil })
		time.Sleep(31 * time.Second)
		accepted(t, s, long())
		if err := s.Healthy(); err != nil {
			t.Error(err)
		}
	})
}

// Keys that may not get old are fetched more often.
func TestAUT34_ShortStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIDP()
		st := settings()
		st.Stale = 2 * time.Minute
		s := start(t, serve(t, i), issuer.Config{Issuers: []issuer.Settings{st}})
		for range 60 {
			time.Sleep(20 * time.Second)
			accepted(t, s, good())
		}
		if n := i.count("/jwks"); n < 20 || n > 30 {
			t.Errorf("fetched %d times in 20 minutes", n)
		}
	})
}

func TestAUT34_ColdStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIDP()
		network := serve(t, i)
		network.setDown(true)
		s := start(t, network, issuer.Config{Issuers: []issuer.Settings{settings()}})
		unavailable(t, s, good())
		if err := s.Healthy(); err == nil {
			t.Error("healthy without keys")
		}
		synctest.Wait()
		before := len(network.dialed())
		time.Sleep(10 * time.Minute)
		if n := len(network.dialed()) - before; n < 18 || n > 50 {
			t.Errorf("%d tries in 10 minutes", n)
		}
		network.setDown(false)
		time.Sleep(30 * time.Second)
		accepted(t, s, good())
	})
	// One that hangs: the first tokens wait, and not for long.
	synctest.Test(t, func(t *testing.T) {
		i := newIDP()
		i.handler = func(_ http.ResponseWriter, r *http.Request) bool { <-r.Context().Done(); return true }
		s := start(t, serve(t, i), issuer.Config{Issuers: []issuer.Settings{settings()}})
		begin := time.Now()
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() { unavailable(t, s, good()) })
		}
		wg.Wait()
		if took := time.Since(begin); took != 3*time.Second {
			t.Errorf("the first tokens waited for %s", took)
		}
	})
	// One that takes a second.
	synctest.Test(t, func(t *testing.T) {
		i := newIDP()
		i.handler = func(http.ResponseWriter, *http.Request) bool { time.Sleep(time.Second); return false }
		s := start(t, serve(t, i), issuer.Config{Issuers: []issuer.Settings{settings()}})
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				if _, err := verify(s, good()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := i.count("/jwks"); n != 1 {
			t.Errorf("fetched %d times", n)
		}
	})
}

// rsaJWK is an RSA key with numbers of any size.
func rsaJWK(n, e *big.Int) fields {
	return fields{"kty": "RSA", "kid": "bad", "n": b64(n.Bytes()), "e": b64(e.Bytes())}
}

// badKeys are keys that no issuer should publish.
func badKeys() map[string]any {
	pub := func(more ...any) fields { return with(jwk(pair{kid: "bad", private: p256Key()}), more...) }
	rsaPub := func(more ...any) fields { return with(jwk(pair{kid: "bad", private: rsaKey()}), more...) }
	ed := func(more ...any) fields { return with(jwk(pair{kid: "bad", private: edKey()}), more...) }
	odd := func(bits uint) *big.Int {
		return new(big.Int).SetBit(new(big.Int).SetBit(new(big.Int), int(bits-1), 1), 0, 1)
	}
	x := must(p256Key().PublicKey.Bytes())[1:33]
	keys := map[string]any{
		"oct":       fields{"kty": "oct", "kid": "bad", "k": b64(make([]byte, 64))},
		"oct HS256": fields{"kty": "oct", "kid": "bad", "alg": "HS256", "k": "AAAA"}, "EC with k": pub("k", "AA"),
		"private EC": pub("d", b64(make([]byte, 32))), "private RSA": rsaPub("d", "AQAB"), "private RSA, p": rsaPub("p", "AQAB"),
		"private oth": rsaPub("oth", []fields{}), "private Ed25519": ed("d", b64(make([]byte, 32))), "private null": pub("d", 1),
		"RSA 512": rsaJWK(odd(512), big.NewInt(65537)), "RSA 1024": rsaJWK(odd(1024), big.NewInt(65537)),
		"RSA 2047": rsaJWK(odd(2047), big.NewInt(65537)), "RSA 8193": rsaJWK(odd(8193), big.NewInt(65537)),
		"RSA 400,000": rsaJWK(odd(400_000), big.NewInt(65537)),
		"RSA even":    rsaJWK(new(big.Int).Sub(odd(2048), big.NewInt(1)), big.NewInt(65537)), "RSA 0": rsaJWK(new(big.Int), big.NewInt(3)),
		"e=0": rsaJWK(odd(2048), new(big.Int)), "e=1": rsaJWK(odd(2048), big.NewInt(1)), "e=2": rsaJWK(odd(2048), big.NewInt(2)),
		"e even": rsaJWK(odd(2048), big.NewInt(65538)),
		"e huge": rsaJWK(odd(2048), odd(2048)), "e 2^40+1": rsaJWK(odd(2048), odd(41)), "no n": rsaPub("n", nil), "no e": rsaPub("e", nil),
		"n a number": rsaPub("n", 5), "n padded": rsaPub("n", "AAAA="),
		"use enc": pub("use", "enc"), "use list": pub("use", []string{"sig"}), "use empty": pub("use", ""), "use SIG": pub("use", "SIG"),
		"ops sign": pub("key_ops", []string{"sign"}), "ops none": pub("key_ops", []string{}), "ops text": pub("key_ops", "verify"),
		"ops mixed": pub("key_ops", []any{"verify", 1}), "ops many": pub("key_ops", slices.Repeat([]string{"verify"}, 11)),
		"alg of RSA": pub("alg", "RS256"), "alg of P-384": pub("alg", "ES384"), "alg none": pub("alg", "none"),
		"alg HS256": rsaPub("alg", "HS256"), "alg RSA-OAEP": rsaPub("alg", "RSA-OAEP"), "alg 1": pub("alg", 1),
		"alg empty": pub("alg", ""), "alg ES256K": pub("alg", "ES256K"),
		"off the curve": pub("x", b64(make([]byte, 32))), "x=y": pub("y", b64(x)), "x short": pub("x", b64(x[1:])),
		"x long": pub("x", b64(append([]byte{0}, x...))), "no y": pub("y", nil), "other curve": pub("crv", "P-384"),
		"secp256k1": pub("crv", "secp256k1"), "no curve": pub("crv", nil), "p-256": pub("crv", "p-256"),
		"infinity": pub("x", b64(make([]byte, 32)), "y", b64(make([]byte, 32))), "Ed25519 zero": ed("x", b64(make([]byte, 32))),
		"Ed25519 low order": ed("x", b64(append([]byte{1}, make([]byte, 31)...))), "Ed25519 short": ed("x", "AA"),
		"X25519": ed("crv", "X25519"), "Ed448": ed("crv", "Ed448"),
		"kty none": pub("kty", nil), "kty ec": pub("kty", "ec"), "kty AKP": pub("kty", "AKP"), "kid 1": pub("kid", 1),
		"kid empty": pub("kid", ""), "kid long": pub("kid", strings.Repeat("k", 257)), "kid control": pub("kid", "k\n1"),
		"Kty too": pub("Kty", "RSA"), "name hidden": pub("kty\u200b", "RSA"),
		"not an object": "text", "null": nil, "array": []any{}, "number": 7, "empty": fields{}, "deep": fields{"kty": "EC", "a": [][][]int{{{}}}},
	}
	return keys
}

func TestAUT35_BadKeys(t *testing.T) {
	first := jwk(pair{kid: "k1", private: p256Key()})
	for name, key := range badKeys() {
		t.Run(name, func(t *testing.T) {
			for _, list := range []string{keySet(first, key), keySet(key, first)} {
				ids, bad, err := issuer.KeyIDs([]byte(list))
				if err != nil || !slices.Equal(ids, []string{"k1"}) || len(bad) != 1 {
					t.Errorf("keys %q, bad %q, %v", ids, bad, err)
				}
			}
		})
	}
	text := encode(first)
	for name, list := range map[string]string{
		"invalid UTF-8": `{"keys":[` + text + `,{"kty":"EC","kid":"` + "\xff" + `"}]}`,
		"a name twice":  `{"keys":[` + text + `,{"kid":"bad",` + text[1:] + `]}`, "surrogate": `{"keys":[` + text + `,{"kty":"\ud800"}]}`,
		"a name twice, escaped": `{"keys":[{"\u006bty":"RSA",` + text[1:] + `,` + text + `]}`,
	} {
		if ids, bad, err := issuer.KeyIDs([]byte(list)); err != nil || !slices.Equal(ids, []string{"k1"}) || len(bad) != 1 {
			t.Errorf("%s: keys %q, bad %q, %v", name, ids, bad, err)
		}
	}
	// One id for two keys, and nobody knows which: neither is used.
	other := jwk(pair{kid: "k2", private: secondKey()})
	for _, list := range []string{
		keySet(first, other, jwk(pair{kid: "k1", private: rsaKey()})),
		keySet(jwk(pair{kid: "k1", private: edKey()}), other, first, first),
	} {
		if ids, bad, err := issuer.KeyIDs([]byte(list)); err != nil || !slices.Equal(ids, []string{"k2"}) || len(bad) < 2 {
			t.Errorf("keys %q, bad %q, %v", ids, bad, err)
		}
	}
	for _, key := range []fields{
		with(first, "use", "sig", "key_ops", []string{"verify"}, "alg", "ES256", "x5c", []string{"MIIB"}, "x5t", "AA", "ext", true),
		rsaJWK(new(big.Int).SetBit(big.NewInt(1), 8191, 1), big.NewInt(3)), rsaJWK(rsaKey().N, big.NewInt(1<<31-1)),
	} {
		if ids, bad, err := issuer.KeyIDs([]byte(keySet(key))); err != nil || len(ids) != 1 || len(bad) != 0 {
			t.Errorf("a good key: %q, %q, %v", ids, bad, err)
		}
	}
}

// sets are documents that are no key set.
func sets() map[string]string {
	key := encode(jwk(pair{private: p256Key()}))
	list := func(n int, key string) string {
		return `{"keys":[` + strings.TrimSuffix(strings.Repeat(key+",", n), ",") + "]}"
	}
	return map[string]string{
		"101 keys": list(101, key), "100k keys": list(170_000, "{}"), "empty": "", "null": "null", "array": "[]", "no keys": "{}",
		"keys null": `{"keys":null}`, "keys object": `{"keys":{}}`, "keys text": `{"keys":"x"}`,
		"keys twice": `{"keys":[],"keys":[` + key + `]}`, "Keys too": `{"Keys":[],"keys":[` + key + `]}`,
		"long s": `{"key\u017f":[],"keys":[` + key + `]}`, "cut off": list(1, key)[:40], "trailing": list(1, key) + "x",
		"two":  list(1, key) + list(1, key),
		"deep": `{"keys":` + strings.Repeat("[", 200_000), "deep, other": `{"a":` + strings.Repeat(`{"a":`, 80_000),
		"HTML": "<html></html>", "trailing comma": `{"keys":[` + key + `,]}`, "open string": `{"keys":["` + strings.Repeat("a", 400_000),
		"BOM":                 "\ufeff" + list(1, key),
		"100k names in a key": `{"keys":[{` + strings.Repeat(`"a":1,`, 80_000) + `"b":1}]}`,
	}
}

func TestAUT35_BadSets(t *testing.T) {
	for name, set := range sets() {
		t.Run(name, func(t *testing.T) {
			ids, bad, err := issuer.KeyIDs([]byte(set))
			if len(ids) > 0 || err == nil && len(bad) == 0 {
				t.Errorf("keys %q, bad %q, %v", ids, bad, err)
			}
			cheap(t, len(set), func() { _, _, _ = issuer.KeyIDs([]byte(set)) })
		})
	}
	hundred := slices.Repeat([]any{jwk(pair{private: p256Key()})}, 100)
	if ids, _, err := issuer.KeyIDs([]byte(keySet(hundred...))); err != nil || len(ids) != 100 {
		t.Errorf("100 keys: %d, %v", len(ids), err)
	}
}

// A bad key is alerted to once, and again when it comes again; the good one works.
func TestAUT35_Alerts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i, seen := newIDP(), &alerts{}
		first := jwk(pair{kid: "k1", private: p256Key()})
		i.keys = keySet(first, fields{"kty": "oct", "k": "AAAA"})
		alert := func(kind, detail string) { seen.add(kind, detail); panic("in the alert") }
		s := start(t, serve(t, i), issuer.Config{Issuers: []issuer.Settings{settings()}, Alert: alert})
		accepted(t, s, good())
		time.Sleep(time.Hour)
		if list := seen.list(); len(list) != 1 || !strings.HasPrefix(list[0], issuer.AlertBadKey+" issuer "+issuer1+": key 2 of the set: ") {
			t.Errorf("alerts %q", list)
		}
		i.set(func(i *idp) { i.keys = keySet(first) })
		time.Sleep(10 * time.Minute)
		i.set(func(i *idp) { i.keys = keySet(first, fields{"kty": "oct", "k": "AAAA"}) })
		time.Sleep(10 * time.Minute)
		if list := seen.list(); len(list) != 2 {
			t.Errorf("alerts %q", list)
		}
		// A set that is none leaves the keys that there are, until they are old.
		i.set(func(i *idp) { i.keys = `{"keys":[],"Keys":[]}` })
		time.Sleep(40 * time.Minute)
		accepted(t, s, good())
		time.Sleep(21 * time.Minute)
		unavailable(t, s, good())
	})
}

// Two keys and no name: only when one alone fits.
func TestTokensThatNameNoKey(t *testing.T) {
	i := newIDP()
	i.keys = keySet(jwk(pair{kid: "k1", private: p256Key()}), jwk(pair{private: rsaKey()}), jwk(pair{kid: "bound", alg: "RS384", private: otherRSA()}))
	st := settings()
	st.Algorithms = []string{"ES256", "RS256", "RS384"}
	s := start(t, serve(t, i), issuer.Config{Issuers: []issuer.Settings{st}})
	accepted(t, s, jws(header("kid", nil), claims(), "ES256", p256Key()))
	accepted(t, s, jws(header("kid", nil, "alg", "RS256"), claims(), "RS256", rsaKey()))
	refused(t, s, jws(header("kid", nil, "alg", "RS384"), claims(), "RS384", otherRSA()))
	refused(t, s, jws(header("kid", nil, "alg", "RS384"), claims(), "RS384", rsaKey()))
}

// An issuer with three places for its metadata, all of which hang.
func TestAUT34_WaitingForMetadata(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIDP()
		i.handler = func(_ http.ResponseWriter, r *http.Request) bool { <-r.Context().Done(); return true }
		s := start(t, serve(t, i), issuer.Config{Issuers: []issuer.Settings{found()}})
		begin := time.Now()
		unavailable(t, s, good())
		if took := time.Since(begin); took != 3*time.Second {
			t.Errorf("took %s", took)
		}
	})
}

// After the end nobody waits for a key that is not known.
func TestCloseEndsTheSearchForKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, serve(t, newIDP()), issuer.Config{Issuers: []issuer.Settings{settings()}})
		accepted(t, s, good())
		closed(t, s)
		begin := time.Now()
		unavailable(t, s, second())
		if took := time.Since(begin); took != 0 {
			t.Errorf("took %s", took)
		}
	})
}

func TestCloseLetsNobodyWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIDP()
		i.handler = func(_ http.ResponseWriter, r *http.Request) bool { <-r.Context().Done(); return true }
		st := opaque()
		st.Algorithms, st.JWKSURL = []string{"ES256"}, "http://127.0.0.1/jwks"
		s := start(t, serve(t, i), issuer.Config{Issuers: []issuer.Settings{st}})
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() { unavailable(t, s, good()) })
			wg.Go(func() { unavailable(t, s, "opaque") })
		}
		synctest.Wait()
		begin := time.Now()
		if err := errors.Join(s.Close(), s.Close()); err != nil {
			t.Error(err)
		}
		wg.Wait()
		unavailable(t, s, "another")
		unavailable(t, s, good())
		if took := time.Since(begin); took != 0 {
			t.Errorf("took %s", took)
		}
	})
}
