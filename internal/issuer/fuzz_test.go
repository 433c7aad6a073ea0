package issuer_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/issuer"
)

// century is a MaxAge that no seed outlives.
const century = 100 * 365 * 24 * time.Hour

// lasting are claims that are as good in years.
func lasting(more ...any) fields {
	return claims(append([]any{"iat", 1, "exp", 4_000_000_000}, more...)...)
}

// oracle is a payload as encoding/json reads it: careless of case, and the last of two counts.
type oracle struct {
	Active   any             `json:"active"`
	Issuer   string          `json:"iss"`
	Subject  string          `json:"sub"`
	Audience json.RawMessage `json:"aud"`
	Expires  float64         `json:"exp"`
	ID       string          `json:"jti"`
	Scope    *string         `json:"scope"`
	Groups   json.RawMessage `json:"groups"`
	Events   any             `json:"events"`
	Cnf      map[string]string
}

// agrees fails the test unless encoding/json reads of raw what was accepted.
func agrees(t *testing.T, raw []byte, got issuer.Token) {
	t.Helper()
	var o oracle
	if err := json.Unmarshal(raw, &o); err != nil {
		t.Fatalf("accepted %q, and encoding/json: %v", raw, err)
	}
	var one string
	var several []string
	if json.Unmarshal(o.Audience, &one) != nil && json.Unmarshal(o.Audience, &several) != nil || one != ours && !slices.Equal(several, []string{ours}) {
		t.Errorf("aud is %s", o.Audience)
	}
	if o.Issuer != got.Issuer || o.Issuer != issuer1 || o.Subject != got.Subject || o.Subject == "" ||
		o.ID != got.ID || int64(o.Expires) != got.Expires.Unix() || o.Events != nil {
		t.Errorf("read %+v, and accepted %+v", o, got)
	}
	if o.Scope != nil {
		want := slices.Compact(slices.Sorted(strings.SplitSeq(*o.Scope, " ")))
		if *o.Scope == "" {
			want = nil
		}
		if diff := cmp.Diff(want, got.Scopes); diff != "" {
			t.Error(diff)
		}
	}
	if o.Groups != nil {
		var group string
		var groups []string
		if json.Unmarshal(o.Groups, &group) == nil && group != "" {
			groups = []string{group}
		} else if err := json.Unmarshal(o.Groups, &groups); err != nil {
			t.Errorf("groups %s", o.Groups)
		}
		if groups = slices.Compact(slices.Sorted(slices.Values(groups))); !slices.Equal(groups, got.Groups) {
			t.Errorf("groups %q, and accepted %q", groups, got.Groups)
		}
	}
	if o.Cnf["jkt"] != got.Thumbprint || o.Cnf["x5t#S256"] != got.CertificateSHA256 {
		t.Errorf("cnf %v, and accepted %+v", o.Cnf, got)
	}
}

// Properties: no text makes Verify panic; no text is accepted whose signature is
// not of our key; and what is accepted, encoding/json reads to the same header
// and claims. A second judgement is the first again.
func FuzzToken(f *testing.F) {
	s := one(f, func(s *issuer.Settings) { s.MaxAge, s.Claims.Groups = century, "groups" })
	for _, c := range []any{
		lasting(), lasting("groups", []string{"a", "b"}), lasting("cnf", fields{"jkt": sha("k")}), lasting("scope", nil), lasting("nbf", 1),
		"{}", "", `{"sub":"a","sub":"b"}`, lasting("aud", []string{ours}), lasting("Sub", "x"), lasting("exp", 1.5),
	} {
		f.Add([]byte(encode(header())), []byte(encode(c)), "a.b.c")
	}
	for _, h := range []string{`{"alg":"none"}`, `{"alg":"ES256","kid":"k1","crit":["x"]}`, `{"alg":"ES256"}`, "[]"} {
		f.Add([]byte(h), []byte(encode(lasting())), jws(header(), lasting(), "ES256", p521Key()))
	}
	f.Fuzz(func(t *testing.T, head, body []byte, text string) {
		if got, err := verify(s, text); err == nil {
			t.Errorf("accepted %q: %+v", text, got)
		}
		input := b64(head) + "." + b64(body)
		token := input + "." + b64(sign("ES256", p256Key(), input))
		got, err := verify(s, token)
		again, err2 := verify(s, token)
		if diff := cmp.Diff(got, again); diff != "" || (err == nil) != (err2 == nil) {
			t.Errorf("judged twice: %v and %v\n%s", err, err2, diff)
		}
		if err != nil {
			if !errors.Is(err, issuer.ErrInvalid) && !errors.Is(err, issuer.ErrExpired) {
				t.Errorf("not judged: %v", err)
			}
			return
		}
		var h struct {
			Alg  string `json:"alg"`
			Kid  string `json:"kid"`
			Crit any    `json:"crit"`
			JWK  any    `json:"jwk"`
		}
		if err := json.Unmarshal(head, &h); err != nil || h.Alg != "ES256" || h.Kid != "k1" && h.Kid != "" || h.Crit != nil || h.JWK != nil {
			t.Errorf("the header %q: %+v, %v", head, h, err)
		}
		agrees(t, body, got)
	})
}

