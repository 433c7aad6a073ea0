package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"doorward/internal/audit"
	"doorward/internal/gatetest"
)

const canaryOfGlobex = "canary-of-globex-7f3kq2"

const tenantsYAML = `version: 1
data_dir: data
listen: {address: "127.0.0.1:0"}
identity:
  api_keys: true
  issuers: [{issuer: %q, claims: {tenant: tenant}, tenants: [acme, globex]}]
roles: {reader: {scopes: [tools.read], allow: [{tools: ["*/**"], resources: ["**"], prompts: ["*/**"]}]}}
trust: {markers: {acme: [canary-of-acme-7f3kq2], globex: [canary-of-globex-7f3kq2]}}
monitor: {rules: {unusual_tools: false}}
upstreams:
  up: {url: "${up}"}
  theirs: {url: "${theirs}", tenants: [globex]}
profiles: {theirs: {upstreams: [theirs]}, both: {upstreams: [theirs, up]}}
`

// ofTenant is somebody of a tenant, at a profile; empty: of none.
func ofTenant(g *gatetest.GW, idp *gatetest.IDP, tenant, profile string) *gatetest.Client {
	c := g.As("somebody", "reader")
	if tenant != "" {
		own := claims{"sub": "alice", "tenant": tenant}
		if profile != "" {
			own["aud"] = g.URL() + "/" + profile
		}
		c = g.Client("alice of "+tenant, idp.Token(own))
	}
	c.Path, c.Version = profile, modern
	return c
}

// TEN-02, TEN-09: at a gateway of two tenants nobody finds what is the other's by its name,
// or by an id of theirs; and an upstream that mixes them up gives nobody what is another's.
func TestTEN02_IdsOfAnotherTenant(t *testing.T) {
	t.Parallel()
	idp := gatetest.Provider(t)
	up := gatetest.Upstream(t, gatetest.Script{
		Eras: []string{"stateless", "stateful"}, Tools: rawTools("echo", "row"),
		Answers: map[string]json.RawMessage{"row": []byte(`{"resultType":"complete","content":[{"type":"text","text":"a row of ` + canaryOfGlobex + `"}]}`)},
	})
	theirs := gatetest.Upstream(t, gatetest.Script{Eras: []string{"stateless", "stateful"}, Tools: rawTools("echo")})
	g := gatetest.Gateway(t, fmt.Sprintf(tenantsYAML, idp.URL()), map[string]*gatetest.UP{"up": up, "theirs": theirs})
	idp.For(g)
	g.Approve("")
	t.Run("names", func(t *testing.T) { namesOfAnother(t, g, idp, theirs) })
	t.Run("sessions", func(t *testing.T) { sessionsOfAnother(t, g, idp) })
	t.Run("answers", func(t *testing.T) { answersOfAnother(t, g, idp) })
}

func namesOfAnother(t *testing.T, g *gatetest.GW, idp *gatetest.IDP, theirs *gatetest.UP) {
	if r := ofTenant(g, idp, "globex", "").Call("theirs__echo", `{}`); !r.OK() {
		t.Fatalf("whose it is: %s", r)
	}
	if r := ofTenant(g, idp, "globex", "theirs").Call("theirs__echo", `{}`); !r.OK() {
		t.Fatalf("whose it is, at its profile: %s", r)
	}
	before := theirs.Posts()
	for _, tenant := range []string{"acme", ""} {
		c := ofTenant(g, idp, tenant, "")
		list := c.Post(c.Request("1", "tools/list", ""))
		if !list.OK() || strings.Contains(string(list.Body), "theirs") || !strings.Contains(string(list.Body), "up__echo") {
			t.Errorf("%q is shown %s", tenant, list)
		}
		for name, like := range map[string]string{"theirs__echo": "nobodys__echo", "theirs__none": "nobodys__none"} {
			got, want := c.Call(name, `{}`), c.Call(like, `{}`)
			if got.OK() || got.Status != want.Status || got.Refusal != want.Refusal || strings.ReplaceAll(string(got.Final()), name, like) != strings.ReplaceAll(string(want.Final()), want.Exchange, got.Exchange) {
				t.Errorf("%q calls %s: %s; and %s: %s", tenant, name, got, like, want)
			}
		}
		for _, version := range eras {
			theirs, none := ofTenant(g, idp, tenant, "theirs"), ofTenant(g, idp, tenant, "none")
			theirs.Version, none.Version = version, version
			got, want := theirs.Post(theirs.Request("1", "tools/list", "")), none.Post(none.Request("1", "tools/list", ""))
			if version < modern {
				got, want = theirs.TryOpen(version), none.TryOpen(version)
			}
			if got.OK() || got.Status != http.StatusNotFound || got.Status != want.Status || got.Refusal != want.Refusal {
				t.Errorf("%q at /mcp/theirs, %s: %s; at /mcp/none: %s", tenant, version, got, want)
			}
		}
	}
	if theirs.Posts() != before {
		t.Error("the upstream was asked something for another tenant")
	}
}

