package app_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"doorward/internal/gatetest"
)

// The cases of security.md 4.a about what a token says. Clocks are real here, so
// the exact second of a bound is issuer's own tests' to find; minutes, and of the leeway
// twenty seconds, are the margin for a slow machine.

type claims = map[string]any

func TestAUT08_Expiry(t *testing.T) {
	t.Parallel()
	inTokenEras(t, func(h *guests) {
		now := time.Now().Unix()
		all := h.claims(map[string]map[string]any{
			"absent": {"exp": nil}, "a string": {"exp": fmt.Sprint(now + 600)}, "1e400": {"exp": json.RawMessage("1e400")}, "-1": {"exp": -1}, "-0.5": {"exp": -0.5},
			"null": {"exp": json.RawMessage("null")}, "true": {"exp": true}, "an array": {"exp": []int64{now + 600}}, "0x": {"exp": "0x7fffffff"},
			"in ten years": {"exp": now + 10*365*86400}, "in milliseconds": {"exp": (now + 600) * 1000}, "more than a day": {"exp": now + 86400 + 600},
			"issued more than a day ago": {"iat": now - 86400 - 35}, "before it was issued": {"exp": now + 5, "iat": now + 10},
		})
		for name, exp := range map[string]any{"31 s ago": now - 31, "an hour ago": now - 3600, "1970": 1, "0": 0, "1e9": json.RawMessage("1e9")} {
			all = append(all, forgery{name: name, token: h.idp.Token(claims{"exp": exp, "iat": 0}), code: "identity.expired", subject: "alice"})
		}
		h.turns(all...)
		for name, of := range map[string]func(now int64) claims{
			"within the leeway":    func(now int64) claims { return claims{"exp": now - 10, "iat": now - 600} },
			"in parts of a second": func(now int64) claims { return claims{"exp": json.RawMessage(fmt.Sprintf("%d.5", now+60))} },
			"as 1.7e9":             func(now int64) claims { return claims{"exp": json.RawMessage(fmt.Sprintf("%de1", (now+60)/10))} },
			"a day":                func(now int64) claims { return claims{"exp": now + 86400 - 5} },
		} {
			if got := h.accepted(h.idp.Token(of(time.Now().Unix()))); got.Subject != "alice" {
				h.t.Errorf("%s: %+v", name, got)
			}
		}
	})
}

func TestAUT09_NotYet(t *testing.T) {
	t.Parallel()
	h := in(t, modern)
	now := time.Now().Unix()
	h.turns(h.claims(map[string]map[string]any{
		"nbf in the future": {"nbf": now + 300}, "nbf tomorrow": {"nbf": now + 86400, "exp": now + 86400}, "nbf after exp": {"nbf": now + 20, "exp": now + 10},
		"nbf is a string": {"nbf": fmt.Sprint(now)}, "nbf is null": {"nbf": json.RawMessage("null")}, "nbf is negative": {"nbf": -5}, "nbf is 1e400": {"nbf": json.RawMessage("1e400")},
		"iat in the future": {"iat": now + 300}, "iat absent": {"iat": nil}, "iat is a string": {"iat": fmt.Sprint(now)}, "iat is negative": {"iat": -1},
	})...)
	now = time.Now().Unix() // what was early becomes good as time passes
	h.accepted(h.idp.Token(claims{"nbf": now + 25}))
	h.accepted(h.idp.Token(claims{"iat": now + 25}))
}

