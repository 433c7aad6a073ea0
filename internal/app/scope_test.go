package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/audit"
	"doorward/internal/gatetest"
)

// revisions are all that there are (AUT-57).
var revisions = []string{"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"}

// scopeRoles need another scope for what changes something. In alphabetical order
// the first role that would do is the one that opens most.
const scopeRoles = `
upstreams: {up: {url: "${up}"}}
roles:
  admin: {scopes: [admin, everything], allow: [{tools: ["up/**"], resources: ["**"], prompts: ["up/**"]}], deny: [{tools: [up/delete_all], resources: ["docs://secret"], prompts: [up/secret]}]}
  reader: {scopes: [tools.read], allow: [{tools: [up/echo], resources: ["docs://open"], prompts: [up/open]}]}
  writer: {scopes: [tools.write, tools.all], allow: [{tools: [up/delete_all], resources: ["docs://secret"], prompts: [up/secret]}]}
`

// scoped is a house whose alice has the scope to read.
func scoped(t *testing.T, s site) *guests {
	t.Helper()
	s.rest = scopeRoles
	h := welcome(t, gatetest.Provider(t), s)
	h.up.Set(gatetest.Script{
		Tools:     rawTools("echo", "get_weather", "delete_all"),
		Prompts:   []json.RawMessage{[]byte(`{"name":"open"}`), []byte(`{"name":"secret"}`)},
		Resources: []json.RawMessage{[]byte(`{"uri":"docs://open","name":"open"}`), []byte(`{"uri":"docs://secret","name":"secret"}`)},
	})
	h.Approve("")
	h.bob = h.As("caller", "reader").Open(modern)
	return h.enter(modern)
}

// challenge is the one that asks for scopes (RFC 6750, section 3.1).
func (h *guests) challenge(scope string) []string {
	return []string{`Bearer error="insufficient_scope", scope="` + scope + `", resource_metadata="http://` + h.Address() +
		`/.well-known/oauth-protected-resource/mcp", error_description="The token lacks a scope that this needs."`}
}

// steps makes a request for which alice's token lacks a scope.
func (h *guests) steps(scope string, send func() *gatetest.Reply) {
	h.t.Helper()
	before := h.up.Posts()
	r := send()
	if r.Status != http.StatusForbidden || r.Code != 4030 || r.Refusal != "identity.scope" {
		h.t.Errorf("got %s, want 403 identity.scope", r)
	}
	if diff := cmp.Diff(h.challenge(scope), r.Header["Www-Authenticate"]); diff != "" {
		h.t.Errorf("the challenge: %s", diff)
	}
	if n := h.up.Posts() - before; n != 0 {
		h.t.Errorf("U0: %d requests reached the upstream", n)
	}
	got := h.Records(audit.Query{Exchange: r.Exchange})
	if len(got) != 1 || got[0].Code != "identity.scope" || got[0].Effect != "deny" || got[0].Principal.Subject != "alice" || got[0].Item == "" {
		h.t.Errorf("A1: %+v", got)
	}
	h.neighbour()
}

// lacking are requests for what only writers may, one of each method that names
// something.
func lacking(c *gatetest.Client) map[string][]byte {
	return map[string][]byte{
		"tools/call":     c.Request("3", "tools/call", `"name":"up__delete_all","arguments":{}`),
		"prompts/get":    c.Request("3", "prompts/get", `"name":"up__secret"`),
		"resources/read": c.Request("3", "resources/read", `"uri":"docs://secret"`),
	}
}

