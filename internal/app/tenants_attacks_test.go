package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"doorward/internal/admin"
	"doorward/internal/audit"
	"doorward/internal/gatetest"
)

// The cases of security.md 4.j: two tenants at one gateway, whose people have the same
// names. Other cases are beside what they are about: sessions (HTT-34), tasks (TEN-11),
// approvals (TEN-01), people's rights (GDP-02) and what is suspended (IR).

// TEN-04: a token is of exactly one tenant that is accepted, or of nobody; and no header
// says of which.
func TestTEN04_NoTenantByDefault(t *testing.T) {
	t.Parallel()
	other := gatetest.Provider(t)
	h := welcome(t, gatetest.Provider(t), site{
		issuer: ", claims: {tenant: tenant}, tenants: [acme, globex]",
		others: fmt.Sprintf("    - {issuer: %q, claims: {tenant: /org/id}, tenants: [initech]}\n", other.URL()),
	})
	other.For(h.GW)
	h.alice.Key = h.idp.Token(claims{"tenant": "acme"})
	h.enter(modern)
	payload := strings.TrimSuffix(string(h.payload(claims{"tenant": nil})), "}")
	twice := h.idp.Sign("ES256", h.idp.Header("ES256"), []byte(payload+`,"tenant":"acme","tenant":"globex"}`))
	bad := append(h.claims(map[string]map[string]any{
		"no tenant": {}, "null": {"tenant": json.RawMessage("null")}, "empty": {"tenant": ""}, "a list": {"tenant": []string{"acme"}},
		"a number": {"tenant": 1}, "unknown": {"tenant": "initrode"}, "another's": {"tenant": "initech"}, "another case": {"tenant": "Acme"},
		"a space": {"tenant": "acme "}, "two in one": {"tenant": "acme,globex"}, "two of two names": {"tenant": "acme", "Tenant": "globex"},
		"a letter like it": {"tenant": "\u0430cme"}, "under another name": {"org_id": "acme", "tid": "acme", "X-Tenant": "acme"},
	}), forgery{name: "twice", token: twice}, forgery{name: "the first issuer's at the second", token: other.Token(claims{"org": claims{"id": "acme"}})},
		forgery{name: "none, and a header", headers: []string{"Authorization", "Bearer " + h.idp.Token(nil), "X-Tenant", "acme"}})
	h.turns(bad...)
	for tenant, token := range map[string]string{"acme": h.alice.Key, "initech": other.Token(claims{"org": claims{"id": "initech"}}), "": h.bob.Key} {
		for _, name := range []string{"X-Tenant", "X-Tenant-Id", "X_Tenant", "Tenant", "X-Org-Id"} {
			r := h.alice.Post(h.call("up__echo"), "Authorization", "Bearer "+token, name, "globex")
			if got := h.who(r.Exchange); !r.OK() || got.Tenant != tenant {
				t.Errorf("%s of %q: %s, on record of %q", name, tenant, r, got.Tenant)
			}
		}
	}
	for _, s := range h.up.Seen("") {
		if strings.Contains(strings.ToLower(fmt.Sprint(s.Header)), "tenant") || s.Header.Get("X-Org-Id") != "" {
			t.Errorf("the upstream is told %v", s.Header)
		}
	}
	id := contain(t, h.GW, admin.IncidentSubject{Kind: "tenant", Value: "acme"}, 0)
	before := h.up.Count("tools/call")
	if r := h.alice.Call("up__echo", `{}`, "X-Tenant", "globex"); r.Status != http.StatusForbidden || r.Refusal != "contained.tenant" || h.up.Count("tools/call") != before {
		t.Errorf("of a tenant that is disabled: %s", r)
	}
	if got := h.accepted(h.idp.Token(claims{"tenant": "globex"})); got.Tenant != "globex" {
		t.Errorf("of the other tenant: %+v", got)
	}
	letGo(t, h.GW, id)
}