func TestAUT10_Audience(t *testing.T) {
	t.Parallel()
	inTokenEras(t, func(h *guests) {
		ours := h.URL()
		port := ours[strings.LastIndexByte(ours, ':'):]
		h.turns(h.claims(map[string]map[string]any{
			"absent": {"aud": nil}, "empty": {"aud": ""}, "null": {"aud": json.RawMessage("null")}, "another service": {"aud": "https://other.example.com/mcp"},
			"more behind": {"aud": ours + ".evil"}, "one letter less": {"aud": ours[:len(ours)-1]}, "upper-case path": {"aud": strings.Replace(ours, "/mcp", "/MCP", 1)},
			"trailing slash": {"aud": ours + "/"}, "an object": {"aud": claims{"aud": ours}}, "others": {"aud": []string{"https://other.example.com/mcp"}},
			"ours among others": {"aud": []string{ours, "https://other.example.com/mcp"}}, "others before": {"aud": []string{"x", ours}}, "ours twice": {"aud": []string{ours, ours}},
			"empty array": {"aud": []string{}}, "array with a number": {"aud": []any{ours, 1}}, "array in an array": {"aud": []any{[]string{ours}}},
			"localhost": {"aud": "http://localhost" + port}, "https": {"aud": "https" + strings.TrimPrefix(ours, "http")}, "without a path": {"aud": strings.TrimSuffix(ours, "/mcp")},
			"a query": {"aud": ours + "?a=b"}, "a fragment": {"aud": ours + "#"}, "a profile's": {"aud": ours + "/review"}, "two in one": {"aud": ours + " https://other.example.com"},
			"a space": {"aud": " " + ours}, "the client's id": {"aud": "agent"}, "the issuer": {"aud": h.idp.URL()}, "true": {"aud": true}, "the transport's URL": {"aud": strings.Replace(ours, "/mcp", "/sse", 1)},
		})...)
		h.accepted(h.idp.Token(claims{"aud": []string{ours}}))
	})
}

// TestAUT10_AudienceOfConfiguration: what the file says of audiences is what
// counts, and no more.
func TestAUT10_AudienceOfConfiguration(t *testing.T) {
	t.Parallel()
	h := welcome(t, gatetest.Provider(t), site{issuer: ", other_audiences: true"}).enter(modern)
	other := "https://other.example.com"
	h.accepted(h.idp.Token(claims{"aud": []string{h.URL(), other}}))
	h.turns(h.claims(map[string]map[string]any{
		"others alone": {"aud": []string{other, "x"}}, "ours twice": {"aud": []string{h.URL(), other, h.URL()}}, "101 of them": {"aud": append(slices.Repeat([]string{other}, 100), h.URL())},
	})...)

	fixed := welcome(t, gatetest.Provider(t), site{issuer: ", audience: \"api://doorward\""})
	fixed.alice.Key = fixed.idp.Token(claims{"aud": "api://doorward"})
	fixed.enter(modern)
	fixed.turns(fixed.claims(map[string]map[string]any{"the URL": {}, "another case": {"aud": "api://Doorward"}, "a slash": {"aud": "api://doorward/"}})...)
}

func TestAUT11_Issuers(t *testing.T) {
	t.Parallel()
	one, two := gatetest.Provider(t), gatetest.Provider(t)
	// The second has a key of the first one's name.
	same := gatetest.NewKey(t, "ES256", one.Key("ES256").ID)
	set, err := json.Marshal(gatetest.KeySet(two.Key("ES256"), same))
	if err != nil {
		t.Fatal(err)
	}
	two.On(gatetest.Keys, gatetest.Says("application/json", string(set)))
	h := welcome(t, one, site{others: fmt.Sprintf("    - {issuer: %q}\n", two.URL())}).enter(modern)
	two.For(h.GW)
	u := one.URL()
	host := strings.TrimPrefix(u, "http://")
	var all []forgery
	for name, iss := range map[string]any{
		"another's": two.URL(), "absent": nil, "a slash": u + "/", "with a user": "http://" + host + "@evil.example.com", "a user of ours": "http://evil@" + host,
		"upper case": strings.ToUpper(u), "https": "https://" + host, "an array": []string{u}, "empty": "", "a space": u + " ", "a query": u + "?", "a fragment": u + "#",
		"null": json.RawMessage("null"), "localhost": "http://localhost" + u[strings.LastIndexByte(u, ':'):], "nobody's": "https://id.example.com", "percent encoding": strings.Replace(u, "127", "%3127", 1),
	} {
		all = append(all, forgery{name: name, token: one.Token(claims{"iss": iss})})
	}
	payload := h.payload(nil)
	all = append(all,
		forgery{name: "the first one's, signed by the second", token: two.Token(claims{"iss": u})},
		forgery{name: "the first one's, signed by the second with a key of the same name", token: two.Mint(same.JWS("ES256", one.Header("ES256"), payload))},
		forgery{name: "the second one's, signed by the first with a key of the same name", token: one.Token(claims{"iss": two.URL()})},
	)
	h.turns(all...)
	if got := h.accepted(two.Token(nil)); got.Subject != "alice" || got.Issuer != two.URL() {
		t.Errorf("the second one's own: %+v", got)
	}

	// alice of the one is not alice of the other.
	first := h.Client("alice of the first", one.Token(nil)).Open("2025-11-25")
	second := h.Client("alice of the second", two.Token(nil)).Open("2025-11-25")
	second.Session = first.Session
	before := h.up.Posts()
	if r := second.Call("up__echo", `{}`); r.Status != 404 || r.Refusal != "session.unknown" || h.up.Posts() != before {
		t.Errorf("a session of another issuer's alice: %s", r)
	}
	if r := first.Call("up__echo", `{}`); !r.OK() {
		t.Errorf("her own session: %s", r)
	}
}

