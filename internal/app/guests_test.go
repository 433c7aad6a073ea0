package app_test

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/audit"
	"doorward/internal/gatetest"
)

// guests is a house that lets people in with tokens of an identity provider:
// alice has one, and bob has an API key and must not notice.
type guests struct {
	*house
	idp   *gatetest.IDP
	wrong refusalText // how a bad credential reads
}

// guestRoles have the scopes that tokens of the harness come with.
const guestRoles = `
upstreams: {up: {url: "${up}"}}
roles:
  reader:
    scopes: [tools.read]
    allow: [{tools: ["up/**"], prompts: ["up/**"], resources: ["**"]}]
    deny: [{tools: [up/delete_all]}]
`

// site is what a house of guests is made of.
type site struct {
	version string      // that alice and bob speak; empty: the stateless one
	issuer  string      // more members of the issuer, as YAML in flow style
	others  string      // more issuers, likewise
	method  string      // more methods of identity: lines of YAML
	listen  string      // more of listen, in flow style
	rest    string      // lines of YAML beside; empty: guestRoles
	ask     string      // how introspection is authenticated; empty: none
	cache   string      // how long what it said is used; empty: the default
	over    *tls.Config // how everybody connects; nil: in the clear
}

// welcome opens a house for the tokens of idp. Everything that s does not say is
// the default.
func welcome(t *testing.T, idp *gatetest.IDP, s site) *guests {
	t.Helper()
	if s.version == "" {
		s.version = modern
	}
	if s.rest == "" {
		s.rest = guestRoles
	}
	secrets := ""
	if s.ask != "" {
		introspection, secret := idp.Ask(s.ask)
		if s.cache != "" {
			introspection = strings.TrimSuffix(introspection, "}") + ", cache: " + s.cache + "}"
		}
		s.issuer, secrets = s.issuer+", introspection: "+introspection, "secrets: "+secret+"\n"
	}
	h := &guests{idp: idp, house: &house{t: t, up: gatetest.Upstream(t, gatetest.Script{Tools: rawTools("echo", "get_weather", "delete_all")})}}
	h.GW = gatetest.Gateway(t, fmt.Sprintf(`version: 1
data_dir: data
listen: {address: "127.0.0.1:0"%s}
identity:
  api_keys: true
%s
  issuers:
    - {issuer: %q%s}
%s
%s%s`, s.listen, s.method, idp.URL(), s.issuer, s.others, secrets, s.rest), map[string]*gatetest.UP{"up": h.up})
	idp.For(h.GW)
	h.Approve("")
	h.bob, h.alice = h.As("bob", firstRole(s.rest)), h.Client("alice", idp.Token(nil))
	nobody := h.Client("nobody", "dw_0123456789abcdef0123456789abcdef")
	nobody.Version = s.version
	if s.over != nil {
		h.bob.Over(s.over)
		h.alice.Over(s.over)
		nobody.Over(s.over)
	}
	h.bob.Open(s.version)
	h.wrong = readRefusal(nobody.Post(hello(s.version)))
	return h
}

// firstRole is the role that the configuration has first.
func firstRole(rest string) string {
	_, roles, _ := strings.Cut(rest, "roles:")
	name, _, _ := strings.Cut(strings.TrimSpace(roles), ":")
	return name
}

// enter makes alice speak a version and make an ordinary call.
func (h *guests) enter(version string) *guests {
	h.t.Helper()
	h.reopen(version)
	h.neighbour()
	return h
}

// in is a house of the default configuration with a good token in use.
func in(t *testing.T, version string) *guests {
	t.Helper()
	return welcome(t, gatetest.Provider(t), site{version: version}).enter(version)
}

// refusalText is a refusal without what tells one from another of the same kind:
// the exchange's id and the time.
type refusalText struct {
	Status int
	Header http.Header
	Body   string
}

func readRefusal(r *gatetest.Reply) refusalText {
	header := r.Header.Clone()
	header.Del("Date")
	header.Del("Doorward-Exchange")
	return refusalText{r.Status, header, strings.ReplaceAll(string(r.Body), r.Exchange, "EXCHANGE")}
}

// forgery is a credential that must not be accepted.
type forgery struct {
	name    string
	token   string   // of a Bearer header
	headers []string // instead: pairs of names and values
	method  string   // on record; empty: jwt. "-": none
	code    string   // on record; empty: identity.invalid
	subject string   // on record: the proof was good
}

