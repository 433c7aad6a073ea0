package issuer_test

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/gate"
	"doorward/internal/issuer"
)

// active is a good answer, with other members.
func active(more ...any) string {
	return encode(with(claims("active", true, "token_type", "Bearer"), more...))
}

// asking is a set whose one issuer answers with answer.
func asking(t testing.TB, answer string, change func(*issuer.Settings)) (*issuer.Set, *idp, *pipes) {
	t.Helper()
	i := newIDP()
	i.answer = answer
	st := opaque()
	if change != nil {
		change(&st)
	}
	network := serve(t, i)
	return start(t, network, issuer.Config{Issuers: []issuer.Settings{st}}), i, network
}

func TestIntrospectionSaysWhatTheIssuerSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		exp := time.Now().Add(10 * time.Minute)
		s, i, _ := asking(t, active("exp", exp.Unix(), "groups", "staff", "act", fields{"sub": "robot"}, "cnf", fields{"x5t#S256": sha("c")}), func(s *issuer.Settings) { s.Claims.Groups = "groups" })
		want := issuer.Token{
			Method: "introspection", Issuer: issuer1, Subject: "alice", Client: "agent", ID: "t-1", Groups: []string{"staff"},
			Scopes: []string{"tools.call", "tools.read"}, Expires: exp, CertificateSHA256: sha("c"),
			Act: []gate.Actor{{Subject: "robot"}},
		}
		for range 3 {
			if diff := cmp.Diff(want, accepted(t, s, "opaque-1.x")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		}
		if q := i.questions(); len(q) != 1 || q[0].form.Get("token") != "opaque-1.x" || q[0].form.Get("token_type_hint") != "access_token" {
			t.Errorf("asked %v", q)
		}
		if err := s.Healthy(); err != nil {
			t.Error(err)
		}
	})
}

// A question that comes while the metadata is on its way waits for it, and one for
// metadata that does not come is refused after 3 s.
func TestAUT34_FirstQuestionAfterStart(t *testing.T) {
	for _, tc := range []struct {
		name  string
		takes time.Duration
		want  time.Duration
	}{{"soon", time.Second, time.Second}, {"too late", time.Minute, 3 * time.Second}} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				i := newIDP()
				i.answer = active()
				i.meta = `{"issuer":"` + issuer1 + `","introspection_endpoint":"http://127.0.0.1/introspect"}`
				i.handler = func(_ http.ResponseWriter, r *http.Request) bool {
					if strings.Contains(r.URL.Path, "/.well-known/") {
						select {
						case <-time.After(tc.takes):
						case <-r.Context().Done():
						}
					}
					return false
				}
				st := opaque()
				st.Introspection.URL = ""
				s := start(t, serve(t, i), issuer.Config{Issuers: []issuer.Settings{st}})
				begin := time.Now()
				if tc.takes > tc.want {
					unavailable(t, s, "opaque")
				} else {
					accepted(t, s, "opaque")
				}
				if took := time.Since(begin); took != tc.want {
					t.Errorf("it took %s, want %s", took, tc.want)
				}
			})
		})
	}
}

func TestOpaqueTokensNeedOneWhoIsAsked(t *testing.T) {
	refused(t, one(t, nil), "opaque")
	s, i, _ := asking(t, active(), nil)
	for _, token := range []string{
		"op aque", "opaque\n", " opaque", "op\x00aque", "op\u00e4que", "\ufeffopaque", strings.Repeat("a", 16<<10+1), "a.b.c",
		good(), "a.b.c.d.e", "op\x7faque",
	} {
		refused(t, s, token)
	}
	if _, err := s.Verify(context.Background(), nobody, "opaque", resource("")); !errors.Is(err, issuer.ErrInvalid) {
		t.Errorf("for no resource: %v", err)
	}
	if n := i.count("/introspect"); n != 0 {
		t.Errorf("asked %d times", n)
	}
	accepted(t, s, "opaque")
	accepted(t, s, "opaque==")
	accepted(t, s, "a.b")
	accepted(t, s, strings.Repeat("a", 16<<10))
}

