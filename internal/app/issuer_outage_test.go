package app_test

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"doorward/internal/gatetest"
)

// AUT-34: keys that are known go on while the issuer is away. That they end with
// keys_stale, whose least is a minute, is issuer's own tests' to show.
func TestAUT34_KeysThatAreKnown(t *testing.T) {
	t.Parallel()
	h := in(t, modern)
	h.idp.Die()
	for _, sub := range []string{"alice", "somebody new"} {
		if got := h.accepted(h.idp.Token(claims{"sub": sub})); got.Subject != sub {
			t.Errorf("%+v", got)
		}
	}
	h.turns(forgery{name: "forged meanwhile", token: h.forged(string(h.idp.Header("ES256")), h.payload(nil), make([]byte, 64))})
	fresh := h.idp.Add("ES256")
	token := h.idp.Mint(fresh.JWS("ES256", []byte(`{"alg":"ES256","kid":"`+fresh.ID+`"}`), h.payload(nil)))
	h.unavailable("jwt", h.with(token))
	h.idp.Rise()
	eventually(t, "its new key is found", func() bool { return h.with(token)().OK() })
	h.neighbour()
}

// AUT-34: an issuer that is away when the gateway starts refuses its own tokens,
// and nobody else's, until it comes.
func TestAUT34_ColdStart(t *testing.T) {
	t.Parallel()
	for name, away := range map[string]func(*gatetest.IDP) (back func()){
		"dead": func(i *gatetest.IDP) func() { i.Die(); return i.Rise },
		"hanging": func(i *gatetest.IDP) func() {
			_, release := i.Hang(gatetest.Metadata)
			return release
		},
		"hanging with its keys": func(i *gatetest.IDP) func() {
			_, release := i.Hang(gatetest.Keys)
			return release
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			idp := gatetest.Provider(t)
			back := away(idp)
			h := welcome(t, idp, site{})
			h.alice.Version = modern
			if len(h.App.Ready(t.Context())) == 0 {
				t.Error("the gateway says that it is ready, and cannot judge the issuer's tokens")
			}
			h.unavailable("jwt", h.with(h.alice.Key))
			// Whom nobody vouches for is refused for that, whatever is up.
			h.turnedAway(h.idp.Token(claims{"iss": "https://id.example.com"}))
			back()
			eventually(t, "its tokens are accepted", func() bool { return h.with(h.alice.Key)().OK() })
			h.neighbour()
		})
	}
}

// turnedAway is turned for a gateway that is not ready.
func (h *guests) turnedAway(token string) {
	h.t.Helper()
	before := h.up.Posts()
	if r := h.with(token)(); r.Status != http.StatusUnauthorized || h.up.Posts() != before {
		h.t.Errorf("got %s, want 401", r)
	}
}

// trouble is what an issuer can be: how it begins, and how a token that only it
// can judge is answered meanwhile.
type trouble struct {
	begin  func(*testing.T, *gatetest.IDP) (end func())
	opaque int // status; 0: 503
	jwt    int // status of a JWT by a key that is not known; 0: 503
}

func troubles() map[string]trouble {
	lie := func(endpoints []string, lie http.HandlerFunc) func(*testing.T, *gatetest.IDP) func() {
		return func(_ *testing.T, i *gatetest.IDP) func() {
			for _, e := range endpoints {
				i.On(e, lie)
			}
			return func() {
				for _, e := range endpoints {
					i.On(e, nil)
				}
			}
		}
	}
	both := []string{gatetest.Keys, gatetest.Introspection}
	return map[string]trouble{
		"outage": {begin: func(_ *testing.T, i *gatetest.IDP) func() { i.Die(); return i.Rise }},
		"slow": {begin: func(_ *testing.T, i *gatetest.IDP) func() {
			_, first := i.Hang(gatetest.Keys)
			_, second := i.Hang(gatetest.Introspection)
			return func() { first(); second() }
		}},
		"lying":  {begin: lie(both, gatetest.Says("text/html", `{"active":true,"keys":[]}`))},
		"huge":   {begin: lie(both, gatetest.Swells(10<<20))},
		"bombs":  {begin: lie(both, gatetest.Packs(`{"active":true}`, bomb))},
		"resets": {begin: lie(both, gatetest.Resets)},
		"rotating": {jwt: http.StatusUnauthorized, opaque: http.StatusUnauthorized, begin: func(t *testing.T, i *gatetest.IDP) func() {
			i.On(gatetest.Keys, func(w http.ResponseWriter, r *http.Request) { // another key each time
				set, err := json.Marshal(gatetest.KeySet(i.Key("ES256"), gatetest.NewKey(t, "ES256", rand.Text())))
				if err != nil {
					t.Error(err)
				}
				gatetest.Says("application/json", string(set))(w, r)
			})
			return func() { i.On(gatetest.Keys, nil) }
		}},
	}
}