func TestAUT12_Subjects(t *testing.T) {
	t.Parallel()
	h := in(t, modern)
	h.turns(h.claims(map[string]map[string]any{
		"absent": {"sub": nil}, "empty": {"sub": ""}, "an array": {"sub": []string{"alice"}}, "10 KiB": {"sub": strings.Repeat("a", 10<<10)}, "257 bytes": {"sub": strings.Repeat("a", 257)},
		"NUL": {"sub": "a\x00b"}, "a line break": {"sub": "a\nadmin"}, "a carriage return": {"sub": "a\radmin"}, "a line separator": {"sub": "a\u2028admin"}, "spaces": {"sub": "   "},
		"a space first": {"sub": " alice"}, "a space last": {"sub": "alice "}, "right to left": {"sub": "alice\u202enimda"}, "isolate": {"sub": "\u2066alice\u2069"}, "zero width": {"sub": "al\u200bice"},
		"a number": {"sub": 1}, "null": {"sub": json.RawMessage("null")}, "an object": {"sub": claims{"sub": "alice"}}, "escape codes": {"sub": "\x1b[31malice"}, "a BOM": {"sub": "\ufeffalice"},
		"a tab": {"sub": "a\tb"}, "delete": {"sub": "a\x7f"}, "no-break space": {"sub": "a\u00a0b"}, "tags": {"sub": "alice\U000e0061"},
	})...)
	// What can be seen is taken as it is, and means nothing to anybody who reads it.
	for _, sub := range []string{"аlice", `alice" level=error msg="x`, "alice'; DROP TABLE keys; --", "a/../b", "${jndi:ldap://x}", "%0aadmin", "<script>", "Ålice", "e\u0301", strings.Repeat("ü", 128), `a\nadmin`, "=1+1"} {
		if got := h.accepted(h.idp.Token(claims{"sub": sub})); got.Subject != sub {
			t.Errorf("sub %q is on record as %q", sub, got.Subject)
		}
	}
	for line := range strings.SplitSeq(strings.TrimSpace(h.Log()), "\n") {
		if !strings.HasPrefix(line, "time=") {
			t.Errorf("a line of the log begins with %.60q", line)
		}
	}
}

// claimRoles are roles by groups, subjects and the issuer's own roles.
const claimRoles = `
upstreams: {up: {url: "${up}"}}
roles:
  admin: {groups: [admins], allow: [{tools: ["up/**"]}]}
  corp: {subjects: ["*@corp.test"], allow: [{tools: ["up/get_*"]}]}
  named: {allow: [{tools: [up/echo]}]}
`

// can tells which tools a token opens.
func (h *guests) can(token string) string {
	h.t.Helper()
	var open []string
	for _, name := range []string{"delete_all", "echo", "get_weather"} {
		before := h.up.Count("tools/call")
		r := h.alice.Post(h.call("up__"+name), "Authorization", "Bearer "+token)
		if reached := h.up.Count("tools/call") - before; (reached == 1) != r.OK() {
			h.t.Errorf("%s: %d calls reached the upstream: %s", name, reached, r)
		}
		if r.OK() {
			open = append(open, name)
		} else if r.Status != 200 || r.Refusal != "policy.denied" && r.Refusal != "tool.unknown" {
			h.t.Errorf("%s: %s", name, r)
			return r.Refusal
		}
	}
	return strings.Join(open, " ")
}

