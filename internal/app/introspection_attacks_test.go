package app_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/audit"
	"doorward/internal/gatetest"
)

// The cases of security.md 4.a about tokens that only their issuer can judge.

// failClosed is how long a refusal for want of the issuer may take (AUT-27), and
// slack what a slow machine takes beside.
const (
	failClosed = 3 * time.Second
	slack      = 1500 * time.Millisecond
)

// bomb is what some KiB of an answer unpack to: far more than any is read of.
const bomb = 4 << 20

// opaque opens a house that asks its issuer about tokens.
func opaque(t *testing.T) *guests {
	t.Helper()
	return remembered(t, site{ask: "client_secret_basic"})
}

// remembered is opaque at a site that says for itself how long an answer is used.
func remembered(t *testing.T, s site) *guests {
	t.Helper()
	h := welcome(t, gatetest.Provider(t), s)
	h.alice.Key = h.idp.Opaque(nil)
	return h.enter(modern)
}

// unavailable makes a request whose credential cannot be judged: R503, U0, A1, G7.
func (h *guests) unavailable(method string, send func() *gatetest.Reply) {
	h.t.Helper()
	before, watch := h.up.Posts(), gatetest.Start(h.t)
	r := send()
	if took := watch.Stop(); took > failClosed+slack {
		h.t.Errorf("the refusal took %s", took)
	}
	want := `{"jsonrpc":"2.0","error":{"code":5030,"message":"credentials cannot be checked now","data":{"code":"identity.unavailable","exchange":"EXCHANGE"}}}`
	if got := readRefusal(r); r.Status != http.StatusServiceUnavailable || got.Body != want || !cmp.Equal(got.Header["Retry-After"], []string{"5"}) || got.Header["Www-Authenticate"] != nil {
		h.t.Errorf("got %s %v, want 503 %s", r, r.Header, want)
	}
	if n := h.up.Posts() - before; n != 0 {
		h.t.Errorf("U0: %d requests reached the upstream", n)
	}
	got := h.Records(audit.Query{Exchange: r.Exchange})
	if len(got) != 1 || got[0].Code != "identity.unavailable" || got[0].Effect != "deny" || got[0].Status != "failed" || got[0].Stage != "identify" || got[0].Principal != (audit.Principal{Method: method}) {
		h.t.Errorf("A1: %+v", got)
	}
	if r := h.bob.Call("up__echo", `{}`); !r.OK() {
		h.t.Errorf("G7: an ordinary call of %s fails: %s", h.bob.Name, r)
	}
}

// with sends alice's call with a token.
func (h *guests) with(token string) func() *gatetest.Reply {
	return func() *gatetest.Reply { return h.alice.Post(h.call("up__echo"), "Authorization", "Bearer "+token) }
}

// TestIntrospection: an opaque token is good for what its issuer says, by each way
// in which the gateway can prove that it asks.
func TestIntrospection(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"client_secret_basic", "client_secret_post", "private_key_jwt"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			h := remembered(t, site{ask: method, cache: "30s"})
			got := h.accepted(h.idp.Opaque(claims{"sub": "Mallory's sister", "jti": nil, "iat": nil}))
			if got.Method != "introspection" || got.Subject != "Mallory's sister" || got.Issuer != h.idp.URL() || got.Client != "agent" || !strings.HasPrefix(got.Credential, "sha256:") {
				t.Errorf("%+v", got)
			}
			again := h.idp.Opaque(nil)
			h.accepted(again)
			before := h.idp.Asked(gatetest.Introspection)
			h.accepted(again)
			if h.idp.Asked(gatetest.Introspection) != before {
				t.Error("the issuer was asked again about a token that it had judged a moment ago")
			}
			h.turns(forgery{name: "unknown", token: h.idp.Mint("CANARY-nobody-knows-this-token"), method: "introspection"})
			if r := h.with(h.idp.Opaque(claims{"scope": "other"}))(); r.Status != 403 || r.Refusal != "identity.scope" && r.Refusal != "policy.denied" {
				t.Errorf("without the scope: %s", r)
			}
		})
	}
	// A secret that the issuer does not know: it says 401, which is no word on tokens.
	t.Run("the wrong secret", func(t *testing.T) {
		t.Parallel()
		h := opaque(t)
		h.idp.Rotate()
		token := h.idp.Opaque(nil)
		h.unavailable("introspection", h.with(token))
	})
}