// tenancy is a gateway of two tenants, at each of which is an alice whose tokens have
// the same id, with a canary for each.
type tenancy struct {
	*gatetest.GW
	t      *testing.T
	idp    *gatetest.IDP
	web    *answerer // that answers by what is kept
	old    *gatetest.UP
	reads  atomic.Int32
	canary map[string]string // by tenant
	told   map[string][]byte // all answers, by tenant
}

const tenancyYAML = `version: 1
data_dir: data
listen: {address: "127.0.0.1:0"}
identity:
  issuers: [{issuer: %q, claims: {tenant: tenant}, tenants: [acme, globex]%s}]
secrets: %s
audit: {fields: {web/echo: {text: hashed}}}
limits: {per_tenant: 1000/1m, per_principal: 1000/1m}
roles: {reader: {scopes: [tools.read], allow: [{tools: ["*/**"], resources: ["**"]}]}}
upstreams:
  web: {url: %q}
  old: {url: "${old}"}
  own: {command: [sh, %q], sandbox: {kind: none}}
  all: {command: [sh, %q], sandbox: {kind: none, lifetime: shared}}
`

// whoami is a command whose one tool tells its process.
const whoami = `
while read -r line; do
  id=$(printf '%s' "$line" | sed -n 's/.*"id":\([0-9]*\).*/\1/p')
  say() { printf '{"jsonrpc":"2.0","id":%s,%s}\n' "$id" "$1"; }
  case "$line" in
  *'"method":"initialize"'*) say '"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"whoami","version":"1"}}' ;;
  *'"method":"tools/list"'*) say '"result":{"tools":[{"name":"pid","inputSchema":{"type":"object"}}]}' ;;
  *'"method":"tools/call"'*) say '"result":{"content":[{"type":"text","text":"process '$$'"}]}' ;;
  *'"id":'*) say '"error":{"code":-32601,"message":"Method not found"}' ;;
  esac
done
`

func twoTenants(t *testing.T) *tenancy {
	t.Helper()
	h := &tenancy{t: t, idp: gatetest.Provider(t), canary: map[string]string{}, told: map[string][]byte{}}
	for _, tenant := range []string{"acme", "globex"} {
		h.canary[tenant] = "canary-of-" + tenant + "-7f3kq2"
	}
	command := filepath.Join(t.TempDir(), "whoami.sh")
	if err := os.WriteFile(command, []byte(whoami), 0o600); err != nil {
		t.Fatal(err)
	}
	h.web = answering(t, gatetest.Script{
		Eras: []string{"stateless"}, Tools: rawTools("echo"), Resources: []json.RawMessage{[]byte(`{"uri":"docs://a","name":"a"}`)},
	})
	h.web.on("tools/call", func(params []byte) string {
		text, err := json.Marshal(string(params))
		if err != nil {
			panic(err)
		}
		return fmt.Sprintf(`{"resultType":"complete","ttlMs":300000,"cacheScope":"public","content":[{"type":"text","text":%s}]}`, text)
	})
	h.web.on("resources/read", func([]byte) string {
		return fmt.Sprintf(`{"resultType":"complete","ttlMs":300000,"cacheScope":"public","contents":[{"uri":"docs://a","text":"reading %d"}]}`, h.reads.Add(1))
	})
	h.old = gatetest.Upstream(t, gatetest.Script{Eras: []string{"stateful"}, Tools: rawTools("echo")})
	introspection, secret := h.idp.Ask("client_secret_basic")
	h.GW = gatetest.Gateway(t, fmt.Sprintf(tenancyYAML, h.idp.URL(), ", introspection: "+introspection, secret, h.web.URL(), command, command), map[string]*gatetest.UP{"old": h.old})
	h.idp.For(h.GW)
	h.Approve("")
	h.Approve("") // what the commands offer, once they may be started
	return h
}

// of is somebody of a tenant. All tokens have one id.
func (h *tenancy) of(subject, tenant, version string) *gatetest.Client {
	h.t.Helper()
	return h.Client(subject+" of "+tenant, h.idp.Token(claims{"sub": subject, "tenant": tenant, "jti": "the-one"})).Open(version)
}

