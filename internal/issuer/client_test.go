package issuer_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"doorward/internal/issuer"
)

// tokens is a client of a token endpoint that gives out token-1, token-2 and so on.
type tokens struct {
	*issuer.Client
	*idp
	network *pipes
	takes   string // the client secret
	life    int    // seconds
}

func newTokens(t *testing.T) *tokens {
	t.Helper()
	x := &tokens{idp: newIDP(), takes: "new", life: 3600}
	n := 0
	x.handler = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/token" {
			return false
		}
		if r.PostFormValue("client_secret") != x.takes || r.PostFormValue("scope") != "a b" || r.PostFormValue("grant_type") != "client_credentials" {
			w.WriteHeader(http.StatusUnauthorized)
			return true
		}
		n++
		reply(w, 200, "application/json", fmt.Sprintf(`{"access_token":"token-%d","token_type":"bearer","expires_in":%d}`, n, x.life))
		return true
	}
	x.network = serve(t, x.idp)
	var err error
	x.Client, err = issuer.NewClientDialed(issuer.ClientConfig{
		Issuer: issuer1, TokenURL: "http://127.0.0.1/token", Scopes: []string{"a", "b"}, ClientID: "gateway", Method: "client_secret_post",
		Secret: func() (string, error) { return "new", nil },
		Instead: func(refused string) (string, bool) {
			return map[string]string{"new": "old", "old": "new"}[refused], true
		},
	}, x.network.dial)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(x.Close)
	return x
}

func (x *tokens) is(t *testing.T, want string) {
	t.Helper()
	if got, err := x.Token(t.Context()); got != want || (err != nil) != (want == "") {
		t.Errorf("the token is %q, %v; want %q", got, err, want)
	}
}

// One token is used until its time comes, by all; then there is another, and while the issuer
// does not answer the one that is kept counts to its end and no longer.
func TestATokenOfOurOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTokens(t)
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() { x.is(t, "token-1") })
		}
		all.Wait()
		if n := x.count("/token"); n != 1 {
			t.Errorf("asked %d times", n)
		}
		time.Sleep(40 * time.Minute)
		x.is(t, "token-1")
		time.Sleep(5 * time.Minute)
		x.is(t, "token-2")
		x.network.setDown(true)
		x.set(func(i *idp) {
			i.handler = func(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) }
		})
		time.Sleep(50 * time.Minute)
		x.is(t, "token-2")
		time.Sleep(10 * time.Minute)
		x.is(t, "")
		before := x.count("/token")
		for range 100 {
			x.is(t, "")
		}
		if n := x.count("/token") - before; n != 0 {
			t.Errorf("asked %d times within a moment", n)
		}
	})
}

// An issuer that hangs holds up who asks it, and nobody beside: not those who have a token that
// counts, and those who have none together for as long as one.
func TestATokenOfAnIssuerThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTokens(t)
		x.is(t, "token-1")
		x.set(func(i *idp) {
			i.handler = func(_ http.ResponseWriter, r *http.Request) bool { <-r.Context().Done(); return true }
		})
		for _, one := range []struct {
			after  time.Duration
			token  string
			waited int // of twenty
		}{{50 * time.Minute, "token-1", 1}, {10 * time.Minute, "", 20}} {
			time.Sleep(one.after)
			began, before := time.Now(), x.count("/token")
			var all sync.WaitGroup
			var waited atomic.Int32
			for range 20 {
				all.Go(func() {
					x.is(t, one.token)
					if time.Since(began) > 0 {
						waited.Add(1)
					}
				})
			}
			all.Wait()
			if n := x.count("/token") - before; n != 1 || int(waited.Load()) != one.waited || time.Since(began) > 4*time.Second {
				t.Errorf("%d questions held up %d of twenty for %s", n, waited.Load(), time.Since(began))
			}
		}
	})
}

// A token that somebody refuses is replaced, but not over and over.
func TestATokenThatIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTokens(t)
		x.is(t, "token-1")
		if text, ok := x.Another(t.Context(), "token-1"); ok {
			t.Errorf("a token that was made a moment ago is replaced by %q", text)
		}
		time.Sleep(time.Minute)
		for range 10 {
			if text, ok := x.Another(t.Context(), "token-1"); !ok || text != "token-2" {
				t.Errorf("in place of the first: %q, %v", text, ok)
			}
			if text, ok := x.Another(t.Context(), "token-2"); ok {
				t.Errorf("in place of the second: %q", text)
			}
		}
		x.is(t, "token-2")
	})
}