func TestAUT24_NoWordOnIt(t *testing.T) {
	t.Parallel()
	h := opaque(t)
	good := func(other claims) string {
		b := h.payload(other)
		return string(b[:len(b)-1])
	}
	var all []forgery
	for name, answer := range map[string]string{
		"nothing": `{}`, "a subject alone": `{"sub":"alice"}`, "null": good(nil) + `,"active":null}`, "absent": good(nil) + `}`,
		// AUT-25: only the literal true is yes.
		"a string": good(nil) + `,"active":"true"}`, "1": good(nil) + `,"active":1}`, "no and yes": good(claims{}) + `,"active":false,"active":true}`, "yes and no": good(nil) + `,"active":true,"active":false}`,
		"Active": good(nil) + `,"Active":true}`, "both": good(nil) + `,"active":true,"Active":false}`, "an array": good(nil) + `,"active":[true]}`, "an object": good(nil) + `,"active":{"active":true}}`,
		"false": good(nil) + `,"active":false}`, "hidden": good(nil) + `,"active\u0000":true}`, "active in a claim": good(claims{"data": claims{"active": true}}) + `}`,
		// AUT-26: what a JWT must say must be said here too.
		"no iss": good(claims{"iss": nil}) + `,"active":true}`, "no aud": good(claims{"aud": nil}) + `,"active":true}`, "no exp": good(claims{"exp": nil}) + `,"active":true}`, "no scope": good(claims{"scope": nil}) + `,"active":true}`,
		"no sub": good(claims{"sub": nil}) + `,"active":true}`, "username is no sub": good(claims{"sub": nil, "username": "alice"}) + `,"active":true}`, "another issuer": good(claims{"iss": "https://evil.example.com"}) + `,"active":true}`,
		"another audience": good(claims{"aud": "https://other.example.com"}) + `,"active":true}`, "a refresh token": good(claims{"token_type": "refresh_token"}) + `,"active":true}`, "sub twice": good(nil) + `,"sub":"adm","active":true}`,
		"an ID token": good(claims{"at_hash": "x"}) + `,"active":true}`, "not yet": good(claims{"nbf": time.Now().Unix() + 300}) + `,"active":true}`, "scope is an array": good(claims{"scope": []string{"tools.read"}}) + `,"active":true}`,
		"DPoP without a key": good(claims{"token_type": "DPoP"}) + `,"active":true}`,
	} {
		all = append(all, forgery{name: name, token: h.idp.Opaque(answer), method: "introspection"})
	}
	h.turns(all...)
	expired := h.idp.Opaque(good(claims{"exp": time.Now().Unix() - 60, "iat": nil}) + `,"active":true}`)
	h.turns(forgery{name: "expired", token: expired, method: "introspection", code: "identity.expired", subject: "alice"})
	// What was refused stays refused, whatever the cache says.
	asked := h.idp.Asked(gatetest.Introspection)
	for _, b := range all[:3] {
		h.turns(b)
	}
	if n := h.idp.Asked(gatetest.Introspection) - asked; n > 3 {
		t.Errorf("the issuer was asked %d times about 3 tokens", n)
	}
	h.accepted(h.alice.Key)
}