func TestAUT56_Groups(t *testing.T) {
	t.Parallel()
	h := welcome(t, gatetest.Provider(t), site{issuer: ", claims: {groups: groups, roles: /realm_access/roles}", rest: claimRoles})
	h.alice.Key = h.idp.Token(claims{"groups": []string{"admins"}})
	h.enter(modern)
	groups := make([]string, 1001)
	for i := range groups {
		groups[i] = fmt.Sprint("g", i)
	}
	for name, tc := range map[string]struct {
		groups any
		can    string
	}{
		"among others": {[]string{"a", "admins", "b"}, "delete_all echo get_weather"},
		"one string":   {"admins", "delete_all echo get_weather"}, // some issuers write one so
		"a list in it": {"x,admins", ""}, "spaces in it": {"x admins", ""}, "another case": {[]string{"Admins"}, ""},
		"a path": {[]string{"/admins"}, ""}, "a prefix": {[]string{"admins2", "admin"}, ""}, "a list in an element": {[]string{"x,admins"}, ""}, "a glob": {[]string{"*"}, ""},
		"none": {nil, ""}, "empty": {[]string{}, ""}, "full-width": {[]string{"ａdmins"}, ""}, "1000": {append(slices.Clone(groups[:999]), "admins"), "delete_all echo get_weather"},
	} {
		if got := h.can(h.idp.Token(claims{"groups": tc.groups})); got != tc.can {
			t.Errorf("groups %s: opens %q, want %q", name, got, tc.can)
		}
	}
	// Too many to write down: the issuer says where the rest is. Nobody looks, and
	// whose groups are not known is not one without groups.
	h.turns(h.claims(map[string]map[string]any{
		"overage": {"_claim_names": claims{"groups": "src1"}, "_claim_sources": claims{"src1": claims{"endpoint": h.idp.URL() + "/groups"}}}, "hasgroups": {"hasgroups": true},
		"overage beside groups": {"groups": []string{"admins"}, "_claim_names": claims{"groups": "src1"}},
	})...)
	if n := h.idp.Asked(""); n != 0 {
		t.Errorf("S0: the issuer was asked elsewhere %d times", n)
	}
	h.turns(h.claims(map[string]map[string]any{
		"nested": {"groups": []any{[]string{"admins"}}}, "an object": {"groups": claims{"admins": true}}, "a number": {"groups": 1}, "true": {"groups": true}, "null": {"groups": json.RawMessage("null")},
		"with a number": {"groups": []any{"admins", 1}}, "1001": {"groups": groups}, "a line break": {"groups": []string{"a\nadmins"}}, "zero width": {"groups": []string{"admins\u200b"}}, "empty name": {"groups": []string{"", "admins"}},
		"Groups beside": {"groups": []string{"x"}, "Groups": []string{"admins"}},
	})...)
	h.turns(forgery{name: "5,000", method: "-", token: h.idp.Token(claims{"groups": slices.Repeat(groups[:1000], 5)})})

	// The issuer's own roles are those that the file has, and no others.
	for name, tc := range map[string]struct {
		roles any
		can   string
	}{"one": {[]string{"named"}, "echo"}, "unknown": {[]string{"root", "Named", "user"}, ""}, "a string": {"named", "echo"}, "two in a string": {"named,admin", ""}} {
		if got := h.can(h.idp.Token(claims{"realm_access": claims{"roles": tc.roles}})); got != tc.can {
			t.Errorf("roles %s: opens %q, want %q", name, got, tc.can)
		}
	}
}

