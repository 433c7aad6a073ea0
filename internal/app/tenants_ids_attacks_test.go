package app_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
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
limits: {per_address: off, per_principal: off}
upstreams:
  up: {url: "${up}"}
  theirs: {url: "${theirs}", tenants: [globex]}
  web: {url: %q}
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

// TEN-02, TEN-05, TEN-09: at a gateway of two tenants nobody finds what is the other's by its name,
// or by an id of theirs; and an upstream that mixes them up gives nobody what is another's.
func TestTEN02_TEN05_TEN09_IdsOfAnotherTenant(t *testing.T) {
	t.Parallel()
	idp := gatetest.Provider(t)
	up := gatetest.Upstream(t, gatetest.Script{
		Eras: []string{"stateless", "stateful"}, Tools: rawTools("echo", "row"),
		Answers: map[string]json.RawMessage{"row": []byte(`{"resultType":"complete","content":[{"type":"text","text":"a row of ` + canaryOfGlobex + `"}]}`)},
	})
	theirs := gatetest.Upstream(t, gatetest.Script{Eras: []string{"stateless", "stateful"}, Tools: rawTools("echo")})
	web := saysAgain(t)
	g := gatetest.Gateway(t, fmt.Sprintf(tenantsYAML, idp.URL(), web.URL()), map[string]*gatetest.UP{"up": up, "theirs": theirs})
	idp.For(g)
	g.Approve("")
	t.Run("names", func(t *testing.T) { namesOfAnother(t, g, idp, theirs) })
	t.Run("sessions", func(t *testing.T) { sessionsOfAnother(t, g, idp) })
	t.Run("answers", func(t *testing.T) { answersOfAnother(t, g, idp) })
	t.Run("mix", func(t *testing.T) { mixOfTenants(t, g, idp) })
	t.Run("records", func(t *testing.T) { recordsOfAnother(t, g) })
}

// saysAgain is an upstream that answers with what it was asked, for a while and for all of a
// tenant; where it is asked for an error, with one that says the same.
func saysAgain(t *testing.T) *answerer {
	t.Helper()
	web := answering(t, gatetest.Script{Eras: []string{"stateless"}, Tools: rawTools("echo", "fail")})
	web.on("tools/call", func(params []byte) string {
		text, err := json.Marshal(string(params))
		if err != nil {
			panic(err)
		}
		return fmt.Sprintf(`{"resultType":"complete","isError":%t,"ttlMs":300000,"cacheScope":"public","content":[{"type":"text","text":%s}]}`,
			strings.Contains(string(params), `"fail"`), text)
	})
	return web
}

// mixOfTenants is TEN-05: clients of two tenants and of none call in any order, well and
// badly and the same twice, while the configuration is read again. Each is told its own
// text, and nobody's else. DOORWARD_TENANT_CALLS is how many calls each client makes.
func mixOfTenants(t *testing.T, g *gatetest.GW, idp *gatetest.IDP) {
	calls := 12
	if text := os.Getenv("DOORWARD_TENANT_CALLS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			t.Fatalf("DOORWARD_TENANT_CALLS = %q", text)
		}
		calls = n
	}
	nobody := ofTenant(g, idp, "", "")
	var all sync.WaitGroup
	for _, tenant := range []string{"acme", "globex", ""} {
		for n := range 3 {
			c := nobody
			if tenant != "" {
				c = g.Client(fmt.Sprint(tenant, n), idp.Token(claims{"sub": fmt.Sprint("user", n), "tenant": tenant}))
				c.Version = modern
			}
			all.Go(func() {
				random := rand.New(rand.NewPCG(uint64(n), uint64(len(tenant))))
				for range calls {
					own := fmt.Sprintf("soak-of-%s-%d", cmp.Or(tenant, "nobody"), random.IntN(4))
					tool := []string{"web__echo", "web__echo", "web__fail", "web__none"}[random.IntN(4)]
					r := c.Call(tool, fmt.Sprintf(`{"text":%q}`, own))
					body := string(r.Body)
					if strings.Count(body, "soak-of-") != strings.Count(body, own) || tool != "web__none" && !strings.Contains(body, own) {
						t.Errorf("TEN-05: %q asks %s for %s: %s", tenant, tool, own, r)
					}
				}
			})
		}
	}
	if err := g.App.Reload(t.Context(), "test"); err != nil {
		t.Error(err)
	}
	all.Wait()
}

// recordsOfAnother is TEN-12: what is chosen of the record by a tenant is that tenant's.
func recordsOfAnother(t *testing.T, g *gatetest.GW) {
	all := g.Records(audit.Query{})
	last := all[len(all)-1].Seq // an alert comes on record when nobody waits for it
	for _, tenant := range []string{"acme", "globex", "Acme", "acme,globex", "*", "acme\" or \"1"} {
		want := 0
		for i := range all {
			if all[i].Principal.Tenant == tenant {
				want++
			}
		}
		got := slices.DeleteFunc(g.Records(audit.Query{Tenant: tenant}), func(r audit.Record) bool { return r.Seq > last })
		for i := range got {
			if got[i].Principal.Tenant != tenant {
				t.Errorf("TEN-12: of %q there is %s", tenant, got[i].AppendJSON(nil))
			}
		}
		if len(got) != want || (want > 0) != (tenant == "acme" || tenant == "globex") {
			t.Errorf("TEN-12: of %q there are %d records, want %d", tenant, len(got), want)
		}
	}
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
	within(t, 10*time.Second, "TEN-09: somebody is told", func() bool { return len(g.Records(audit.Query{Event: "alert.raised", Upstream: "up"})) > 0 })
}
