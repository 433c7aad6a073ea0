package app_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"doorward/internal/audit"
	"doorward/internal/gatetest"
)

// The cases of security.md 4.a about the keys of an issuer, and where they come
// from.

// AUT-32: a new key is found by the first token that it signed, and one that is
// gone signs nothing more: not even what was accepted a moment ago.
func TestAUT32_RotatedKeys(t *testing.T) {
	t.Parallel()
	h := in(t, modern)
	old := h.idp.Key("ES256")
	before := h.idp.Asked(gatetest.Keys)
	fresh := h.idp.Add("ES256")
	h.idp.Drop(old)
	h.accepted(h.alice.Key) // nobody has looked since
	by := func(k *gatetest.Key, other claims) string {
		return h.idp.Mint(k.JWS("ES256", []byte(`{"alg":"ES256","kid":"`+k.ID+`"}`), h.payload(other)))
	}
	if got := h.accepted(by(fresh, claims{"sub": "by the new key"})); got.Subject != "by the new key" {
		t.Errorf("%+v", got)
	}
	if n := h.idp.Asked(gatetest.Keys) - before; n != 1 {
		t.Errorf("the keys were asked for %d times, want once", n)
	}
	known := h.alice.Key
	h.turns(forgery{name: "one that was accepted", token: known}, forgery{name: "another by the old key", token: by(old, nil)})

	// One that comes back under its name with other bits is another.
	twin := gatetest.NewKey(t, "ES256", old.ID)
	h.turns(forgery{name: "another key by the name of the old one", token: by(twin, nil)})
}

// demandEvery is how often tokens that name keys which are not known make the gateway ask
// for them, at most (AUT-33).
const demandEvery = 30 * time.Second

// AUT-33, in small: tokens that name keys which nobody has cost the issuer one
// request, and alice nothing.
func TestAUT33_UnknownKeys(t *testing.T) {
	t.Parallel()
	h := welcome(t, gatetest.Provider(t), site{version: modern, rest: guestRoles + "limits: {per_address: off}\n"}).enter(modern) // or the address would be refused first
	before, began := h.idp.Asked(gatetest.Keys), time.Now()
	const each, clients = 100, 4
	stranger := gatetest.NewKey(t, "ES256", "x")
	payload := h.payload(nil)
	var crowd sync.WaitGroup
	for n := range clients {
		crowd.Go(func() {
			c := h.Client(fmt.Sprint("stranger ", n), "")
			c.Version = modern
			for i := range each {
				token := stranger.JWS("ES256", fmt.Appendf(nil, `{"alg":"ES256","kid":"random-%d-%d"}`, n, i), payload)
				if r := c.Post(hello(modern), "Authorization", "Bearer "+token); r.Status != http.StatusUnauthorized {
					h.t.Errorf("a key that nobody has: %s", r)
				}
			}
		})
	}
	for range 20 {
		h.accepted(h.alice.Key)
	}
	crowd.Wait()
	n := h.idp.Asked(gatetest.Keys) - before
	if most := 1 + int(time.Since(began)/demandEvery); n > most {
		t.Errorf("%d tokens made the gateway ask for keys %d times, want at most once in %s", each*clients, n, demandEvery)
	}
	h.neighbour()
}

// alerts counts the events of a kind.
func (h *guests) alerts(kind string) (n int) {
	h.t.Helper()
	for _, r := range h.Records(audit.Query{Kind: audit.KindEvent}) {
		if r.Event == kind {
			n++
		}
	}
	return n
}