// turns tries every credential and holds each refusal to security.md §0: R401 with
// the same bytes for all, U0, A1, and G7. NL is held at the end.
func (h *guests) turns(all ...forgery) {
	h.t.Helper()
	t := h.t
	for _, b := range all {
		t.Run(b.name, func(t *testing.T) {
			h.t = t
			h.turned(b, func(header ...string) *gatetest.Reply { return h.alice.Post(h.call("up__echo"), header...) })
		})
	}
	h.t = t
}

// turned tries one by send, which adds headers to a request.
func (h *guests) turned(b forgery, send func(header ...string) *gatetest.Reply) {
	h.t.Helper()
	headers := b.headers
	if headers == nil {
		headers = []string{"Authorization", "Bearer " + b.token}
	}
	before := h.up.Posts()
	r := send(headers...)
	if diff := cmp.Diff(h.wrong, readRefusal(r)); diff != "" {
		h.t.Errorf("not the answer to every bad credential: %s\n%s", r, diff)
	}
	if n := h.up.Posts() - before; n != 0 {
		h.t.Errorf("U0: %d requests reached the upstream", n)
	}
	h.onRecord(r.Exchange, b)
	h.neighbour()
}

// onRecord is A1 for a credential: one record, with the method that was tried, and
// nothing of what was merely claimed.
func (h *guests) onRecord(exchange string, b forgery) {
	h.t.Helper()
	got := h.Records(audit.Query{Exchange: exchange})
	if len(got) != 1 {
		h.t.Errorf("A1: %d records of exchange %s: %+v", len(got), exchange, got)
		return
	}
	method, code := b.method, b.code
	switch method {
	case "":
		method = "jwt"
	case "-":
		method = ""
	}
	if code == "" {
		code = "identity.invalid"
	}
	r := got[0]
	if r.Kind != audit.KindOutcome || r.Effect != "deny" || r.Stage != "identify" || r.Code != code || r.Reason == "" || r.Status != "refused" {
		h.t.Errorf("A1: the record is %+v, want a refusal with code %s", r, code)
	}
	if r.Principal.Method != method || r.Principal.Subject != b.subject ||
		b.subject == "" && r.Principal != (audit.Principal{Method: method}) {
		h.t.Errorf("A1: the record is about %+v, want method %q and subject %q", r.Principal, method, b.subject)
	}
}

// who is the principal on record of an exchange that was let through.
func (h *guests) who(exchange string) audit.Principal {
	h.t.Helper()
	got := h.Records(audit.Query{Exchange: exchange})
	if len(got) != 2 || got[0].Kind != audit.KindIntent || got[1].Kind != audit.KindOutcome || got[0].Principal != got[1].Principal {
		h.t.Fatalf("want an intent and an outcome of exchange %s by the same principal, got %+v", exchange, got)
	}
	return got[0].Principal
}

// accepted makes a call with a token, which must be let through, and returns who
// made it.
func (h *guests) accepted(token string) audit.Principal {
	h.t.Helper()
	r := h.alice.Post(h.call("up__echo"), "Authorization", "Bearer "+token)
	if !r.OK() {
		h.t.Fatalf("a good token: %s", r)
	}
	return h.who(r.Exchange)
}

// claims are bad tokens that differ from a good one in some claims, and are signed
// by the issuer.
func (h *guests) claims(all map[string]map[string]any) []forgery {
	h.t.Helper()
	var out []forgery
	for name, other := range all {
		out = append(out, forgery{name: name, token: h.idp.Token(other)})
	}
	slices.SortFunc(out, func(a, b forgery) int { return strings.Compare(a.name, b.name) })
	return out
}

// TestUniformRefusal: the answer to a bad credential says how to get a good one,
// and nothing about the one that came.
func TestUniformRefusal(t *testing.T) {
	t.Parallel()
	h := in(t, modern)
	base := "http://" + h.Address()
	want := []string{
		`Bearer realm="doorward", error="invalid_token", resource_metadata="` + base + `/.well-known/oauth-protected-resource/mcp"`,
		`DPoP algs="ES256 RS256 PS256 EdDSA"`,
	}
	if got := h.wrong.Header["Www-Authenticate"]; h.wrong.Status != http.StatusUnauthorized || !cmp.Equal(got, want) {
		t.Errorf("status %d, WWW-Authenticate %q, want %q", h.wrong.Status, got, want)
	}
	if want := `{"jsonrpc":"2.0","error":{"code":4010,"message":"the credential is not valid","data":{"code":"identity.invalid","exchange":"EXCHANGE"}}}`; h.wrong.Body != want {
		t.Errorf("body %s, want %s", h.wrong.Body, want)
	}
}