// sessionsOfAnother brings ids of sessions, and of events, of the other tenant.
func sessionsOfAnother(t *testing.T, g *gatetest.GW, idp *gatetest.IDP) {
	open := func(tenant string) *gatetest.Client {
		c := ofTenant(g, idp, tenant, "")
		return c.Open("2025-11-25")
	}
	acme, globex, none := open("acme"), open("globex"), open("")
	for _, thief := range []*gatetest.Client{acme, none} {
		own := thief.Session
		thief.Session = globex.Session
		for _, method := range []string{http.MethodPost, http.MethodGet, http.MethodDelete} {
			for _, last := range []string{"", "1", globex.Session + "-1"} {
				var body []byte
				if method == http.MethodPost {
					body = thief.Request("9", "tools/call", `"name":"theirs__echo","arguments":{}`)
				}
				header := []string{"Accept", "application/json, text/event-stream"}
				if last != "" {
					header = append(header, "Last-Event-ID", last)
				}
				if r := thief.Send(method, body, header...); r.Status != http.StatusNotFound || r.Refusal != "session.unknown" {
					t.Errorf("%s, %s with the session of globex, after %q: %s", thief.Name, method, last, r)
				}
			}
		}
		thief.Session = own
		if r := thief.Call("up__echo", `{}`); !r.OK() {
			t.Errorf("%s in their own session: %s", thief.Name, r)
		}
	}
	if r := globex.Call("theirs__echo", `{}`); !r.OK() {
		t.Errorf("the session of globex: %s", r)
	}
}

// answersOfAnother has an upstream answer with what is the other tenant's.
func answersOfAnother(t *testing.T, g *gatetest.GW, idp *gatetest.IDP) {
	refused := map[string]bool{}
	for tenant, passes := range map[string]bool{"globex": true, "acme": false, "": false} {
		r := ofTenant(g, idp, tenant, "").Call("up__row", `{}`)
		if r.OK() != passes || strings.Contains(string(r.Body), canaryOfGlobex) != passes || !passes && r.Refusal != "result.refused" {
			t.Errorf("TEN-09: to %q: %s", tenant, r)
		}
		if !passes {
			refused[r.Exchange] = true
		}
	}
	for _, r := range g.Records(audit.Query{Event: "tenant.crossed"}) {
		if !refused[r.Exchange] || r.Upstream != "up" || r.Principal.Tenant != "" || !strings.Contains(r.Detail, "globex") || strings.Contains(r.Detail, canaryOfGlobex) {
			t.Errorf("TEN-09: on record is %s", r.AppendJSON(nil))
		}
		delete(refused, r.Exchange)
	}
	if len(refused) > 0 {
		t.Errorf("TEN-09: not on record are %v", refused)
	}
	limit := time.After(10 * time.Second)
	for len(g.Records(audit.Query{Event: "alert.raised", Upstream: "up"})) == 0 {
		select {
		case <-limit:
			t.Fatal("TEN-09: nobody is told")
		case <-time.After(20 * time.Millisecond):
		}
	}
}