// AUT-35: keys that are not fit for use are left out, and on record; the others
// are used.
func TestAUT35_UnfitKeys(t *testing.T) {
	t.Parallel()
	idp := gatetest.Provider(t)
	good := idp.Key("ES256")
	rs := gatetest.NewKey(t, "RS256", "rs")
	doubled, clone := gatetest.NewKey(t, "ES256", "twice"), gatetest.NewKey(t, "ES256", "twice")
	encrypts, other := gatetest.NewKey(t, "ES256", "enc"), gatetest.NewKey(t, "ES256", "alg")
	with := func(k *gatetest.Key, members map[string]any) map[string]any {
		jwk := k.JWK()
		maps.Copy(jwk, members)
		return jwk
	}
	private := gatetest.NewKey(t, "ES256", "private")
	keys := []any{
		good.JWK(),
		claims{"kty": "oct", "kid": "oct", "k": gatetest.Base64([]byte(strings.Repeat("k", 32))), "alg": "HS256"},
		with(private, map[string]any{"d": gatetest.Base64([]byte(strings.Repeat("d", 32)))}),
		doubled.JWK(), clone.JWK(),
		with(rs, map[string]any{"kid": "small", "n": gatetest.Base64([]byte(strings.Repeat("\xff", 64)))}),
		with(rs, map[string]any{"kid": "e1", "e": "AQ"}),
		with(encrypts, map[string]any{"use": "enc"}),
		with(other, map[string]any{"alg": "RS256"}),
		claims{"kty": "EC", "kid": "off", "crv": "P-256", "x": gatetest.Base64([]byte(strings.Repeat("1", 32))), "y": gatetest.Base64([]byte(strings.Repeat("2", 32)))},
		claims{"kty": "OKP", "kid": "low", "crv": "Ed25519", "x": gatetest.Base64(make([]byte, 32))},
		"no key", nil, 1,
	}
	set, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(set), `"no key"`, `{"kty":"EC","kid":"`+"\xff"+`"}`, 1)
	idp.On(gatetest.Keys, gatetest.Says("application/json", text))
	h := welcome(t, idp, site{}).enter(modern)
	var all []forgery
	for name, k := range map[string]*gatetest.Key{"the first of two of one name": doubled, "the second": clone, "one for encryption": encrypts, "one for another algorithm": other, "one that is private": private} {
		all = append(all, forgery{name: name, token: idp.Mint(k.JWS("ES256", []byte(`{"alg":"ES256","kid":"`+k.ID+`"}`), h.payload(nil)))})
	}
	all = append(all,
		forgery{name: "HS256 by the shared key", token: h.forged(`{"alg":"HS256","kid":"oct"}`, h.payload(nil), []byte(strings.Repeat("x", 32)))},
		forgery{name: "e=1", token: h.forged(`{"alg":"RS256","kid":"e1"}`, h.payload(nil), []byte(strings.Repeat("x", 256)))},
	)
	h.turns(all...)
	// The keys are in use before each of them is on record.
	eventually(t, "AL: there is an alert about each bad key", func() bool { return h.alerts("issuer.bad_key") >= 10 })
}

// liars is a house with an honest issuer, and one of each name that lies. Nobody's
// tokens are judged by a lie: each liar's are refused with 503, and accepted as soon
// as it is honest, without a restart.
func liars(t *testing.T, lies map[string]func(*gatetest.IDP)) {
	t.Helper()
	honest, all, others := gatetest.Provider(t), map[string]*gatetest.IDP{}, ""
	for name, lie := range lies {
		idp := gatetest.Provider(t)
		lie(idp)
		all[name] = idp
		others += fmt.Sprintf("    - {issuer: %q}\n", idp.URL())
	}
	h := welcome(t, honest, site{others: others})
	h.alice.Version = modern
	h.accepted(h.alice.Key)
	tokens := map[string]string{}
	for name, idp := range all {
		t.Run(name, func(t *testing.T) {
			h.t = t
			idp.For(h.GW)
			tokens[name] = idp.Token(nil)
			h.unavailable("jwt", h.with(tokens[name]))
		})
	}
	h.t = t
	h.accepted(h.alice.Key)
	if len(h.App.Ready(t.Context())) == 0 {
		t.Error("the gateway says that it is ready, and cannot judge the tokens of some issuers")
	}
	for _, idp := range all {
		idp.On(gatetest.Metadata, nil)
		idp.On(gatetest.Keys, nil)
		idp.Say("issuer", idp.URL())
		idp.Say("jwks_uri", idp.URL()+"/jwks")
	}
	for name, token := range tokens {
		eventually(t, name+": the issuer's keys are had without a restart", func() bool { return h.with(token)().OK() })
	}
	h.neighbour()
}