// answers that do not say yes. Each is judged, and remembered for 5 s as a refusal.
func noAnswers() map[string]string {
	all := active()
	body := all[1:]
	answers := map[string]string{ // AUT-24
		"{}": "{}", "no active": active("active", nil), "only sub": `{"sub":"alice"}`,
		"null": `{"active":null,` + body[len(`"active":true,`):], "false": active("active", false), "only false": `{"active":false}`,
		// AUT-25
		`"true"`: active("active", "true"), "1": active("active", 1), "both": `{"active":false,` + body,
		"both, other way": all[:len(all)-1] + `,"active":false}`, "Active": active("active", nil, "Active", true),
		"Active too": active("Active", true), "list": active("active", []bool{true}), "object": active("active", fields{}),
		`"yes"`: active("active", "yes"), "0": active("active", 0), "TRUE": active("active", nil, "ACTIVE", true),
		"escaped twice": `{"\u0061ctive":true,` + body, "hidden": active("active", nil, "active\u0000", true),
		"1.0": strings.Replace(all, `"active":true`, `"active":1.0`, 1), "nested": `{"data":` + all + `}`,
		"zero width": active("active", nil, "act\u200bive", true), "sub twice": `{"sub":"adm",` + body,
	}
	for _, name := range []string{"iss", "aud", "exp", "scope", "sub"} { // AUT-26, A18
		answers["no "+name] = active(name, nil)
	}
	now := time.Now().Unix()
	for i, more := range [][]any{
		{"iss", "http://127.0.0.1/two"},
		{"iss", issuer1 + "/"},
		{"aud", "https://other.test"},
		{"aud", []string{ours, "https://other.test"}},
		{"client_id", "evil"},
		{"client_id", nil},
		{"client_id", []string{"agent"}},
		{"exp", fmt.Sprint(now + 600)},
		{"exp", now + 10*365*24*3600},
		{"nbf", now + 600},
		{"iat", now + 600},
		{"iat", "x"},
		{"scope", []string{"a"}},
		{"scope", "a  b"},
		{"sub", ""},
		{"sub", "a\nb"},
		{"token_type", "mac"},
		{"token_type", ""},
		{"token_type", 1},
		{"token_type", "DPoP"},
		{"token_type", "refresh_token"},
		{"cnf", fields{}},
		{"cnf", fields{"kid": "x"}},
		{"events", fields{}},
		{"Sub", "adm"},
		{"azp", "other"},
		{"Scope", "adm"},
		{"exp", -1},
		{"jti", 1},
	} {
		answers[fmt.Sprint("bad ", i)] = active(more...)
	}
	return answers
}

func TestAUT24_25_26_OnlyYesIsYes(t *testing.T) {
	for name := range noAnswers() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, i, _ := asking(t, noAnswers()[name], func(s *issuer.Settings) { s.Clients = []string{"agent"} })
				for range 50 {
					refused(t, s, "opaque")
				}
				if n := i.count("/introspect"); n != 1 {
					t.Errorf("asked %d times", n)
				}
				i.set(func(i *idp) { i.answer = active() })
				time.Sleep(6 * time.Second)
				accepted(t, s, "opaque")
			})
		})
	}
}

// What an issuer need not say, and what is good without it.
func TestIntrospectionWithoutWhatIsOptional(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now().Unix()
		for i, more := range [][]any{
			{"iat", nil},
			{"nbf", nil},
			{"token_type", nil},
			{"token_type", "bearer"},
			{"token_type", "DPoP", "cnf", fields{"jkt": sha("k")}},
			{"jti", nil},
			{"scope", ""},
			{"client_id", nil},
			{"aud", []string{ours}},
			{"username", "Alice"},
			{"nbf", now},
			{"scope", nil, "scp", []string{"a"}},
		} {
			s, _, _ := asking(t, active(more...), nil)
			if got := accepted(t, s, "opaque"); got.Subject != "alice" {
				t.Errorf("%d: %+v", i, got)
			}
		}
		s, i, _ := asking(t, active("exp", now-31, "iat", now-60), nil)
		for range 3 {
			got, err := verify(s, "opaque")
			if want := (issuer.Token{Method: "introspection", Issuer: issuer1, Subject: "alice", ID: "t-1"}); !errors.Is(err, issuer.ErrExpired) || !cmp.Equal(got, want) {
				t.Errorf("expired: %+v, %v", got, err)
			}
		}
		if n := i.count("/introspect"); n != 1 {
			t.Errorf("asked %d times", n)
		}
	})
}