// lists holds what alice is shown to what she may use, and has her make an
// ordinary call: nothing has to be read for her from the upstream any more.
func (h *guests) lists() {
	h.t.Helper()
	if r := h.alice.Call("up__echo", `{}`); !r.OK() {
		h.t.Errorf("what the token opens: %s", r)
	}
	for method, names := range map[string][2]string{"tools/list": {"up__echo", "up__delete_all"}, "prompts/list": {"up__open", "up__secret"}, "resources/list": {"docs://open", "docs://secret"}} {
		if r := h.alice.Post(h.alice.Request("4", method, "")); !r.OK() || !bytes.Contains(r.Body, []byte(names[0])) || bytes.Contains(r.Body, []byte(names[1])) {
			h.t.Errorf("%s: %s, want %s alone", method, r, names[0])
		}
	}
}

// AUT-57: the same call in every revision, in one that does not exist, and without
// a word about it.
func TestAUT57_ScopeInEveryRevision(t *testing.T) {
	t.Parallel()
	h := scoped(t, site{})
	for _, revision := range revisions {
		t.Run(revision, func(t *testing.T) {
			h.t = t
			h.alice.Open(revision)
			h.lists()
			for method, body := range lacking(h.alice) {
				t.Run(method, func(t *testing.T) {
					h.t = t
					h.steps("tools.write", func() *gatetest.Reply { return h.alice.Post(body) })
				})
			}
			h.t = t
			if h.alice.Session == "" {
				return
			}
			h.steps("tools.write", func() *gatetest.Reply {
				return h.alice.Post(lacking(h.alice)["tools/call"], "MCP-Protocol-Version", "-")
			})
			before := h.up.Posts()
			if r := h.alice.Post(lacking(h.alice)["tools/call"], "MCP-Protocol-Version", "2031-01-01"); r.Status < 400 || h.up.Posts() != before {
				t.Errorf("a revision that does not exist: %s", r)
			}
		})
	}
	h.t = t
	before := h.up.Posts()
	for _, version := range []string{"2099-01-01", "1.0", "", "2026-07-28, 2025-11-25"} {
		if r := h.alice.Post(lacking(h.alice)["tools/call"], "MCP-Protocol-Version", version); r.Status < 400 || h.up.Posts() != before {
			t.Errorf("version %q: %s", version, r)
		}
	}
	// Whoever comes with a key has no scopes that an issuer could widen.
	if r := h.bob.Call("up__delete_all", `{}`); r.Status != 200 || r.Refusal != "policy.denied" || r.Header.Get("Www-Authenticate") != "" {
		t.Errorf("by a key: %s", r)
	}
}

// TestStepUp: a client that is told which scope it lacks gets a token with it, and
// is served; where no scope helps it is not sent for one.
func TestStepUp(t *testing.T) {
	t.Parallel()
	h := scoped(t, site{})
	h.steps("admin", func() *gatetest.Reply { return h.alice.Call("up__get_weather", `{}`) })
	if r := h.alice.Post(h.call("up__get_weather"), "Authorization", "Bearer "+h.idp.Token(claims{"scope": "tools.read admin"})); !r.OK() {
		t.Errorf("with the scope: %s", r)
	}
	// A deny wins over every role, so that no scope helps an administrator.
	before := h.up.Posts()
	r := h.alice.Post(h.call("up__delete_all"), "Authorization", "Bearer "+h.idp.Token(claims{"scope": "everything"}))
	if r.Status != 200 || r.Refusal != "policy.denied" || r.Header.Get("Www-Authenticate") != "" || h.up.Posts() != before {
		t.Errorf("where a rule denies it: %s", r)
	}
}

// TestStepUpAsksForTheLeast: of the scopes that would do, a client is sent for the
// one of the role that opens least, and not for that of an administrator.
func TestStepUpAsksForTheLeast(t *testing.T) {
	t.Parallel()
	h := scoped(t, site{})
	h.steps("tools.read", func() *gatetest.Reply {
		return h.alice.Post(h.call("up__echo"), "Authorization", "Bearer "+h.idp.Token(claims{"scope": "tools.write"}))
	})
}