// AUT-35: a set of keys that is none, or too much, judges nobody.
func TestAUT35_NoKeySet(t *testing.T) {
	t.Parallel()
	const one = `{"kty":"oct"},`
	lies := map[string]func(*gatetest.IDP){}
	for name, lie := range map[string]func(good string) http.HandlerFunc{
		"100,000 keys": func(string) http.HandlerFunc {
			return gatetest.Says("application/json", `{"keys":[`+strings.TrimSuffix(strings.Repeat(one, 100_000), ",")+`]}`)
		},
		"101 keys": func(good string) http.HandlerFunc {
			return gatetest.Says("application/json", `{"keys":[`+strings.Repeat(one, 100)+good+`]}`)
		},
		"not JSON": func(string) http.HandlerFunc { return gatetest.Says("application/json", "keys") },
		"an array": func(good string) http.HandlerFunc { return gatetest.Says("application/json", "["+good+"]") },
		"keys twice": func(good string) http.HandlerFunc {
			return gatetest.Says("application/json", `{"keys":[],"keys":[`+good+`]}`)
		},
		"HTML":   func(good string) http.HandlerFunc { return gatetest.Says("text/html", `{"keys":[`+good+`]}`) },
		"none":   func(string) http.HandlerFunc { return gatetest.Says("application/json", `{}`) },
		"10 MiB": func(string) http.HandlerFunc { return gatetest.Swells(10 << 20) },
		"a bomb": func(good string) http.HandlerFunc { return gatetest.Packs(`{"keys":[`+good+`]}`, bomb) },
		"404": func(good string) http.HandlerFunc {
			return gatetest.Says("application/json", `{"keys":[`+good+`]}`, http.StatusNotFound)
		},
		"cut short": func(good string) http.HandlerFunc { return gatetest.Cuts(`{"keys":[` + good + `]}`) },
		"reset":     func(string) http.HandlerFunc { return gatetest.Resets },
	} {
		lies[name] = func(idp *gatetest.IDP) {
			good, err := json.Marshal(idp.Key("ES256").JWK())
			if err != nil {
				t.Fatal(err)
			}
			idp.On(gatetest.Keys, lie(string(good)))
		}
	}
	liars(t, lies)
}

// AUT-36: keys and metadata come from where the configuration says, and from the
// one that it names.
func TestAUT36_MetadataThatLies(t *testing.T) {
	t.Parallel()
	sink := gatetest.Sink(t, `{"keys":[]}`)
	to := sink.URL() + "/jwks"
	says := func(name string, value any) func(*gatetest.IDP) { return func(i *gatetest.IDP) { i.Say(name, value) } }
	leads := func(endpoint string, status int) func(*gatetest.IDP) {
		return func(i *gatetest.IDP) { i.On(endpoint, gatetest.Redirects(status, to)) }
	}
	whole := func(kind, text string) func(*gatetest.IDP) {
		return func(i *gatetest.IDP) {
			i.On(gatetest.Metadata, gatetest.Says(kind, strings.NewReplacer("ISSUER", i.URL(), "KEYS", i.URL()+"/jwks").Replace(text)))
		}
	}
	liars(t, map[string]func(*gatetest.IDP){
		"another issuer":            says("issuer", "https://evil.example.com"),
		"the issuer with a slash":   func(i *gatetest.IDP) { i.Say("issuer", i.URL()+"/") },
		"no issuer":                 says("issuer", nil),
		"keys in the clear":         says("jwks_uri", "http://192.0.2.1/jwks"),
		"keys in a file":            says("jwks_uri", "file:///etc/passwd"),
		"keys with a user":          says("jwks_uri", strings.Replace(to, "://", "://a:b@", 1)),
		"no keys":                   says("jwks_uri", nil),
		"keys elsewhere by 302":     leads(gatetest.Keys, http.StatusFound),
		"keys elsewhere by 308":     leads(gatetest.Keys, http.StatusPermanentRedirect),
		"metadata elsewhere":        leads(gatetest.Metadata, http.StatusMovedPermanently),
		"metadata with two issuers": whole("application/json", `{"issuer":"https://evil.example.com","issuer":"ISSUER","jwks_uri":"KEYS"}`),
		"metadata with an Issuer":   whole("application/json", `{"issuer":"ISSUER","Issuer":"https://evil.example.com","jwks_uri":"KEYS"}`),
		"metadata as HTML":          whole("text/html", `{"issuer":"ISSUER","jwks_uri":"KEYS"}`),
	})
	if n := sink.Seen(); n != 0 {
		t.Errorf("S0: %d connections", n)
	}
}

