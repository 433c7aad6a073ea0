package upstream_test

import (
	"net/http"
	"net/http/httptest"
	"sync"
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