// AUT-58: the same call over every transport that tokens can come by. On stdio
// nobody has one.
func TestAUT58_ScopeOverEveryTransport(t *testing.T) {
	t.Parallel()
	h := scoped(t, site{listen: ", legacy_sse: true, websocket: true"})
	for name, open := range map[string]func(*testing.T, opening) (voice, told){"http": openHTTP(h.GW), "sse": openSSE(h.GW), "websocket": openSocket(h.GW)} {
		for _, version := range append([]string{"2024-11-05"}, eras...) {
			if name == "sse" && version == modern {
				continue
			}
			t.Run(name+" "+version, func(t *testing.T) {
				v, refused := open(t, opening{key: h.alice.Key, version: version})
				if v == nil {
					t.Fatalf("opening: %+v", refused)
				}
				if version != modern {
					shake(t, v, version)
				}
				for method, params := range map[string]string{"tools/call": `"name":"up__delete_all","arguments":{}`, "prompts/get": `"name":"up__secret"`, "resources/read": `"uri":"docs://secret"`} {
					before, records := h.up.Count(method), refusals(t, h.AuditDir(), "identity.scope")
					if got := v.say(t, []byte(asks(version, method, params))); got.code != 4030 || got.refusal != "identity.scope" {
						t.Errorf("%s: got %+v, want identity.scope", method, got)
					}
					if n := h.up.Count(method) - before; n != 0 {
						t.Errorf("%s: U0: %d requests reached the upstream", method, n)
					}
					if n := refusals(t, h.AuditDir(), "identity.scope") - records; n != 1 {
						t.Errorf("%s: A1: %d records", method, n)
					}
				}
				if got := v.say(t, []byte(asks(version, "tools/call", `"name":"up__echo","arguments":{}`))); got.refusal != "" || !strings.Contains(got.raw, `"ok"`) {
					t.Errorf("what the token opens: %+v", got)
				}
			})
		}
	}
	t.Run("batch", func(t *testing.T) {
		h.alice.Open("2025-03-26")
		before := h.up.Count("tools/call")
		item := func(id, tool string) string {
			return string(h.alice.Request(id, "tools/call", fmt.Sprintf(`"name":"up__%s","arguments":{}`, tool)))
		}
		r := h.alice.Post([]byte("[" + item("1", "delete_all") + "," + item("2", "echo") + "," + item("3", "delete_all") + "]"))
		if n := h.up.Count("tools/call") - before; n != 1 || bytes.Count(r.Body, []byte(`"identity.scope"`)) != 2 {
			t.Errorf("%d calls reached the upstream: %s", n, r)
		}
	})
}

// AUT-63: a scope is an exact word, and no scope implies another.
func TestAUT63_ExactScopes(t *testing.T) {
	t.Parallel()
	h := scoped(t, site{})
	h.turns(h.claims(map[string]map[string]any{
		"no-break space": {"scope": "tools.read\u00a0tools.write"}, "two spaces": {"scope": "tools.read  tools.write"}, "a tab": {"scope": "tools.read\ttools.write"}, "a line break": {"scope": "tools.read\ntools.write"},
		"a space first": {"scope": " tools.write"}, "a space last": {"scope": "tools.write "}, "a quote": {"scope": `tools.read "tools.write"`}, "an array": {"scope": []string{"tools.write"}},
		"a number": {"scope": 1}, "null": {"scope": json.RawMessage("null")}, "101": {"scope": strings.TrimSuffix(strings.Repeat("a ", 100), " ") + " tools.write"},
		"scp with a number": {"scope": nil, "scp": []any{"tools.write", 1}}, "scp nested": {"scope": nil, "scp": []any{[]string{"tools.write"}}}, "Scope": {"scope": "tools.read", "Scope": "tools.write"},
	})...)
	h.turns(forgery{name: "10,000", method: "-", token: h.idp.Token(claims{"scope": strings.TrimSuffix(strings.Repeat("abc ", 10_000), " ")})})
	for scope, needs := range map[string]string{
		"tools.readtools.write": "tools.write", "tools": "tools.write", "tools.*": "tools.write", "*": "tools.write", "TOOLS.WRITE": "tools.write", "tools.write.x": "tools.write",
		"tools.writ": "tools.write", "tools.read,tools.write": "tools.write", "tools:write": "tools.write", "": "tools.write", "writer": "tools.write", "root": "tools.write", "tools.read tools.read": "tools.write",
	} {
		h.steps(needs, func() *gatetest.Reply {
			return h.alice.Post(h.call("up__delete_all"), "Authorization", "Bearer "+h.idp.Token(claims{"scope": scope}))
		})
	}
	for name, other := range map[string]claims{
		"twice": {"scope": "tools.write tools.write"}, "among others": {"scope": "a tools.write b"}, "scp": {"scope": nil, "scp": []string{"tools.write"}}, "scp in a text": {"scope": nil, "scp": "x tools.write"},
		"the other one": {"scope": "tools.all"},
	} {
		if r := h.alice.Post(h.call("up__delete_all"), "Authorization", "Bearer "+h.idp.Token(other)); !r.OK() {
			t.Errorf("%s: %s", name, r)
		}
	}
}