func TestAUT26_Clients(t *testing.T) {
	t.Parallel()
	h := welcome(t, gatetest.Provider(t), site{issuer: ", clients: [agent]", ask: "client_secret_basic"})
	h.alice.Key = h.idp.Opaque(nil)
	h.enter(modern)
	h.turns(
		forgery{name: "another client", token: h.idp.Opaque(claims{"client_id": "evil"}), method: "introspection"},
		forgery{name: "no client", token: h.idp.Opaque(claims{"client_id": nil}), method: "introspection"},
	)
}

// AUT-22 and AUT-27: an answer that is none, and no answer. Each is followed by an
// honest one, which must be believed at once: nothing is kept of the failure.
func TestAUT27_AnswersThatAreNone(t *testing.T) {
	t.Parallel()
	h := opaque(t)
	yes := string(h.payload(nil))
	yes = yes[:len(yes)-1] + `,"active":true}`
	sink := gatetest.Sink(t, yes)
	t.Run("lies", func(t *testing.T) {
		h.t = t
		for name, lie := range map[string]http.HandlerFunc{
			"HTML": gatetest.Says("text/html", "<h1>sign in</h1>"), "yes as HTML": gatetest.Says("text/html", yes), "yes as a JWT": gatetest.Says("application/token-introspection+jwt", yes), "yes without a type": gatetest.Says("", yes),
			"204": gatetest.Says("application/json", "", http.StatusNoContent), "201": gatetest.Says("application/json", yes, http.StatusCreated), "401": gatetest.Says("application/json", yes, http.StatusUnauthorized),
			"500": gatetest.Says("application/json", yes, http.StatusInternalServerError), "429": gatetest.Says("application/json", yes, http.StatusTooManyRequests),
			"301": gatetest.Redirects(http.StatusMovedPermanently, sink.URL()+"/introspect"), "302": gatetest.Redirects(http.StatusFound, sink.URL()), "307": gatetest.Redirects(http.StatusTemporaryRedirect, sink.URL()+"/introspect"),
			"308 to itself": gatetest.Redirects(http.StatusPermanentRedirect, h.idp.URL()+"/introspect"), "cut short": gatetest.Cuts(yes), "half of it": gatetest.Says("application/json", yes[:len(yes)/2]), "10 MiB": gatetest.Swells(10 << 20),
			"gzip": gatetest.Packs(yes, 0), "a bomb": gatetest.Packs(yes, bomb), "reset": gatetest.Resets, "empty": gatetest.Says("application/json", ""), "null": gatetest.Says("application/json", "null"),
			"an array": gatetest.Says("application/json", "["+yes+"]"), "two": gatetest.Says("application/json", yes+yes), "true": gatetest.Says("application/json", "true"), "a string": gatetest.Says("application/json", `"active"`),
			"not UTF-8": gatetest.Says("application/json", strings.Replace(yes, "alice", "ali\xffce", 1)), "deep": gatetest.Says("application/json", strings.Repeat(`{"a":`, 10_000)+"1"+strings.Repeat("}", 10_000)),
		} {
			t.Run(name, func(t *testing.T) {
				h.t = t
				token := h.idp.Opaque(nil)
				h.idp.On(gatetest.Introspection, lie)
				h.unavailable("introspection", h.with(token))
				h.idp.On(gatetest.Introspection, nil)
				h.accepted(token)
			})
		}
	})
	h.t = t
	if n := sink.Seen(); n != 0 {
		t.Errorf("S0: %d connections", n)
	}
	arrived, release := h.idp.Hang(gatetest.Introspection)
	token := h.idp.Opaque(nil)
	h.unavailable("introspection", h.with(token))
	<-arrived
	release()
	h.accepted(token)
}