// TestWhereKeysComeFrom: metadata of OpenID Connect will do, and none is read where
// the configuration says where the keys are.
func TestWhereKeysComeFrom(t *testing.T) {
	t.Parallel()
	idp := gatetest.Provider(t)
	idp.On(gatetest.Metadata, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/.well-known/openid-configuration" {
			http.NotFound(w, r)
			return
		}
		gatetest.Says("application/json", fmt.Sprintf(`{"issuer":%q,"jwks_uri":%q,"authorization_endpoint":"https://id.example.com"}`, idp.URL(), idp.URL()+"/jwks"))(w, r)
	})
	welcome(t, idp, site{}).enter(modern)

	direct := gatetest.Provider(t)
	direct.Say("jwks_uri", "https://evil.example.com/jwks")
	h := welcome(t, direct, site{issuer: fmt.Sprintf(", jwks_url: %q", direct.URL()+"/jwks")}).enter(modern)
	h.accepted(direct.Token(nil))
	if n := direct.Asked(gatetest.Metadata); n != 0 {
		t.Errorf("the metadata was read %d times", n)
	}
}

// AUT-36: the certificate of an issuer must be for its name, by whom the
// configuration says.
func TestAUT36_Certificates(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		names []string
		ca    func(t *testing.T, idp *gatetest.IDP) string
		good  bool
	}{
		"good":              {nil, func(_ *testing.T, i *gatetest.IDP) string { return i.CAFile() }, true},
		"another name":      {[]string{"id.example.com"}, func(_ *testing.T, i *gatetest.IDP) string { return i.CAFile() }, false},
		"another authority": {nil, func(t *testing.T, _ *gatetest.IDP) string { return gatetest.NewCA(t).File() }, false},
		"the system's":      {nil, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			idp := gatetest.SecureProvider(t, tc.names...)
			issuer := ""
			if tc.ca != nil {
				issuer = fmt.Sprintf(", ca: %q", tc.ca(t, idp))
			}
			h := welcome(t, idp, site{issuer: issuer})
			if tc.good {
				h.enter(modern)
				return
			}
			h.alice.Version = modern
			h.unavailable("jwt", h.with(h.alice.Key))
			if idp.Asked(gatetest.Keys)+idp.Asked(gatetest.Metadata) != 0 {
				t.Error("the issuer was asked over a connection that nobody vouches for")
			}
		})
	}
}

// AUT-36: who vouches for an issuer is what its file holds when the configuration is read again,
// though the configuration is the same.
func TestAUT36_CertificatesAtAReload(t *testing.T) {
	t.Parallel()
	idp := gatetest.SecureProvider(t)
	ca := idp.CAFile()
	h := welcome(t, idp, site{issuer: fmt.Sprintf(", ca: %q", ca)})
	h.enter(modern)
	if err := h.App.Reload(t.Context(), "test"); err != nil {
		t.Fatal(err)
	}
	asked := idp.Asked(gatetest.Keys)
	h.enter(modern)
	if n := idp.Asked(gatetest.Keys); n != asked {
		t.Errorf("the same certificates: the keys were read %d times more", n-asked)
	}
	if err := os.WriteFile(ca, gatetest.NewCA(t).PEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := h.App.Reload(t.Context(), "test"); err != nil {
		t.Fatal(err)
	}
	h.unavailable("jwt", h.with(h.alice.Key))
}
