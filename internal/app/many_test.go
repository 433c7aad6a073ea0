package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"doorward/internal/audit"
	"doorward/internal/gatetest"
)

// numberedTools are n tools named tool_0000 and so on.
func numberedTools(n int) []json.RawMessage {
	names := make([]string, 0, n)
	for i := range n {
		names = append(names, fmt.Sprintf("tool_%04d", i))
	}
	return rawTools(names...)
}

// upstreams is a configuration of the upstreams u0, u1 and so on.
func upstreams(ups map[string]*gatetest.UP) string {
	b := "upstreams:\n"
	for i := range len(ups) {
		b += fmt.Sprintf("  u%d: {url: \"${u%d}\"}\n", i, i)
	}
	return b
}

// A thousand tools of ten upstreams are one list of one page, in a stable order,
// and each can be called.
func TestThousandToolsOfTenUpstreams(t *testing.T) {
	t.Parallel()
	ups := map[string]*gatetest.UP{}
	for i := range 10 {
		ups[fmt.Sprintf("u%d", i)] = gatetest.Upstream(t, gatetest.Script{Tools: numberedTools(100)})
	}
	gw := gatetest.Gateway(t, upstreams(ups), ups)
	gw.Approve("")
	var want []string
	for i := range 10 {
		for j := range 100 {
			want = append(want, fmt.Sprintf("u%d__tool_%04d", i, j))
		}
	}
	for _, version := range eras {
		c := gw.As("alice").Open(version)
		for range 2 {
			got, _ := list(t, c, "tools/list", "")
			names := make([]string, 0, len(got.Tools))
			for _, tool := range got.Tools {
				names = append(names, tool.Name)
			}
			if !slices.Equal(names, want) || got.NextCursor != "" || got.Meta.Unavailable != nil {
				t.Fatalf("%s: %d tools, cursor %q, without %v; want 1,000 in order", version, len(names), got.NextCursor, got.Meta.Unavailable)
			}
		}
		for i := range 10 {
			if r := c.Call(fmt.Sprintf("u%d__tool_%04d", i, 10*i), `{}`); !r.OK() {
				t.Errorf("%s: calling a tool of u%d: %s", version, i, r)
			}
		}
	}
	for name, up := range ups {
		if n := up.Count("tools/call"); n != len(eras) {
			t.Errorf("%s was called %d times, want %d", name, n, len(eras))
		}
	}
}

// The official client reads a list of several pages to its end.
func TestSDKFollowsPages(t *testing.T) {
	t.Parallel()
	ups := map[string]*gatetest.UP{}
	for i := range 3 {
		s := gatetest.Script{Tools: numberedTools(700)}
		for j := range 400 {
			s.Resources = append(s.Resources, fmt.Appendf(nil, `{"uri":"notes://u%d/%d","name":"n"}`, i, j))
		}
		ups[fmt.Sprintf("u%d", i)] = gatetest.Upstream(t, s)
	}
	gw := gatetest.Gateway(t, upstreams(ups), ups)
	gw.Approve("")
	session := gw.SDKClient(gw.Key("alice"), nil)
	tools, resources := map[string]bool{}, map[string]bool{}
	for tool, err := range session.Tools(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		tools[tool.Name] = true
	}
	for r, err := range session.Resources(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		resources[r.URI] = true
		if want, _, _ := strings.Cut(strings.TrimPrefix(r.URI, "notes://"), "/"); r.Meta["doorward/upstream"] != want {
			t.Fatalf("%s is said to be of %v", r.URI, r.Meta)
		}
	}
	if len(tools) != 2100 || len(resources) != 1200 {
		t.Errorf("%d tools and %d resources, want 2100 and 1200", len(tools), len(resources))
	}
	pages := map[string]int{}
	for _, r := range gw.Records(audit.Query{Kind: audit.KindOutcome}) {
		pages[r.Method]++
	}
	if pages["tools/list"] != 3 || pages["resources/list"] != 2 {
		t.Errorf("pages: %v", pages)
	}
}