// call calls a tool for somebody of a tenant and returns the text of the answer.
func (h *tenancy) call(c *gatetest.Client, tenant, tool, arguments string) string {
	h.t.Helper()
	r := c.Call(tool, arguments)
	if !r.OK() {
		h.t.Errorf("%s of %s calls %s: %s", c.Name, tenant, tool, r)
	}
	h.told[tenant] = append(append(h.told[tenant], r.Body...), fmt.Sprint(r.Header)...)
	var m struct {
		Result struct{ Content []struct{ Text string } }
	}
	if err := json.Unmarshal(r.Final(), &m); err != nil || len(m.Result.Content) != 1 {
		h.t.Errorf("%s: %v", r, err)
		return ""
	}
	return m.Result.Content[0].Text
}

// read reads the one resource.
func (h *tenancy) read(c *gatetest.Client, tenant string) string {
	h.t.Helper()
	r := c.Post(c.Request("1", "resources/read", `"uri":"docs://a"`))
	h.told[tenant] = append(h.told[tenant], r.Body...)
	_, text, found := strings.Cut(string(r.Body), `"text":"`)
	text, _, _ = strings.Cut(text, `"`)
	if !r.OK() || !found {
		h.t.Errorf("%s reads: %s", c.Name, r)
	}
	return text
}

// apart holds what a tenant may not see to the canary of the other one.
func (h *tenancy) apart() {
	h.t.Helper()
	views := map[string]string{}
	for tenant, told := range h.told {
		views[tenant] = string(told)
		if !strings.Contains(views[tenant], h.canary[tenant]) {
			h.t.Errorf("%s was not told its own canary", tenant)
		}
	}
	for _, r := range h.Records(audit.Query{}) {
		views[r.Principal.Tenant] += string(r.AppendJSON(nil))
	}
	everybody := h.Log() + metrics(h.GW)
	for tenant, other := range map[string]string{"acme": "globex", "globex": "acme"} {
		if strings.Contains(views[tenant], h.canary[other]) {
			h.t.Errorf("G5: what is of %s has the canary of %s", tenant, other)
		}
		if strings.Contains(everybody, h.canary[tenant]) {
			h.t.Errorf("G5: the log or the metrics have the canary of %s", tenant)
		}
	}
	if all := metrics(h.GW); strings.Contains(all, "acme") || strings.Contains(all, "globex") {
		h.t.Error("TEN-13: the metrics, which are everybody's, name a tenant")
	}
}

func metrics(g *gatetest.GW) string {
	w := httptest.NewRecorder()
	g.App.Metrics().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
	return w.Body.String()
}

