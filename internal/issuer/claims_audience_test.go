package issuer_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"doorward/internal/issuer"
)

func TestAUT10_Audience(t *testing.T) {
	strict := one(t, nil)
	loose := one(t, func(s *issuer.Settings) { s.OtherAudiences = true })
	for _, aud := range []any{ours, []string{ours}} {
		accepted(t, strict, good("aud", aud))
		accepted(t, loose, good("aud", aud))
	}
	for _, aud := range []any{[]string{ours, "https://other.test"}, []string{"https://other.test", ours}, []string{"a", "b", ours}} {
		refused(t, strict, good("aud", aud))
		accepted(t, loose, good("aud", aud))
	}
	many := make([]string, 101)
	for i := range many {
		many[i] = fmt.Sprint("https://other.test/", i)
	}
	many[100] = ours
	auds := []any{
		nil, "", "https://other.test/mcp", ours + ".evil", "https://gw.test/mc", "https://gw.test/MCP", ours + "/",
		fields{"aud": ours},
		[]string{"https://other.test"},
		[]string{},
		[]string{ours, ours},
		[]any{ours, 1},
		[]any{ours, nil},
		[]any{[]string{ours}},
		1, true, "HTTPS://gw.test/mcp", "https://GW.test/mcp", "http://gw.test/mcp", "https://gw.test:443/mcp",
		ours + " ", " " + ours, ours + "\x00", ours + "?", ours + "#", "https://gw.test/./mcp", "https://gw.test/%6dcp",
		"https://alice@gw.test/mcp", "gw.test/mcp", "*", "https://gw.test/*",
		ours + "," + ours, ours + " https://other.test", many, "https://gw.test\\mcp", "\u200bhttps://gw.test/mcp",
		[]string{""},
	}
	for _, aud := range auds {
		refused(t, strict, good("aud", aud))
		refused(t, loose, good("aud", aud))
	}
	refused(t, strict, raw("aud", "null"))
	refused(t, strict, raw("aud", fmt.Sprintf("[%q", ours)))
}

func TestAUT11_KeysBelongToIssuers(t *testing.T) {
	const issuer2 = "http://127.0.0.1/two"
	i := newIDP()
	i.handler = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/jwks2" {
			return false
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, keySet(jwk(pair{kid: "k1", private: p384Key()}), jwk(pair{kid: "only2", private: p384Key()})))
		return true
	}
	st1, st2 := settings(), settings()
	st1.Algorithms = []string{"ES256", "ES384"}
	st2.Issuer, st2.JWKSURL, st2.Algorithms = issuer2, "http://127.0.0.1/jwks2", st1.Algorithms
	s := start(t, serve(t, i), issuer.Config{Issuers: []issuer.Settings{st1, st2}})
	accepted(t, s, good())
	if got := accepted(t, s, jws(header("alg", "ES384"), claims("iss", issuer2), "ES384", p384Key())); got.Issuer != issuer2 {
		t.Errorf("of %s", got.Issuer)
	}
	for _, kid := range []any{"k1", "only2", nil} {
		refused(t, s, jws(header("alg", "ES384", "kid", kid), claims(), "ES384", p384Key()))
		refused(t, s, jws(header("kid", kid), claims("iss", issuer2), "ES256", p256Key()))
	}
	for _, iss := range []any{
		nil, "", issuer1 + "/", "https://I1@evil", strings.ToUpper(issuer1), "http://127.0.0.1/One", "http://127.0.0.1",
		"http://127.0.0.1/", "http://127.0.0.1:80/one", "https://127.0.0.1/one",
		"http://127.0.0.1/one@evil.test", "http://127.0.0.1@evil.test/one", "http://localhost/one",
		[]string{issuer1},
		fields{"iss": issuer1},
		1, true, issuer1 + " ", " " + issuer1, issuer1 + "\x00",
		issuer1 + "#", issuer1 + "?", "http://127.0.0.1/%6fne", "http://127.0.0.1/./one", "//127.0.0.1/one", issuer1 + issuer1,
		"http://127.1/one", "http://127.0.0.1/one/../two",
	} {
		refused(t, s, good("iss", iss))
	}
	refused(t, s, raw("iss", "null"))
}

// The audience of one issuer is not that of another, also for what is remembered.
func TestAudiencesBelongToIssuers(t *testing.T) {
	const issuer2 = "http://127.0.0.1/two"
	st1, st2 := settings(), settings()
	st2.Issuer = issuer2
	s := start(t, serve(t, newIDP()), issuer.Config{Issuers: []issuer.Settings{st1, st2}})
	each := func(iss string) string { return map[string]string{issuer1: "api://one", issuer2: "api://two"}[iss] }
	for range 2 {
		for _, tc := range []struct {
			iss, aud string
			good     bool
		}{{issuer1, "api://one", true}, {issuer2, "api://two", true}, {issuer1, "api://two", false}, {issuer2, "api://one", false}} {
			got, err := s.Verify(t.Context(), nobody, good("iss", tc.iss, "aud", tc.aud, "iat", 1+time.Now().Unix()/1000*1000-1), each)
			if (err == nil) != tc.good || tc.good && got.Issuer != tc.iss || !tc.good && !errors.Is(err, issuer.ErrInvalid) {
				t.Errorf("%s for %s: %+v, %v", tc.iss, tc.aud, got, err)
			}
		}
		// The same audience at all, and then not any more.
		token := good("iss", issuer2, "aud", "api://one")
		if _, err := s.Verify(t.Context(), nobody, token, resource("api://one")); err != nil {
			t.Error(err)
		}
		if _, err := s.Verify(t.Context(), nobody, token, each); !errors.Is(err, issuer.ErrInvalid) {
			t.Errorf("remembered for an audience of another issuer: %v", err)
		}
	}
}