func TestAUT56_Mail(t *testing.T) {
	t.Parallel()
	h := welcome(t, gatetest.Provider(t), site{issuer: ", claims: {subject: email}", rest: claimRoles})
	good := claims{"email": "a@corp.test", "email_verified": true}
	h.alice.Key = h.idp.Token(good)
	h.bob = h.As("caller", "admin").Open(modern)
	h.alice.Open(modern)
	with := func(other claims) claims {
		c := maps.Clone(good)
		maps.Copy(c, other)
		return c
	}
	if got := h.can(h.idp.Token(good)); got != "get_weather" {
		t.Errorf("a good address: opens %q", got)
	}
	h.turns(h.claims(map[string]map[string]any{
		"not verified": with(claims{"email_verified": false}), "not said": with(claims{"email_verified": nil}), "verified in words": with(claims{"email_verified": "true"}), "verified by 1": with(claims{"email_verified": 1}),
		"two @": with(claims{"email": "a@evil@corp.test"}), "no @": with(claims{"email": "corp.test"}), "no name": with(claims{"email": "@corp.test"}), "no domain": with(claims{"email": "a@"}),
		"a homograph": with(claims{"email": "a@сorp.test"}), "an array": with(claims{"email": []string{"a@corp.test"}}), "absent": with(claims{"email": nil}), "a line break": with(claims{"email": "a@corp.test\n"}),
		"a space": with(claims{"email": "a @corp.test"}), "Email beside": with(claims{"Email": "b@corp.test"}), "sub is none": with(claims{"sub": ""}),
	})...)
	for _, mail := range []string{"a@corp.test.evil", "a@evil.test", "a@CORP.TEST", "a@xn--orp-hed.test", "corp.test@evil.test", "a/b@corp.test"} {
		if got := h.can(h.idp.Token(with(claims{"email": mail}))); got != "" {
			t.Errorf("%s opens %q", mail, got)
		}
	}
}

// TestClaimsThatAreConfigured: tenant, subject and clients as the file has them.
func TestClaimsThatAreConfigured(t *testing.T) {
	t.Parallel()
	h := welcome(t, gatetest.Provider(t), site{issuer: ", clients: [agent, other], claims: {subject: preferred_username, tenant: /org/id}"})
	good := claims{"preferred_username": "Alice", "org": claims{"id": "tenant-a"}}
	h.alice.Key = h.idp.Token(good)
	h.enter(modern)
	with := func(other claims) claims {
		c := maps.Clone(good)
		maps.Copy(c, other)
		return c
	}
	if got := h.accepted(h.idp.Token(with(claims{"client_id": nil, "azp": "other"}))); got.Subject != "Alice" || got.Tenant != "tenant-a" || got.Client != "other" {
		t.Errorf("%+v", got)
	}
	h.turns(h.claims(map[string]map[string]any{
		"no tenant": with(claims{"org": nil}), "an empty one": with(claims{"org": claims{"id": ""}}), "elsewhere": with(claims{"org": nil, "/org/id": "tenant-a"}), "two": with(claims{"org": claims{"id": []string{"a", "b"}}}),
		"no subject": with(claims{"preferred_username": nil}), "another client": with(claims{"client_id": "evil"}), "no client": with(claims{"client_id": nil}), "clients that differ": with(claims{"azp": "other"}),
		"bound to what nobody checks": with(claims{"cnf": claims{"kid": "x"}}), "cnf is a string": with(claims{"cnf": "x"}), "cnf is empty": with(claims{"cnf": claims{}}),
	})...)
	// A token that its issuer has signed is known for whose it is, whoever stole it.
	for name, cnf := range map[string]claims{"bound to a key, without a proof": {"jkt": strings.Repeat("A", 43)}, "bound to a certificate, without one": {"x5t#S256": strings.Repeat("A", 43)}} {
		h.turns(forgery{name: name, token: h.idp.Token(with(claims{"cnf": cnf})), subject: "Alice"})
	}

	// Two tenants have each their own alice.
	session := h.Client("of a", h.idp.Token(good)).Open("2025-11-25")
	other := h.Client("of b", h.idp.Token(with(claims{"org": claims{"id": "tenant-b"}}))).Open("2025-11-25")
	other.Session = session.Session
	if r := other.Call("up__echo", `{}`); r.Status != 404 || r.Refusal != "session.unknown" {
		t.Errorf("a session of another tenant's alice: %s", r)
	}
}