// TEN-03, TEN-06, TEN-07, TEN-16: people of the same name and with the same credential's
// id share nothing with their namesakes of another tenant but what is declared shared.
func TestTEN03_TEN06_TEN07_TEN16_TheSameNamesInTwoTenants(t *testing.T) {
	t.Parallel()
	h := twoTenants(t)
	sessions, hashes := map[string][]string{}, map[string]string{}
	own, all, readings := map[string]string{}, map[string]string{}, map[string]string{}
	for _, tenant := range []string{"acme", "globex"} {
		alice, bob, old := h.of("alice", tenant, modern), h.of("bob", tenant, modern), h.of("alice", tenant, "2025-11-25")
		for range 2 {
			said := h.call(alice, tenant, "web__echo", fmt.Sprintf(`{"text":%q}`, h.canary[tenant]))
			if !strings.Contains(said, h.canary[tenant]) {
				t.Errorf("%s is told %s", tenant, said)
			}
		}
		h.call(alice, tenant, "web__echo", `{"text":"the same"}`)
		before := len(h.old.Seen("tools/call"))
		h.call(alice, tenant, "old__echo", `{}`)
		h.call(alice, tenant, "old__echo", `{}`)
		for _, s := range h.old.Seen("tools/call")[before:] {
			sessions[tenant] = append(sessions[tenant], s.Header.Get("Mcp-Session-Id"))
		}
		own[tenant], all[tenant] = h.call(alice, tenant, "own__pid", `{}`), h.call(alice, tenant, "all__pid", `{}`)
		if again := h.call(alice, tenant, "own__pid", `{}`); again != own[tenant] {
			t.Errorf("%s: %s, then %s", tenant, own[tenant], again)
		}
		own[tenant+" bob"], own[tenant+" in a session"] = h.call(bob, tenant, "own__pid", `{}`), h.call(old, tenant, "own__pid", `{}`)
		readings[tenant] = h.read(alice, tenant)
		if got := h.read(bob, tenant); got != readings[tenant] {
			t.Errorf("bob of %s is given %s, and alice %s", tenant, got, readings[tenant])
		}
		for _, r := range h.Records(audit.Query{Kind: audit.KindIntent}) {
			if r.Principal.Tenant == tenant && len(r.Fields) == 1 {
				hashes[tenant] = r.Fields[0].Value // the last: of "the same"
			}
		}
	}
	if len(sessions["acme"]) != 2 || len(sessions["globex"]) != 2 || sessions["acme"][0] == "" || slices.Contains(sessions["acme"], sessions["globex"][0]) {
		t.Errorf("TEN-07: sessions at the upstream are %v", sessions)
	}
	processes := map[string]string{}
	for who, process := range own {
		if other, taken := processes[process]; taken || process == "" {
			t.Errorf("TEN-16: %s is the process of %s and of %s", process, who, other)
		}
		processes[process] = who
	}
	if all["acme"] != all["globex"] {
		t.Errorf("TEN-16: of what is shared there are two: %v", all)
	}
	if readings["acme"] == readings["globex"] || h.reads.Load() != 2 {
		t.Errorf("TEN-06: a public answer is %v, of %d readings", readings, h.reads.Load())
	}
	if hashes["acme"] == "" || hashes["acme"] == hashes["globex"] {
		t.Errorf("LOG-16: the hashes of one text are %v", hashes)
	}
	h.apart()
}

// TEN-06: what an issuer says of opaque tokens is of each alone.
func TestTEN06_OpaqueTokens(t *testing.T) {
	t.Parallel()
	h := twoTenants(t)
	tokens := map[string]string{}
	for _, tenant := range []string{"acme", "globex"} {
		tokens[tenant] = h.idp.Opaque(claims{"tenant": tenant, "jti": "the-one"})
	}
	none := h.Client("of nobody", h.idp.Opaque(nil))
	none.Version = modern
	for range 2 {
		for tenant, token := range tokens {
			c := h.Client("alice", token)
			c.Version = modern
			r := c.Call("web__echo", fmt.Sprintf(`{"text":%q}`, h.canary[tenant]))
			h.told[tenant] = append(h.told[tenant], r.Body...)
			if got := h.Records(audit.Query{Exchange: r.Exchange}); !r.OK() || len(got) != 2 || got[0].Principal.Tenant != tenant {
				t.Errorf("of %s: %s, on record %+v", tenant, r, got)
			}
		}
		if r := none.Call("web__echo", `{}`); r.Status != http.StatusUnauthorized {
			t.Errorf("of no tenant: %s", r)
		}
	}
	h.apart()
}