// broken are ways not to answer a question.
func broken() map[string]http.HandlerFunc {
	const js = "application/json"
	ways := failures(active)
	for name, body := range map[string]string{
		"truncated": active()[:40], "empty": "", "list": "[" + active() + "]", "text": `"active"`, "true": "true", "null": "null",
		"two": active() + active(), "10 MiB": active() + strings.Repeat(" ", 10<<20), "65 KiB": active() + strings.Repeat(" ", 65<<10),
		"UTF-8": strings.Replace(active(), "alice", "al\xffce", 1), "deep": strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat("}", 100),
	} {
		ways[name] = func(w http.ResponseWriter, _ *http.Request) { reply(w, 200, js, body) }
	}
	ways["signed"] = func(w http.ResponseWriter, _ *http.Request) {
		reply(w, 200, "application/token-introspection+jwt", good())
	}
	ways["gzip bomb"] = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Content-Type", js)
		z := gzip.NewWriter(w)
		_, _ = z.Write([]byte(active() + strings.Repeat(" ", 1<<20)))
		_ = z.Close()
	}
	return ways
}

// unavailableOften: strangers whose questions an issuer refuses keep nobody from
// being judged.
func unavailableOften(t *testing.T, s *issuer.Set, i *idp) {
	t.Helper()
	for n := range 20 {
		unavailable(t, s, fmt.Sprint("opaque", n))
		synctest.Wait()
	}
	if n := i.count("/introspect"); n != 20 {
		t.Errorf("asked %d times, want 20", n)
	}
	i.set(func(i *idp) { i.handler = nil })
	accepted(t, s, "honest")
}

func TestAUT27_BrokenAnswers(t *testing.T) {
	odd := map[string]bool{"400": true, "404": true, "429": true}
	for name, handle := range broken() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, i, network := asking(t, active("exp", time.Now().Unix()+3600), nil)
				i.set(func(i *idp) {
					i.handler = func(w http.ResponseWriter, r *http.Request) bool { handle(w, r); return true }
				})
				if odd[name] { // an issuer that refuses a question is not broken
					unavailableOften(t, s, i)
					return
				}
				for n := range 20 { // the breaker opens after 5
					begin := time.Now()
					unavailable(t, s, fmt.Sprint("opaque", n%3))
					if took := time.Since(begin); took > 3*time.Second || n >= 5 && took > 0 {
						t.Errorf("question %d took %s", n, took)
					}
					synctest.Wait() // who asked may be told before the breaker is
				}
				synctest.Wait()
				if n := i.count("/introspect"); n != 5 {
					t.Errorf("asked %d times, want 5", n)
				}
				// Half open after 5 s: one question, and shut again.
				time.Sleep(5 * time.Second)
				unavailable(t, s, "opaque0")
				unavailable(t, s, "opaque1")
				if n := i.count("/introspect"); n != 6 {
					t.Errorf("asked %d times, want 6", n)
				}
				i.set(func(i *idp) { i.handler = nil })
				time.Sleep(5 * time.Second)
				accepted(t, s, "opaque0")
				accepted(t, s, "opaque1")
				if i.count("/elsewhere") > 0 {
					t.Error("a redirect was followed")
				}
				for _, address := range network.dialed() {
					if address != "127.0.0.1:80" {
						t.Errorf("%s was called", address)
					}
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) { // nobody there
		s, _, network := asking(t, active(), nil)
		network.setDown(true)
		for range 10 {
			unavailable(t, s, "opaque")
		}
		if n := len(network.dialed()); n != 5 {
			t.Errorf("called %d times, want 5", n)
		}
	})
}