// TestScopesOfTheSpecification: where the file has no roles, the scopes of
// record 16 have their meaning, and clients are told to ask for them.
func TestScopesOfTheSpecification(t *testing.T) {
	t.Parallel()
	idp := gatetest.Provider(t)
	h := &guests{idp: idp, house: &house{t: t, up: gatetest.Upstream(t, gatetest.Script{Tools: rawTools("echo"), Resources: []json.RawMessage{[]byte(`{"uri":"docs://a","name":"a"}`)}})}}
	h.GW = gatetest.Gateway(t, fmt.Sprintf("identity: {api_keys: true, issuers: [{issuer: %q}]}\nupstreams: {up: {url: \"${up}\"}}\n", idp.URL()), map[string]*gatetest.UP{"up": h.up})
	idp.For(h.GW)
	h.Approve("")
	h.bob = h.As("bob").Open(modern)
	h.alice = h.Client("alice", idp.Token(claims{"scope": "mcp:read:documents"}))
	h.alice.Version = modern
	for _, method := range []string{"resources/list", "resources/templates/list", "tools/list"} { // she is shown what the upstream was asked for once
		h.alice.Post(h.alice.Request("1", method, ""))
	}
	read := h.alice.Request("1", "resources/read", `"uri":"docs://a"`)
	if r := h.alice.Post(read); !r.OK() {
		t.Errorf("reading: %s", r)
	}
	h.steps("mcp:execute:tools", func() *gatetest.Reply { return h.alice.Post(h.call("up__echo")) })
	h.alice.Key = idp.Token(claims{"scope": "mcp:execute:tools"})
	if r := h.alice.Post(h.call("up__echo")); !r.OK() {
		t.Errorf("calling: %s", r)
	}
	h.steps("mcp:read:documents", func() *gatetest.Reply { return h.alice.Post(read) })
	// The other scopes of the specification are kept for what does not exist yet.
	for _, scope := range []string{"mcp:write:documents", "mcp:write:config", "mcp:read:config", "user", ""} {
		h.alice.Key = idp.Token(claims{"scope": scope})
		h.steps("mcp:execute:tools", func() *gatetest.Reply { return h.alice.Post(h.call("up__echo")) })
	}
	h.alice.Key = ""
	r := h.alice.Post(h.call("up__echo"))
	want := `Bearer realm="doorward", resource_metadata="http://` + h.Address() + `/.well-known/oauth-protected-resource/mcp", scope="mcp:read:documents mcp:execute:tools"`
	if got := r.Header["Www-Authenticate"]; r.Status != 401 || r.Refusal != "identity.missing" || len(got) != 2 || got[0] != want {
		t.Errorf("without a token: %s, challenge %q, want %q", r, got, want)
	}
}