// The floor of what may count as slower: below it the machine's own noise is larger than
// twice what a call takes elsewhere. A gateway in which one waits for another's issuer is
// slower by seconds. What is noise does not come six times.
const (
	noise    = 50 * time.Millisecond
	measured = 6
)

// paces makes ordinary calls at two gateways in turn, so that the machine's other work
// slows both alike, and returns p99 of the first and of the second.
func paces(t *testing.T, first, second *gatetest.Client) (time.Duration, time.Duration) {
	t.Helper()
	const calls = 100
	var took [2][]time.Duration
	for range calls {
		for i, c := range [...]*gatetest.Client{first, second} {
			start := time.Now()
			if r := c.Call("up__echo", `{}`); !r.OK() {
				t.Errorf("an ordinary call of %s: %s", c.Name, r)
			}
			took[i] = append(took[i], time.Since(start))
		}
	}
	for i := range took {
		slices.Sort(took[i])
	}
	return took[0][calls*99/100], took[1][calls*99/100]
}

// manyCalls lets all clients, who come from one address, make as many calls as they are
// compared by: what they are refused for is no part of this.
const manyCalls = "limits: {per_address: off}\n"

// askEvery is how often each of eight clients comes with a token that the issuer
// must be asked about. What more of them take is the machine's time, and no trouble
// of the issuer.
const askEvery = 100 * time.Millisecond

// TestNeighbourInIssuerTrouble: whatever an issuer does, its own tokens are refused
// within 3 s, the issuer is found again without anybody's help, and a neighbour with
// an API key is not slowed: p99 below twice that of a gateway beside it that refuses as many
// without an issuer (P3, P10). What is measured is not parallel.
func TestNeighbourInIssuerTrouble(t *testing.T) {
	for name, tr := range troubles() {
		t.Run(name, func(t *testing.T) {
			h := remembered(t, site{ask: "client_secret_basic", cache: "30s", rest: guestRoles + manyCalls})
			elsewhere := welcome(t, gatetest.Provider(t), site{rest: guestRoles + manyCalls})
			jwt := h.idp.Token(nil)
			h.accepted(jwt)
			known := h.alice.Key
			h.accepted(known)
			stranger := gatetest.NewKey(t, "ES256", "nobody's")
			payload := h.payload(nil)
			end := tr.begin(t, h.idp)
			over := make(chan struct{})
			var crowd sync.WaitGroup
			ask := func(at *guests, n int, want int, token func(i int) string) {
				if want == 0 {
					want = http.StatusServiceUnavailable
				}
				c := at.Client(fmt.Sprint("one who waits ", n), "")
				c.Version = modern
				crowd.Go(func() {
					tick := time.NewTicker(askEvery)
					defer tick.Stop()
					watch := gatetest.Start(t)
					defer watch.Stop()
					for i := 0; ; i++ {
						start := watch.Read()
						r := c.Post(hello(modern), "Authorization", "Bearer "+token(i))
						took := watch.Read() - start
						if took > failClosed+slack || r.Status != want || (want == http.StatusServiceUnavailable) != (r.Header.Get("Retry-After") != "") {
							t.Errorf("after %s got %s %v, want %d within 3 s", took, r, r.Header, want)
							return
						}
						select {
						case <-over:
							return
						case <-tick.C:
						}
					}
				})
			}
			for n := range 4 {
				ask(h, n, tr.opaque, func(i int) string { return fmt.Sprintf("unknown-%d-%d", n, i) })
				ask(h, 4+n, tr.jwt, func(i int) string {
					return stranger.JWS("ES256", fmt.Appendf(nil, `{"alg":"ES256","kid":"nobody-%d-%d"}`, n, i), payload)
				})
			}
			for n := range 8 { // what is refused takes its turn in the log: in each gateway as often, or one would be slower for that
				ask(elsewhere, n, http.StatusUnauthorized, func(i int) string { return fmt.Sprintf("unknown-%d-%d", n, i) })
			}
			// What it has vouched for goes on meanwhile.
			if r := h.with(known)(); !r.OK() {
				t.Errorf("a token that the issuer has judged: %s", r)
			}
			if r := h.with(jwt)(); !r.OK() {
				t.Errorf("a token by a key that is known: %s", r)
			}
			var here, there time.Duration
			for range measured {
				if here, there = paces(t, h.bob, elsewhere.bob); here <= max(2*there, noise) {
					break
				}
			}
			close(over)
			crowd.Wait()
			t.Logf("p99 of the neighbour %s, elsewhere %s", here, there)
			if most := max(2*there, noise); here > most {
				t.Errorf("calls of the neighbour take %s, want at most %s", here, most)
			}
			t.Parallel() // what is left to do is to wait
			end()
			later := h.idp.Opaque(nil)
			eventually(t, "a token that only the issuer knows is accepted, without a restart", func() bool { return h.with(later)().OK() })
			h.neighbour()
		})
	}
}
