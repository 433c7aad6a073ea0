package app_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"doorward/internal/admin"
	"doorward/internal/audit"
	"doorward/internal/gatetest"
	"doorward/internal/store/storetest"
)

// contain suspends as the command line does, over the local socket, and returns the
// incident.
func contain(t *testing.T, g *gatetest.GW, what admin.IncidentSubject, long time.Duration) string {
	t.Helper()
	one, err := local(t, g).Contain(t.Context(), "", admin.ContainRequest{
		IncidentSubject: what, For: long, Reason: "a test",
	})
	if err != nil {
		t.Fatal(err)
	}
	return one.ID
}

func letGo(t *testing.T, g *gatetest.GW, id string) {
	t.Helper()
	if _, err := local(t, g).Release(t.Context(), "", admin.IncidentAct{Incident: id, Reason: "a test"}); err != nil {
		t.Fatal(err)
	}
}

func local(t *testing.T, g *gatetest.GW) *admin.Client {
	t.Helper()
	c, err := admin.Dial(t.Context(), filepath.Join(g.Dir, "data"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

const apart = `version: 1
data_dir: data
listen: {address: "127.0.0.1:0", trusted_proxies: [127.0.0.1/32]}
identity:
  api_keys: true
  issuers: [{issuer: %q, claims: {tenant: tenant}}]
upstreams: {two: {url: %q}, up: {url: %q}}
roles: {reader: {scopes: [tools.read], allow: [{tools: ["*/**"]}]}}
`

// Each kind of containment refuses its own and nobody else, with its code, and lets
// both pass again once it is released.
func TestWhatIsContainedIsRefused(t *testing.T) {
	t.Parallel()
	idp := gatetest.Provider(t)
	two := gatetest.Upstream(t, gatetest.Script{Tools: rawTools("echo")})
	up := gatetest.Upstream(t, gatetest.Script{Tools: rawTools("echo", "get_weather")})
	g := gatetest.Gateway(t, fmt.Sprintf(apart, idp.URL(), two.URL(), up.URL()), map[string]*gatetest.UP{"up": up})
	idp.For(g)
	g.Approve("")
	h := &house{GW: g, t: t, up: up, bob: g.As("bob", "reader").Open(modern)}
	carol := h.Client("carol", idp.Token(claims{"sub": "carol", "tenant": "t1", "aud": h.URL()})).Open(modern)
	dave := h.Client("dave", idp.Token(claims{"sub": "dave", "tenant": "t2", "aud": h.URL()})).Open("2025-11-25")
	namesake := h.Client("carol of t2", idp.Token(claims{"sub": "carol", "tenant": "t2", "aud": h.URL()})).Open(modern)
	bobs, err := h.App.ListKeys(t.Context())
	if err != nil || len(bobs) != 1 {
		t.Fatalf("%v, %v", bobs, err)
	}
	sum := sha256.Sum256([]byte(dave.Session))
	type call struct {
		who  *gatetest.Client
		tool string
		from string
	}
	echo := func(c *gatetest.Client) call { return call{who: c, tool: "up__echo"} }
	for _, tc := range []struct {
		kind, realm, tenant, value string
		refused, spared            []call
		code                       string
		status                     int
	}{
		{"session", "", "", hex.EncodeToString(sum[:16]), []call{echo(dave)}, []call{echo(carol)}, "contained.session", 403},
		{"principal", idp.URL(), "t1", "carol", []call{echo(carol)}, []call{echo(namesake), echo(dave)}, "contained.principal", 403},
		{"principal", idp.URL(), "", "carol", []call{echo(carol), echo(namesake)}, []call{echo(dave)}, "contained.principal", 403},
		{"principal", "api_key", "", "bob", []call{echo(h.bob)}, []call{echo(dave), echo(carol)}, "contained.principal", 403},
		{"key", "", "", "bob", []call{echo(h.bob)}, []call{echo(carol)}, "contained.key", 403},
		{"key", "", "", bobs[0].ID, []call{echo(h.bob)}, []call{echo(carol)}, "contained.key", 403},
		{"tenant", "", "", "t1", []call{echo(carol)}, []call{echo(dave), echo(h.bob)}, "contained.tenant", 403},
		{"address", "", "", "192.0.2.0/24", []call{{who: carol, tool: "up__echo", from: "192.0.2.9"}}, []call{{who: carol, tool: "up__echo", from: "192.0.3.9"}, echo(carol)}, "contained.address", 403},
		{"upstream", "", "", "up", []call{echo(carol), echo(h.bob), echo(dave)}, []call{{who: carol, tool: "two__echo"}}, "contained.upstream", 200},
		{"tool", "up", "", "echo", []call{echo(carol), echo(h.bob)}, []call{{who: carol, tool: "up__get_weather"}, {who: carol, tool: "two__echo"}}, "contained.tool", 200},
		{"everything", "", "", "", []call{echo(carol), echo(h.bob), echo(dave)}, nil, "contained.everything", 503},
	} {
		t.Run(tc.kind+" "+tc.code, func(t *testing.T) {
			do := func(c call) *gatetest.Reply {
				var header []string
				if c.from != "" {
					header = []string{"X-Forwarded-For", c.from}
				}
				return c.who.Call(c.tool, `{}`, header...)
			}
			id := contain(t, h.GW, admin.IncidentSubject{Kind: tc.kind, Realm: tc.realm, Tenant: tc.tenant, Value: tc.value}, 0)
			before := h.up.Count("tools/call")
			for _, c := range tc.refused {
				if r := do(c); r.Refusal != tc.code || r.Status != tc.status {
					t.Errorf("%s calls %s: %s", c.who.Name, c.tool, r)
				}
			}
			if n := h.up.Count("tools/call"); n != before {
				t.Errorf("%d calls reached the upstream", n-before)
			}
			for _, c := range tc.spared {
				if r := do(c); !r.OK() {
					t.Errorf("%s was to be spared: %s", c.who.Name, r)
				}
			}
			of, err := h.App.IncidentRecords(t.Context(), "uid:7", admin.IncidentQuery{Incident: id})
			if err != nil || len(of.Logs) != 1 {
				t.Fatalf("%+v, %v", of, err)
			}
			n := 0
			for _, r := range h.Records(audit.Query{Code: tc.code, Since: of.Until.Add(-time.Hour)}) {
				if slices.Contains(of.Logs[0].Calls, r.Seq) {
					n++
				}
			}
			// Such a refusal does not say of which session it is.
			if n < len(tc.refused) && tc.kind != "session" {
				t.Errorf("%d of %d refused calls are among the incident's records", n, len(tc.refused))
			}
			letGo(t, h.GW, id)
			for _, c := range tc.refused {
				if c.who.Session != "" { // it was ended
					c.who.Open("2025-11-25")
				}
				if r := do(c); !r.OK() {
					t.Errorf("%s after the release: %s", c.who.Name, r)
				}
			}
		})
	}
	if n := len(h.Records(audit.Query{Event: "incident.contain"})); n != 11 {
		t.Errorf("%d containments are on record", n)
	}
}

// What is suspended is offered to nobody: lists are made without it.
func TestContainedIsNotListed(t *testing.T) {
	t.Parallel()
	h := newHouse(t, modern)
	id := contain(t, h.GW, admin.IncidentSubject{Kind: "tool", Realm: "up", Value: "echo"}, 0)
	if got := string(h.alice.Post(h.alice.Request("7", "tools/list", "")).Final()); strings.Contains(got, "up__echo") || !strings.Contains(got, "up__get_weather") {
		t.Errorf("the list is %s", got)
	}
	letGo(t, h.GW, id)
	contain(t, h.GW, admin.IncidentSubject{Kind: "upstream", Value: "up"}, 0)
	before := h.up.Count("tools/list")
	if got := string(h.alice.Post(h.alice.Request("8", "tools/list", "")).Final()); strings.Contains(got, "up__") || h.up.Count("tools/list") != before {
		t.Errorf("the list is %s", got)
	}
}

// Streams and sessions of whoever is suspended end, and nobody else's; a restart
// changes nothing about it, and it ends by itself.
func TestContainmentEndsStreams(t *testing.T) {
	t.Parallel()
	h := welcome(t, gatetest.Provider(t), site{listen: ", legacy_sse: true, websocket: true"})
	mine, others := h.streams("mallory", h.idp.Token(claims{"sub": mallory})), h.streams("bob again", h.Key("bob-again", "reader"))
	contain(t, h.GW, admin.IncidentSubject{Kind: "principal", Realm: h.idp.URL(), Value: mallory}, 0)
	h.end(mine, endsWithin)
	h.goOn(others)
	all := contain(t, h.GW, admin.IncidentSubject{Kind: "everything"}, 0)
	h.end(others, endsWithin)
	letGo(t, h.GW, all)
	contain(t, h.GW, admin.IncidentSubject{Kind: "everything"}, time.Second)
	eventually(t, "it ends by itself", func() bool { return h.bob.Call("up__echo", `{}`).OK() })
}

// A call that runs is cancelled when what it is about is suspended, and its client is
// told why.
func TestContainmentCancelsCalls(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ kind, realm, value, code string }{
		{"upstream", "", "up", "contained.upstream"},
		{"principal", "api_key", "alice", "contained.principal"},
	} {
		t.Run(tc.kind, func(t *testing.T) {
			t.Parallel()
			h := open(t, modern, gatetest.Script{Tools: rawTools("echo", "slow")})
			started, finish := h.up.Hold("slow")
			defer finish()
			done := make(chan *gatetest.Reply, 1)
			go func() { done <- h.alice.Call("up__slow", `{}`) }()
			<-started
			contain(t, h.GW, admin.IncidentSubject{Kind: tc.kind, Realm: tc.realm, Value: tc.value}, 0)
			select {
			case r := <-done:
				if r.Refusal != tc.code {
					t.Errorf("it ended with %s", r)
				}
			case <-time.After(limit):
				t.Fatal("it still runs")
			}
			if got := h.Records(audit.Query{Code: tc.code}); len(got) != 1 || got[0].Status != "failed" {
				t.Errorf("on record is %+v", got)
			}
		})
	}
}

// P14: what one replica suspends the other refuses within five seconds, and ends its
// streams; and a replica that cannot see the list refuses everything.
func TestP14_ContainedOnEveryReplica(t *testing.T) {
	t.Parallel()
	redis := storetest.Redis(t)
	secret := filepath.Join(t.TempDir(), "redis-url")
	if err := os.WriteFile(secret, []byte(redis.URL()), 0o600); err != nil {
		t.Fatal(err)
	}
	up := gatetest.Upstream(t, gatetest.Script{Tools: rawTools("echo")})
	yaml := strings.ReplaceAll(houseRoles, "${up}", up.URL()) + "secrets: {redis: {from: \"file:" + secret + "\"}}\nstate: {redis: redis}\n"
	one := gatetest.Gateway(t, yaml, nil)
	mallorys, carols := one.Key(mallory, "reader"), one.Key("carol", "reader")
	two := gatetest.Replica(t, one, yaml, nil)
	for _, g := range []*gatetest.GW{one, two} {
		g.Hide(mallorys, carols)
		g.Approve("")
	}
	suspect, carol := two.Client(mallory, mallorys).Open(modern), two.Client("carol", carols).Open(modern)
	events := watch(t, two, suspect, "1", `{"toolsListChanged":true}`)
	for _, c := range []*gatetest.Client{suspect, carol} {
		if r := c.Call("up__echo", `{}`); !r.OK() {
			t.Fatal(r)
		}
	}
	began := time.Now()
	id := contain(t, one, admin.IncidentSubject{Kind: "principal", Realm: "api_key", Value: mallory}, 0)
	within(t, 5*time.Second, "the other replica refuses", func() bool {
		return suspect.Call("up__echo", `{}`).Refusal == "contained.principal"
	})
	t.Logf("refused on the other replica after %v", time.Since(began).Round(time.Millisecond))
	within(t, endsWithin, "its stream on the other replica ends", func() bool { return ends(events) })
	t.Logf("its stream ended after %v", time.Since(began).Round(time.Millisecond))
	if r := carol.Call("up__echo", `{}`); !r.OK() {
		t.Errorf("somebody else: %s", r)
	}
	letGo(t, two, id)
	within(t, 5*time.Second, "released on both", func() bool {
		return suspect.Call("up__echo", `{}`).OK() && one.Client("again", mallorys).Open(modern).Call("up__echo", `{}`).OK()
	})
	redis.Stop()
	within(t, 7*time.Second, "without its list a replica refuses", func() bool {
		r := carol.Call("up__echo", `{}`)
		return r.Status == http.StatusServiceUnavailable && (r.Refusal == "contained.unavailable" || r.Refusal == "identity.unavailable")
	})
	redis.Start()
	eventually(t, "it serves again", func() bool { return carol.Call("up__echo", `{}`).OK() })
}

// A restart keeps what is suspended.
func TestARestartKeepsContainments(t *testing.T) {
	t.Parallel()
	up := gatetest.Upstream(t, gatetest.Script{Tools: rawTools("echo")})
	yaml := strings.ReplaceAll(houseRoles, "${up}", up.URL())
	g := gatetest.Gateway(t, yaml, nil)
	key := g.Key("bob", "reader")
	g.Approve("")
	id := contain(t, g, admin.IncidentSubject{Kind: "key", Value: "bob"}, 0)
	g = gatetest.Again(t, g, yaml, nil)
	g.Hide(key)
	if r := g.Client("bob", key).Open(modern).Call("up__echo", `{}`); r.Refusal != "contained.key" {
		t.Errorf("after a restart: %s", r)
	}
	if one, err := local(t, g).ShowIncident(t.Context(), id); err != nil || one.State != "contained" {
		t.Errorf("%+v, %v", one, err)
	}
	letGo(t, g, id)
	if r := g.Client("bob", key).Open(modern).Call("up__echo", `{}`); !r.OK() {
		t.Errorf("released: %s", r)
	}
}

// RFC 8705: a token that a certificate goes with is as good as the certificate. Whoever
// the certificate names is suspended behind the token, too: the call that runs ends, and
// the next does not begin.
func TestContainmentOfACertificateBehindItsToken(t *testing.T) {
	t.Parallel()
	s := site{method: "  mtls: {subject: san_uri}\n"}
	secured := secure(t, &s)
	h := welcome(t, gatetest.Provider(t), s).enter(modern)
	const name = "spiffe://test/alice"
	cfg, leaf := secured.shows(name)
	sum := sha256.Sum256(leaf.Certificate[0])
	holder := h.Client("holder", h.idp.Token(claims{"cnf": claims{"x5t#S256": gatetest.Base64(sum[:])}})).Over(cfg)
	holder.Version = modern
	started, finish := h.up.Hold("echo")
	defer finish()
	done := make(chan *gatetest.Reply, 1)
	go func() { done <- holder.Call("up__echo", `{}`) }()
	<-started
	contain(t, h.GW, admin.IncidentSubject{Kind: "principal", Realm: "mtls", Value: name}, 0)
	select {
	case r := <-done:
		if r.Refusal != "contained.principal" {
			t.Errorf("it ended with %s", r)
		}
	case <-time.After(limit):
		t.Fatal("it still runs")
	}
	finish()
	if r := holder.Call("up__echo", `{}`); r.Refusal != "contained.principal" {
		t.Errorf("the next: %s", r)
	}
	if r := h.bob.Call("up__echo", `{}`); !r.OK() {
		t.Errorf("somebody else: %s", r)
	}
}