// AUT-27: an issuer that fails again and again is left alone, and found again
// without anybody's help. A token that it judged before goes on.
func TestAUT27_Breaker(t *testing.T) {
	t.Parallel()
	const restsFor = 5 * time.Second // before it is asked once more
	h := remembered(t, site{ask: "client_secret_basic", cache: "30s"})
	h.accepted(h.alice.Key)
	h.idp.On(gatetest.Introspection, gatetest.Resets)
	token := h.idp.Opaque(nil)
	before, began := h.idp.Asked(gatetest.Introspection), time.Now()
	for range 12 {
		h.unavailable("introspection", h.with(token))
	}
	n := h.idp.Asked(gatetest.Introspection) - before
	if most := 5 + int(time.Since(began)/restsFor); n > most {
		t.Errorf("an issuer that failed was asked %d times, want at most %d", n, most)
	}
	h.accepted(h.alice.Key)
	h.idp.On(gatetest.Introspection, nil)
	eventually(t, "the issuer is asked again", func() bool { return h.with(token)().OK() })
	h.neighbour()
}

// AUT-28: what the issuer said is used no longer than the token lives, and not at
// all to accept one that it has not judged.
func TestAUT28_CacheEndsWithTheToken(t *testing.T) {
	t.Parallel()
	h := remembered(t, site{ask: "client_secret_basic", cache: "30s"})
	fresh := h.idp.Opaque(nil)
	eventually(t, "the issuer's keys are there", func() bool { return len(h.App.Ready(t.Context())) == 0 })
	var short, long string
	var end time.Time
	for life := 4 * time.Second; ; life *= 2 { // a machine that is too slow for it gets longer
		long, end = h.idp.Opaque(nil), time.Now().Truncate(time.Second).Add(life)
		short = h.idp.Opaque(claims{"exp": end.Unix()})
		h.accepted(long)
		h.accepted(short)
		h.idp.Die()
		r := h.with(short)()
		if r.OK() {
			break
		}
		if time.Now().Before(end) {
			t.Fatalf("a token that the issuer judged: %s", r)
		}
		h.idp.Rise()
	}
	h.unavailable("introspection", h.with(fresh))
	<-time.After(time.Until(end))
	h.unavailable("introspection", h.with(short))
	h.accepted(long)
	h.idp.Rise()
	h.accepted(fresh)
}

// AUT-29, in small: many tokens that nobody knows, while alice calls. None is let
// in, and she is.
func TestAUT29_ManyUnknownTokens(t *testing.T) {
	t.Parallel()
	const refusalLife = 5 * time.Second // after which it is asked about the same token again
	h := remembered(t, site{ask: "client_secret_basic", cache: "30s"})
	h.accepted(h.alice.Key)
	const each, clients = 50, 4
	before, began := h.idp.Asked(gatetest.Introspection), time.Now()
	var crowd sync.WaitGroup
	for n := range clients {
		crowd.Go(func() {
			c := h.Client(fmt.Sprint("stranger ", n), "")
			c.Version = modern
			for i := range each {
				r := c.Post(hello(modern), "Authorization", fmt.Sprintf("Bearer random-%d-%d", n, i/2))
				if r.Status != http.StatusUnauthorized {
					t.Errorf("a token that nobody knows: %s", r)
				}
			}
		})
	}
	for range 20 {
		h.accepted(h.alice.Key)
	}
	crowd.Wait()
	n := h.idp.Asked(gatetest.Introspection) - before
	if most := each*clients/2 + (clients+1)*int(time.Since(began)/refusalLife); n > most {
		t.Errorf("the issuer was asked %d times about %d tokens, want at most %d", n, each*clients/2, most)
	}
	h.neighbour()
}