// A cursor is good for whom it was given, for that list at that URL; any other
// is refused and nobody is told why.
func TestCursorsOfOthers(t *testing.T) {
	t.Parallel()
	up := gatetest.Upstream(t, gatetest.Script{Tools: numberedTools(1001), Prompts: []json.RawMessage{[]byte(`{"name":"p"}`)}})
	gw := gatetest.Gateway(t, "upstreams: {u0: {url: \"${u0}\"}}\nprofiles: {one: {upstreams: [u0]}}\n", map[string]*gatetest.UP{"u0": up})
	gw.Approve("")
	for _, version := range eras {
		alice, bob := gw.As("alice").Open(version), gw.As("bob").Open(version)
		first, _ := list(t, alice, "tools/list", "")
		cursor := `"cursor":"` + first.NextCursor + `"`
		if len(first.Tools) != 1000 || first.NextCursor == "" {
			t.Fatalf("%s: %d tools, cursor %q", version, len(first.Tools), first.NextCursor)
		}
		if second, _ := list(t, alice, "tools/list", cursor); len(second.Tools) != 1 || second.NextCursor != "" {
			t.Errorf("%s: the second page has %d tools and cursor %q", version, len(second.Tools), second.NextCursor)
		}
		var texts []string
		for name, ask := range map[string]func() *gatetest.Reply{
			"of another principal": func() *gatetest.Reply { return bob.Post(bob.Request("1", "tools/list", cursor)) },
			"of another list":      func() *gatetest.Reply { return alice.Post(alice.Request("1", "prompts/list", cursor)) },
			"made up":              func() *gatetest.Reply { return alice.Post(alice.Request("1", "tools/list", `"cursor":"1000"`)) },
			"no text":              func() *gatetest.Reply { return alice.Post(alice.Request("1", "tools/list", `"cursor":{}`)) },
			"where there are no pages": func() *gatetest.Reply {
				return alice.Post(alice.Request("1", "resources/list", `"cursor":"2"`))
			},
			"at another URL": func() *gatetest.Reply {
				c := gw.Client("alice at one", alice.Key)
				c.Path = "one"
				c.Open(version)
				return c.Post(c.Request("1", "tools/list", cursor))
			},
		} {
			r := ask()
			if r.Code != -32602 || r.Refusal != "params.invalid" || strings.Contains(string(r.Body), "tool_") {
				t.Errorf("%s, %s: %s", version, name, r)
			}
			var m struct{ Error struct{ Message string } }
			if err := json.Unmarshal(r.Final(), &m); err != nil {
				t.Fatal(err)
			}
			texts = append(texts, m.Error.Message)
		}
		if slices.Sort(texts); len(slices.Compact(texts)) != 1 {
			t.Errorf("%s: refusals tell each other apart: %q", version, texts)
		}
	}
}

// RES-06: a list without end, or beyond all bounds, costs the others nothing,
// and the client and the record say whose is missing.
func TestRES06_HostileLists(t *testing.T) {
	t.Parallel()
	tools := func(from, n int) string {
		b := make([]string, 0, n)
		for i := range n {
			b = append(b, fmt.Sprintf(`{"name":"t%06d","inputSchema":{"type":"object"}}`, from+i))
		}
		return `{"resultType":"complete","ttlMs":300000,"cacheScope":"private","tools":[` + strings.Join(b, ",") + `]`
	}
	long, many := strings.Repeat("x", 24<<20), tools(0, 100_000)+"}"
	for name, answer := range map[string]func(params []byte) string{
		"a hundred thousand tools": func([]byte) string { return many },
		"a hundred pages of a thousand": func(params []byte) string {
			var p struct{ Cursor string }
			_ = json.Unmarshal(params, &p)    // the gateway's own request
			page, _ := strconv.Atoi(p.Cursor) // the first has none
			return tools(1000*page, 1000) + fmt.Sprintf(`,"nextCursor":"%d"}`, page+1)
		},
		"the same cursor without end":  func([]byte) string { return tools(0, 1) + `,"nextCursor":"again"}` },
		"more than a message may hold": func([]byte) string { return tools(0, 1) + `,"x":"` + long + `"}` },
		"a definition of ten megabytes, many times": func([]byte) string {
			return `{"tools":[{"name":"big","inputSchema":{"type":"object"},"description":"` + long[:9<<20] + `"}],"nextCursor":"more"}`
		},
	} {
		t.Run(name, func(t *testing.T) {
			hostile, honest := answering(t, gatetest.Script{Tools: rawTools("one")}), gatetest.Upstream(t, gatetest.Script{Tools: rawTools("echo")})
			gw := gatetest.Gateway(t, `version: 1
data_dir: data
listen: {address: "127.0.0.1:0", stop: {grace: 2m}} # what is being read is read to its end, however long that takes
upstreams: {hostile: {url: "`+hostile.URL()+`"}, honest: {url: "${honest}"}}
`, map[string]*gatetest.UP{"honest": honest})
			gw.Approve("")
			hostile.on("tools/list", answer)
			var missing []string // what is too large for a message is not there at all; the rest is cut short
			if name == "more than a message may hold" {
				missing = []string{"hostile"}
			}
			for _, version := range eras {
				c, watch := gw.As("alice "+version).Open(version), gatetest.Start(t)
				got, r := list(t, c, "tools/list", "")
				took := watch.Stop()
				// One that takes too long to read is left out, too, and how long that is says as much
				// about the machine.
				without := got.Meta.Unavailable
				if len(got.Tools) != 1 || got.Tools[0].Name != "honest__echo" || !slices.Equal(without, missing) && !slices.Equal(without, []string{"hostile"}) {
					t.Errorf("%s: %d tools, without %v", version, len(got.Tools), without)
				}
				if took > patient {
					t.Errorf("%s: the list took %s", version, took)
				}
				for _, rec := range gw.Records(audit.Query{Exchange: r.Exchange}) {
					if !slices.Equal(rec.Unavailable, without) {
						t.Errorf("%s: the %s is without %v, and the answer without %v", version, rec.Kind, rec.Unavailable, without)
					}
				}
				if r := c.Call("honest__echo", `{}`); !r.OK() {
					t.Errorf("%s: G7: %s", version, r)
				}
			}
			told := func() bool {
				return slices.ContainsFunc(gw.Records(audit.Query{}), func(rec audit.Record) bool {
					return rec.Event == "catalogue.truncated" && rec.Upstream == "hostile"
				})
			}
			if missing == nil {
				c := gw.As("bob").Open(eras[0])
				eventually(t, "it is on record that the list was cut short", func() bool { // one that took too long to read was not
					if !told() {
						list(t, c, "tools/list", "")
					}
					return told()
				})
			} else if told() {
				t.Error("it is on record that a list was cut short which nothing was read of")
			}
		})
	}
}