// TEN-14: what people of a tenant asked for ends with it, whatever became of it; what others
// asked for stands, also where they have the same names.
func TestTEN14_ApprovalsEndWithATenant(t *testing.T) {
	t.Parallel()
	idp := gatetest.Provider(t)
	up := gatetest.Upstream(t, gatetest.Script{Eras: []string{"stateless"}, Tools: rawTools("echo")})
	g := gatetest.Gateway(t, fmt.Sprintf(`version: 1
data_dir: data
listen: {address: "127.0.0.1:0"}
identity: {api_keys: true, issuers: [{issuer: %q, claims: {tenant: tenant}, tenants: [acme, globex]}]}
roles:
  boss: {groups: [bosses]}
  reader: {scopes: [tools.read], allow: [{tools: ["*/**"], mode: approve, approvers: {roles: [boss], count: 1, expires: 1h}}]}
upstreams: {up: {url: "${up}"}}
`, idp.URL()), map[string]*gatetest.UP{"up": up})
	idp.For(g)
	g.Approve("")
	clients := map[string]*gatetest.Client{"": g.As("alice", "reader")}
	for _, tenant := range []string{"acme", "globex"} {
		clients[tenant] = g.Client("alice of "+tenant, idp.Token(claims{"sub": "alice", "tenant": tenant}))
	}
	for tenant, c := range clients {
		c.Version = modern
		if r := c.Call("up__echo", `{}`); up.Count("tools/call") != 0 {
			t.Fatalf("%q: %s", tenant, r)
		}
	}
	waiting := func() map[string]string {
		all, err := g.App.ListApprovals(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ids := map[string]string{}
		for _, one := range all {
			ids[one.Tenant] = one.ID
		}
		return ids
	}
	before := waiting()
	if len(before) != 3 {
		t.Fatalf("there wait %v", before)
	}
	rewrite(t, g, "tenants: [acme, globex]", "tenants: [acme]")
	if after := waiting(); len(after) != 2 || after["acme"] != before["acme"] || after[""] != before[""] {
		t.Errorf("there waited %v, and with globex taken out %v", before, after)
	}
	rewrite(t, g, "tenants: [acme]", "tenants: [acme, globex]")
	clients["globex"].Call("up__echo", `{}`)
	if after := waiting(); after["globex"] == "" || after["globex"] == before["globex"] || after["acme"] != before["acme"] {
		t.Errorf("there waited %v, and with globex back %v", before, after)
	}
}

// TEN-14, HTT-40: with a tenant that is taken out end its sessions, streams and processes,
// and who comes under the same names when it is there again finds none of them.
func TestTEN14_ATenantIsTakenOutAndComesBack(t *testing.T) {
	t.Parallel()
	h := twoTenants(t)
	type traces struct {
		stateful, stateless *gatetest.Client
		process, reading    string
		over                []<-chan heard
	}
	left := map[string]*traces{}
	for _, tenant := range []string{"acme", "globex"} {
		l := &traces{stateful: h.of("alice", tenant, "2025-11-25"), stateless: h.of("alice", tenant, modern)}
		h.call(l.stateless, tenant, "web__echo", fmt.Sprintf(`{"text":%q}`, h.canary[tenant]))
		l.process, l.reading = h.call(l.stateless, tenant, "own__pid", `{}`), h.read(l.stateless, tenant)
		l.over = []<-chan heard{watch(t, h.GW, l.stateful, "", ""), watch(t, h.GW, l.stateless, "1", `{"toolsListChanged":true}`)}
		left[tenant] = l
	}
	rewrite(t, h.GW, "tenants: [acme, globex]", "tenants: [acme]")
	for _, c := range []*gatetest.Client{left["globex"].stateful, left["globex"].stateless} {
		if r := c.Call("web__echo", `{}`); r.Status != http.StatusUnauthorized || r.Refusal != "identity.invalid" {
			t.Errorf("of a tenant that was taken out: %s", r)
		}
	}
	for i, events := range left["globex"].over {
		within(t, endsWithin, fmt.Sprintf("stream %d ends with its tenant", i), func() bool { return ends(events) })
	}
	rewrite(t, h.GW, "tenants: [acme]", "tenants: [globex, acme]")
	for tenant, same := range map[string]bool{"acme": true, "globex": false} {
		l := left[tenant]
		if r := l.stateful.Call("web__echo", `{}`); r.OK() != same || !same && r.Refusal != "session.unknown" {
			t.Errorf("the session of %s: %s", tenant, r)
		}
		if got := h.call(l.stateless, tenant, "own__pid", `{}`); got == l.process != same {
			t.Errorf("%s had %s and has %s", tenant, l.process, got)
		}
		if got := h.read(l.stateless, tenant); got == l.reading {
			t.Errorf("%s is given %s again", tenant, got)
		}
	}
	for _, events := range left["acme"].over {
		select {
		case e, more := <-events:
			if !more {
				t.Errorf("a stream of acme has ended: %+v", e)
			}
		default:
		}
	}
	h.apart()
}