// AUT-30: tokens are told from each other by all that they are.
func TestAUT30_TokensThatBeginAlike(t *testing.T) {
	t.Parallel()
	h := opaque(t)
	begin := "CANARY-" + strings.Repeat("abcdefghijkl", 20)
	answer := string(h.payload(nil))
	h.accepted(h.idp.Know(begin+"-mine", answer[:len(answer)-1]+`,"active":true}`))
	var all []forgery
	for _, n := range []int{20, 32, 64, 128, len(begin)} {
		all = append(all, forgery{name: fmt.Sprint("opaque, the first ", n), token: h.idp.Mint(begin[:n] + "-other"), method: "introspection"})
	}
	all = append(all,
		forgery{name: "another case", token: h.idp.Mint(strings.ToUpper(begin + "-mine")), method: "introspection"}, forgery{name: "padding", token: h.idp.Mint(begin + "-mine="), method: "introspection"},
		forgery{name: "less at the end", token: h.idp.Mint(begin + "-min"), method: "introspection"}, forgery{name: "more at the end", token: h.idp.Mint(begin + "-mine-"), method: "introspection"},
		forgery{name: "cut at a dot", token: h.idp.Mint(begin + "-mine."), method: "introspection"},
	)
	// JWTs that are alike in their first 300 bytes.
	same := `{"pad":"` + strings.Repeat("x", 300) + `",`
	body := string(h.payload(nil))[1:]
	mine := h.idp.Sign("ES256", h.idp.Header("ES256"), []byte(same+body))
	theirs := h.idp.Sign("ES256", h.idp.Header("ES256"), []byte(same+strings.Replace(body, `"sub":"alice"`, `"sub":"adm"`, 1)))
	if !strings.HasPrefix(theirs, mine[:400]) {
		t.Fatal("the tokens do not begin alike")
	}
	if got := h.accepted(mine); got.Subject != "alice" {
		t.Errorf("%+v", got)
	}
	signature := func(token string) string { return token[strings.LastIndexByte(token, '.'):] }
	all = append(all,
		forgery{name: "a JWT with the signature of one that is known", token: h.idp.Mint(strings.TrimSuffix(theirs, signature(theirs)) + signature(mine))},
		forgery{name: "one that is known, with another signature", token: h.idp.Mint(strings.TrimSuffix(mine, signature(mine)) + signature(theirs))},
	)
	h.turns(all...)
	if got := h.accepted(theirs); got.Subject != "adm" {
		t.Errorf("a token of another: %+v", got)
	}
	if got := h.accepted(mine); got.Subject != "alice" {
		t.Errorf("%+v", got)
	}
}

// AUT-31: a token for one resource is none for another, also when it is known.
func TestAUT31_ResourceOfAProfile(t *testing.T) {
	t.Parallel()
	profiles := guestRoles + "profiles: {review: {upstreams: [up]}, other: {upstreams: [up]}}\n"
	for name, kind := range map[string]func(h *guests, aud string) (token, method string){
		"JWT":    func(h *guests, aud string) (string, string) { return h.idp.Token(claims{"aud": aud}), "jwt" },
		"opaque": func(h *guests, aud string) (string, string) { return h.idp.Opaque(claims{"aud": aud}), "introspection" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := welcome(t, gatetest.Provider(t), site{rest: profiles, ask: "client_secret_basic"}).enter(modern)
			root, base := h.URL(), h.wrong
			for path, aud := range map[string]string{"": root, "review": root + "/review", "other": root + "/other"} {
				token, method := kind(h, aud)
				for at := range map[string]bool{"": true, "review": true, "other": true} {
					h.alice.Path = at
					if at == path {
						h.accepted(token)
						continue
					}
					h.wrong = base
					h.wrong.Header = base.Header.Clone()
					if at != "" { // the challenge names what was asked for
						h.wrong.Header["Www-Authenticate"][0] = strings.Replace(h.wrong.Header["Www-Authenticate"][0], "/mcp\"", "/mcp/"+at+"\"", 1)
					}
					h.turned(forgery{token: token, method: method}, func(header ...string) *gatetest.Reply { return h.alice.Post(h.call("up__echo"), header...) })
				}
			}
		})
	}
	// An audience that is configured stands for the whole gateway.
	h := welcome(t, gatetest.Provider(t), site{rest: profiles, issuer: ", audience: \"api://all\""})
	token := h.idp.Token(claims{"aud": "api://all"})
	h.alice.Version = modern
	for _, at := range []string{"", "review", "other"} {
		h.alice.Path = at
		h.accepted(token)
	}
}