// patient is the five seconds in which a list must be answered, and what a busy
// machine and the race detector add.
const patient = 12 * time.Second

// L5: an upstream that is away, or hangs, leaves the rest; the list says so, and
// names nobody that the principal may not reach.
func TestL5_OneOfThreeIsAway(t *testing.T) {
	t.Parallel()
	for _, version := range eras {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			ups := map[string]*gatetest.UP{}
			for _, name := range []string{"well", "slow"} {
				ups[name] = gatetest.Upstream(t, gatetest.Script{Tools: rawTools("echo")})
			}
			away := answering(t, gatetest.Script{Tools: rawTools("echo")})
			gw := gatetest.Gateway(t, `
roles:
  some: {allow: [{tools: ["well/**"]}]}
  all: {allow: [{tools: ["*/**"]}]}
upstreams: {away: {url: "`+away.URL()+`"}, slow: {url: "${slow}"}, well: {url: "${well}"}}
`, ups)
			gw.Approve("")
			away.stop()
			_, release := ups["slow"].Hold("")
			defer release()
			watch := gatetest.Start(t)
			got, r := list(t, gw.As("alice", "all").Open(version), "tools/list", "")
			took := watch.Stop()
			if len(got.Tools) != 1 || got.Tools[0].Name != "well__echo" || !slices.Equal(got.Meta.Unavailable, []string{"away", "slow"}) {
				t.Errorf("got %s", r)
			}
			if took > 2*patient { // a handshake may wait as well
				t.Errorf("the list took %s", took)
			}
			for _, rec := range gw.Records(audit.Query{Exchange: r.Exchange}) {
				if !slices.Equal(rec.Unavailable, []string{"away", "slow"}) {
					t.Errorf("the %s is without %v", rec.Kind, rec.Unavailable)
				}
			}
			got, r = list(t, gw.As("carol", "some").Open(version), "tools/list", "")
			if len(got.Tools) != 1 || got.Meta.Unavailable != nil || strings.Contains(string(r.Body), "away") {
				t.Errorf("one who may not reach them reads %s", r)
			}
		})
	}
}

// A list of which nothing can be had is a refusal, and no empty list.
func TestNoUpstreamAnswers(t *testing.T) {
	t.Parallel()
	away := answering(t, gatetest.Script{Tools: rawTools("echo")})
	gw := gatetest.Gateway(t, `upstreams: {away: {url: "`+away.URL()+`"}}`, nil)
	gw.Approve("")
	away.stop()
	c := gw.As("alice").Open("2026-07-28")
	if r := c.Post(c.Request("1", "tools/list", "")); r.Status == http.StatusOK && r.OK() || r.Refusal != "upstream.unavailable" {
		t.Errorf("got %s", r)
	}
}
