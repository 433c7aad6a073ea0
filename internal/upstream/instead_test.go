package upstream_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"doorward/internal/gate"
	"doorward/internal/upstream"
)

// A version of a secret that is turned away is followed by the other one, with the same
// message, at most twice; without another one the refusal stands.
func TestAVersionThatIsTurnedAwayIsFollowedByTheOther(t *testing.T) {
	for _, tc := range []struct {
		name   string
		takes  string
		others bool
		shown  []string // with each message
	}{
		{"the other is taken", "Bearer other", true, []string{"Bearer one", "Bearer other"}},
		{"neither is taken", "Bearer none", true, []string{"Bearer one", "Bearer other", "Bearer one"}},
		{"there is no other", "Bearer other", false, []string{"Bearer one"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var mu sync.Mutex
			var shown []string
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				shown = append(shown, r.Header.Get("Authorization"))
				mu.Unlock()
				if r.Header.Get("Authorization") != tc.takes {
					w.WriteHeader(http.StatusUnauthorized)
					return
				}
				w.WriteHeader(http.StatusInternalServerError) // it was let in, which is all that is asked
			}))
			t.Cleanup(srv.Close)
			p := newPool(t, upstream.Config{
				Upstreams: []upstream.Settings{{Name: "a", URL: srv.URL, Credential: upstream.Credential{Header: "Authorization", Prefix: "Bearer ", Secret: "s"}}},
				Secret:    func(string) (upstream.Secret, error) { return gate.NewSecret("one"), nil },
				Instead: func(name string, refused gate.Secret) (upstream.Secret, bool) {
					if name != "s" {
						t.Errorf("asked for %s", name)
					}
					if refused.Reveal() == "one" {
						return gate.NewSecret("other"), tc.others
					}
					return gate.NewSecret("one"), tc.others
				},
			})
			if _, err := p.Observe(t.Context(), "a"); err == nil {
				t.Error("an upstream that fails was observed")
			}
			mu.Lock()
			defer mu.Unlock()
			for n, got := range shown {
				if want := tc.shown[n%len(tc.shown)]; got != want {
					t.Errorf("shown were %v, want %v with each message", shown, tc.shown)
					break
				}
			}
			if len(shown) == 0 || len(shown)%len(tc.shown) != 0 {
				t.Errorf("%d messages, want %d each", len(shown), len(tc.shown))
			}
		})
	}
}

// A 401 with the answer to the request comes from whoever took it up: it is not sent again. One
// with an error of HTTP alone, or an answer to nobody, is.
func TestA401ThatAnswersIsNotAskedAgain(t *testing.T) {
	for _, tc := range []struct {
		name, kind, body string
		again            bool
	}{
		{"an error of the call", "application/json", `{"jsonrpc":"2.0","id":%s,"error":{"code":-32603,"message":"401 from elsewhere"}}`, false},
		{"a result", "application/json; charset=utf-8", `{"jsonrpc":"2.0","id":%s,"result":{}}`, false},
		{"a stream", "text/event-stream", "", false},
		{"too long", "application/json", `{"error":"` + strings.Repeat("x", 70_000) + `"}`, false},
		{"an answer to nobody", "application/json", `{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"unauthorized"}}`, true},
		{"no JSON-RPC", "application/json", `{"error":"invalid_token"}`, true},
		{"text", "text/plain", "no", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var first, second atomic.Int64
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Authorization") == "Bearer other" {
					second.Add(1)
					w.WriteHeader(http.StatusInternalServerError)
					return
				}
				first.Add(1)
				var asked struct {
					ID json.RawMessage `json:"id"`
				}
				_ = json.NewDecoder(r.Body).Decode(&asked) // a notification has none
				w.Header().Set("Content-Type", tc.kind)
				w.WriteHeader(http.StatusUnauthorized)
				_, _ = io.WriteString(w, strings.Replace(tc.body, "%s", string(asked.ID), 1))
			}))
			t.Cleanup(srv.Close)
			p := newPool(t, upstream.Config{
				Upstreams: []upstream.Settings{{Name: "a", URL: srv.URL, Credential: upstream.Credential{Header: "Authorization", Prefix: "Bearer ", Secret: "s"}}},
				Secret:    func(string) (upstream.Secret, error) { return gate.NewSecret("one"), nil },
				Instead: func(_ string, refused gate.Secret) (upstream.Secret, bool) {
					return gate.NewSecret("other"), refused.Reveal() == "one"
				},
			})
			if _, err := p.Observe(t.Context(), "a"); err == nil {
				t.Error("an upstream that refuses was observed")
			}
			if again := second.Load() > 0; first.Load() == 0 || again != tc.again {
				t.Errorf("asked %d times, and %d times again", first.Load(), second.Load())
			}
		})
	}
}