// While the client's secret is replaced the issuer is shown both versions.
func TestATokenWhileTheSecretIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTokens(t)
		x.takes = "old"
		x.is(t, "token-1")
		x.takes = "another"
		time.Sleep(time.Hour)
		x.is(t, "")
		if n := x.count("/token"); n != 2+3 {
			t.Errorf("asked %d times", n)
		}
	})
}

func TestTheTokenEndpointOfTheMetadata(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for endpoint, good := range map[any]bool{"http://127.0.0.1/token": true, "http://evil.test/token": false, "https://x:y@evil.test/": false, 7: false, nil: false} {
			i := newIDP()
			i.handler = func(w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path == "/token" {
					reply(w, 200, "application/json", `{"access_token":"t","token_type":"Bearer"}`)
					return true
				}
				text, err := json.Marshal(map[string]any{"issuer": issuer1, "token_endpoint": endpoint})
				if err != nil {
					t.Error(err)
				}
				reply(w, 200, "application/json", string(text))
				return true
			}
			c, err := issuer.NewClientDialed(issuer.ClientConfig{
				Issuer: issuer1, ClientID: "gateway", Method: "client_secret_basic", Secret: func() (string, error) { return "s3cret", nil },
			}, serve(t, i).dial)
			if err != nil {
				t.Fatal(err)
			}
			token, err := c.Token(t.Context())
			if good != (err == nil) || good != (token == "t") {
				t.Errorf("%v: %q, %v", endpoint, token, err)
			}
			c.Close()
		}
	})
}

func TestClientConfig(t *testing.T) {
	secret := func() (string, error) { return "s3cret", nil }
	good := issuer.ClientConfig{Issuer: issuer1, ClientID: "gateway", Method: "client_secret_basic", Secret: secret}
	for name, edit := range map[string]func(c *issuer.ClientConfig){
		"no issuer": func(c *issuer.ClientConfig) { c.Issuer = "" }, "in the clear": func(c *issuer.ClientConfig) { c.Issuer = "http://idp.test" },
		"tokens in the clear": func(c *issuer.ClientConfig) { c.TokenURL = "http://idp.test/token" }, "no client": func(c *issuer.ClientConfig) { c.ClientID = "" },
		"no secret": func(c *issuer.ClientConfig) { c.Secret = nil }, "no key": func(c *issuer.ClientConfig) { c.Method = "private_key_jwt" },
		"no method": func(c *issuer.ClientConfig) { c.Method = "" },
	} {
		c := good
		edit(&c)
		if _, err := issuer.NewClient(c); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if _, err := issuer.NewClient(good); err != nil {
		t.Error(err)
	}
}

func grantSeeds() map[string]time.Duration {
	return map[string]time.Duration{
		`{"access_token":"CANARY","token_type":"Bearer","expires_in":3600}`:        time.Hour - 10*time.Second,
		`{"access_token":"CANARY","token_type":"bearer"}`:                          50 * time.Second,
		`{"access_token":"CANARY","token_type":"Bearer","expires_in":10}`:          5 * time.Second,
		`{"access_token":"CANARY","token_type":"Bearer","expires_in":99999999999}`: 24*time.Hour - 10*time.Second,
		`{"access_token":"CANARY","token_type":"Bearer","expires_in":"3600"}`:      0,
		`{"access_token":"CANARY","token_type":"Bearer","expires_in":0}`:           0,
		`{"access_token":"CANARY","token_type":"Bearer","expires_in":-1}`:          0,
		`{"access_token":"CANARY","token_type":"mac"}`:                             0,
		`{"access_token":"CANARY"}`:                                                0,
		`{"access_token":"CANARY\r\nX: y","token_type":"Bearer"}`:                  0,
		`{"access_token":"","token_type":"Bearer"}`:                                0,
		`{"access_token":"CANARY","access_token":"b","token_type":"Bearer"}`:       0,
		`{"token_type":"Bearer"}`:                                                  0,
		`[]`:                                                                       0,
	}
}

func TestAnswersOfATokenEndpoint(t *testing.T) {
	for text, want := range grantSeeds() {
		token, life, err := issuer.GrantLife([]byte(text))
		if (err == nil) != (want > 0) || life != want || err == nil && token != "CANARY" || err != nil && strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%s: %q for %s, %v", text, token, life, err)
		}
	}
}

// Whatever a token endpoint answers, what is taken of it can stand in a header, and counts for no
// longer than a day.
func FuzzGrant(f *testing.F) {
	for text := range grantSeeds() {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		token, life, err := issuer.GrantLife(raw)
		if err != nil {
			return
		}
		if token == "" || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) || life <= 0 || life > 24*time.Hour {
			t.Errorf("%q for %s", token, life)
		}
	})
}