// Properties: no set makes the reader panic; at most 100 keys come of it, no two
// of one id, and encoding/json finds each of them: of a type that is used here,
// for signatures, with no private part. Fit and unfit keys are all that there are.
func FuzzKeys(f *testing.F) {
	first := jwk(pair{kid: "k1", alg: "ES256", private: p256Key()})
	for _, key := range badKeys() {
		if text := keySet(first, key); len(text) < 4<<10 {
			f.Add([]byte(text))
		}
	}
	for _, set := range sets() {
		if len(set) < 4<<10 {
			f.Add([]byte(set))
		}
	}
	f.Add([]byte(keySet(jwk(pair{private: rsaKey()}), jwk(pair{kid: "e", private: edKey()}), jwk(pair{kid: "e", private: p521Key()}))))
	f.Fuzz(func(t *testing.T, raw []byte) {
		ids, bad, err := issuer.KeyIDs(raw)
		if err != nil {
			if len(ids) > 0 {
				t.Errorf("%d keys of a set that is none: %v", len(ids), err)
			}
			return
		}
		var set struct{ Keys []json.RawMessage }
		if err := json.Unmarshal(raw, &set); err != nil || len(set.Keys) > 100 || len(ids)+len(bad) != len(set.Keys) {
			t.Fatalf("%d keys and %d bad ones of %d: %v", len(ids), len(bad), len(set.Keys), err)
		}
		published := map[string]int{}
		for _, text := range set.Keys {
			var key map[string]any
			if json.Unmarshal(text, &key) != nil || key["d"] != nil || key["k"] != nil ||
				key["use"] != nil && key["use"] != "sig" || key["kty"] != "RSA" && key["kty"] != "EC" && key["kty"] != "OKP" {
				continue
			}
			id, _ := key["kid"].(string)
			published[id]++
		}
		for _, id := range ids {
			if published[id]--; published[id] < 0 {
				t.Errorf("a key %q that was not published, or is not fit", id)
			}
			if n := len(slices.DeleteFunc(slices.Clone(ids), func(other string) bool { return other != id })); id != "" && n > 1 {
				t.Errorf("%d keys of the id %q", n, id)
			}
		}
	})
}

// Properties: no answer makes the judge panic; what is accepted, encoding/json
// reads as active, with the literal true, and to the same claims.
func FuzzIntrospection(f *testing.F) {
	st := opaque()
	st.MaxAge, st.Claims.Groups = century, "groups"
	for _, answer := range noAnswers() {
		f.Add([]byte(answer))
	}
	for _, more := range [][]any{
		{},
		{"groups", "a"},
		{"iat", nil},
		{"cnf", fields{"x5t#S256": sha("c")}},
		{"token_type", "DPoP", "cnf", fields{"jkt": sha("k")}},
		{"scope", ""},
	} {
		f.Add([]byte(encode(lasting(append([]any{"active", true}, more...)...))))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := issuer.JudgeAnswer(st, raw, ours)
		if err != nil {
			if got.Scopes != nil || got.Groups != nil || got.Subject != "" && !errors.Is(err, issuer.ErrExpired) {
				t.Errorf("refused, and %+v", got)
			}
			return
		}
		var o oracle
		if err := json.Unmarshal(raw, &o); err != nil || o.Active != true || got.Method != "introspection" {
			t.Errorf("active is %v, %v", o.Active, err)
		}
		agrees(t, raw, got)
	})
}

// Properties: no proof makes Proof panic, and what is accepted, encoding/json
// reads as a proof for this request, by the key that the token is bound to.
func FuzzProof(f *testing.F) {
	s, _ := provers(f)
	for _, head := range [][]any{{}, {"alg", "none"}, {"jwk", fields{}}, {"typ", "JWT"}} {
		for _, body := range [][]any{{}, {"htu", "HTTPS://gw.test:443/mcp?x"}, {"jti", ""}, {"ath", nil}} {
			parts := strings.Split(proof(head, body), ".")
			f.Add(must(base64.RawURLEncoding.DecodeString(parts[0])), must(base64.RawURLEncoding.DecodeString(parts[1])))
		}
	}
	f.Fuzz(func(t *testing.T, head, body []byte) {
		input := b64(head) + "." + b64(body)
		if s.Proof(context.Background(), shown(input+"."+b64(sign("ES256", p256Key(), input)))) != nil {
			return
		}
		var h struct {
			Typ, Alg string
			JWK      map[string]any `json:"jwk"`
		}
		var c struct{ HTM, HTU, ATH, JTI string }
		if err := errors.Join(json.Unmarshal(head, &h), json.Unmarshal(body, &c)); err != nil {
			t.Fatal(err)
		}
		own := jwk(pair{private: p256Key()})
		maps.DeleteFunc(h.JWK, func(name string, _ any) bool { return own[name] == nil })
		if h.Typ != "dpop+jwt" || h.Alg != "ES256" || c.HTM != "POST" || c.ATH != sha(bound) || c.JTI == "" ||
			!strings.HasPrefix(strings.ToLower(c.HTU), "https://gw.test") || !cmp.Equal(h.JWK, own) {
			t.Errorf("%+v %+v", h, c)
		}
	})
}
