package app_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"doorward/internal/gatetest"
)

// MHB-16: a list is each principal's own, whatever an upstream says of how long
// and for whom it may be kept, and no answer to a call is kept of which it says
// nothing.
func TestMHB16_ListsAreNobodyElses(t *testing.T) {
	t.Parallel()
	for name, hints := range map[string][2]string{
		"public":             {`"ttlMs":300000,"cacheScope":"public"`, `"ttlMs":300000,"cacheScope":"public"`},
		"mixed":              {`"ttlMs":300000,"cacheScope":"public"`, `"ttlMs":1,"cacheScope":"private"`},
		"negative":           {`"ttlMs":-1,"cacheScope":"public"`, `"ttlMs":-1,"cacheScope":"public"`},
		"for ever":           {`"ttlMs":1000000000000000000,"cacheScope":"public"`, `"ttlMs":1e18,"cacheScope":"public"`},
		"absent":             {`"x":1`, `"x":1`},
		"of the wrong type":  {`"ttlMs":"300000","cacheScope":1`, `"ttlMs":null,"cacheScope":null`},
		"an unknown scope":   {`"ttlMs":300000,"cacheScope":"PUBLIC"`, `"ttlMs":300000,"cacheScope":"everybody"`},
		"larger than an int": {`"ttlMs":99999999999999999999999,"cacheScope":"public"`, `"ttlMs":0.5,"cacheScope":"public"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			up := answering(t, gatetest.Script{Tools: rawTools("a", "b")})
			up.on("tools/list", func(params []byte) string {
				page, tool, next := 0, "a", `,"nextCursor":"2"`
				if strings.Contains(string(params), `"cursor"`) {
					page, tool, next = 1, "b", ""
				}
				return fmt.Sprintf(`{"resultType":"complete","tools":[%s],%s%s}`, loose(tool), hints[page], next)
			})
			gw := gatetest.Gateway(t, `
roles:
  only-a: {allow: [{tools: [up/a]}]}
  only-b: {allow: [{tools: [up/b]}]}
upstreams: {up: {url: "`+up.URL()+`"}}
`, nil)
			gw.Approve("")
			for _, version := range eras {
				for range 2 {
					for _, tool := range []string{"a", "b"} {
						c := gw.As(tool, "only-"+tool).Open(version)
						got, r := list(t, c, "tools/list", "")
						if len(got.Tools) != 1 || got.Tools[0].Name != "up__"+tool {
							t.Errorf("%s: the one for %s reads %s", version, tool, r)
						}
						if c.Stateless() != (got.TTLMs != nil) || got.CacheScope != map[bool]string{true: "private"}[c.Stateless()] {
							t.Errorf("%s: the view is not private: %s", version, r)
						}
						if got.TTLMs != nil && (*got.TTLMs < 0 || *got.TTLMs > 60_000) {
							t.Errorf("%s: to be kept for %d ms", version, *got.TTLMs)
						}
					}
				}
			}
			c, before := gw.As("a"), up.Count("tools/call")
			for range 3 {
				if r := c.Call("up__a", `{}`); !r.OK() {
					t.Errorf("calling: %s", r)
				}
			}
			if n := up.Count("tools/call") - before; n != 3 {
				t.Errorf("three equal calls are %d at the upstream", n)
			}
		})
	}
}

// MHB-19: who has no credential learns no name, by whatever question.
func TestMHB19_NothingForNobody(t *testing.T) {
	t.Parallel()
	up := gatetest.Upstream(t, gatetest.Script{
		Tools: rawTools("transfer_funds"), Prompts: []json.RawMessage{[]byte(`{"name":"transfer_prompt"}`)},
		Resources: []json.RawMessage{[]byte(`{"uri":"transfer://a","name":"n"}`)}, Instructions: "transfer carefully",
	})
	gw := gatetest.Gateway(t, `
upstreams: {treasury: {url: "${treasury}"}}
profiles: {vault: {upstreams: [treasury], names: plain}}
`, map[string]*gatetest.UP{"treasury": up})
	gw.Approve("")
	before := up.Posts()
	for _, key := range []string{"", "dw_" + strings.Repeat("A", 43)} {
		for _, path := range []string{"", "vault", "nosuch"} {
			c := gw.Client("nobody "+path+key, key)
			c.Path = path
			for _, version := range eras {
				c.Version = version
				for _, method := range []string{"server/discover", "tools/list", "prompts/list", "resources/list", "resources/templates/list", "subscriptions/listen", "ping"} {
					nothing(t, c.Post(c.Request("1", method, "")))
				}
				nothing(t, c.Call("treasury__transfer_funds", `{}`))
			}
			nothing(t, c.TryOpen("2025-11-25"))
			nothing(t, c.Send("GET", nil, "Accept", "text/event-stream", "Mcp-Session-Id", strings.Repeat("A", 43)))
		}
	}
	if n := up.Posts() - before; n != 0 {
		t.Errorf("U0: %d requests reached the upstream", n)
	}
}

// nothing holds an answer to R401 without a name in it.
func nothing(t *testing.T, r *gatetest.Reply) {
	t.Helper()
	text := strings.ToLower(fmt.Sprint(r.Header, string(r.Body)))
	if r.Status != 401 || strings.Contains(text, "treasury") || strings.Contains(text, "transfer") {
		t.Errorf("got %s, want 401 without a name", r)
	}
}

// MHB-21: what a client says of itself in _meta decides nothing and is in no
// record; what is malformed is refused or ignored, and nothing breaks.
func TestMHB21_MetaDecidesNothing(t *testing.T) {
	t.Parallel()
	const canary = "canary-4711"
	for name, member := range map[string]string{
		"a name":                `"io.modelcontextprotocol/clientInfo":{"name":"admin","version":"1"}`,
		"a name with a title":   `"io.modelcontextprotocol/clientInfo":{"name":"admin","version":"1","title":"` + canary + `"}`,
		"a name that is none":   `"io.modelcontextprotocol/clientInfo":"admin"`,
		"a foreign key":         `"io.modelcontextprotocol/principal":{"subject":"admin","roles":["admin"]}`,
		"another's key":         `"doorward/principal":"admin","doorward/upstream":"other","doorward/refusal":null`,
		"a megabyte":            `"x/y":"` + strings.Repeat("x", 1<<20) + `"`,
		"a malformed trace":     `"traceparent":"00-zz-` + canary + `"`,
		"a trace of no text":    `"traceparent":{"a":1},"tracestate":7`,
		"baggage":               `"baggage":"token=` + canary + `,role=admin"`,
		"a thousand keys":       manyKeys(1000),
		"a key that looks like": `"io.modelcontextprotocol/Roles":["admin"],"IO.modelcontextprotocol/clientCapabilities":{"roles":["admin"]}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, version := range eras {
				h := newHouse(t, version)
				call := func(tool string) *gatetest.Reply {
					meta := `"_meta":{` + member + `}`
					if h.alice.Stateless() {
						meta = strings.TrimSuffix(gatetest.Meta, "}") + "," + member + "}"
					}
					return h.alice.Post(fmt.Appendf(nil, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":%q,"arguments":{},%s}}`, tool, meta))
				}
				if r := call("up__delete_all"); r.OK() || r.Refusal == "" {
					t.Errorf("%s: a denied tool: %s", version, r)
				}
				if r := call("up__echo"); !r.OK() && r.Refusal == "" {
					t.Errorf("%s: an allowed tool: %s", version, r)
				}
				for _, s := range h.up.Seen("tools/call") {
					if s.Name == "delete_all" {
						t.Errorf("%s: U0: the denied tool was called", version)
					}
				}
				h.neighbour()
				for _, r := range h.Exchanges() {
					if r.Principal.Subject != "alice" && r.Principal.Subject != "bob" {
						t.Errorf("%s: a record of %q", version, r.Principal.Subject)
					}
				}
				if text := auditText(t, h.GW); strings.Contains(text, canary) || strings.Contains(text, "admin") {
					t.Errorf("%s: what the client said is on record", version)
				}
			}
		})
	}
}

func manyKeys(n int) string {
	all := make([]string, 0, n)
	for i := range n {
		all = append(all, fmt.Sprintf(`"k%d/x":%d`, i, i))
	}
	return strings.Join(all, ",")
}

// auditText is the audit log as it is on disk.
func auditText(t *testing.T, gw *gatetest.GW) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(gw.AuditDir(), "*.jsonl"))
	if err != nil || len(files) == 0 {
		t.Fatal("no audit log", err)
	}
	var b strings.Builder
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(text)
	}
	return b.String()
}

// MHB-22: a result of an unknown type is not passed on as one that is complete;
// one without a type is complete (2026-07-28, results).
func TestMHB22_ResultTypes(t *testing.T) {
	t.Parallel()
	const asksToo = "complete and asking"
	const content = `"content":[{"type":"text","text":"canary"}]`
	for _, tc := range []struct {
		name, member string
		stateless    bool // the upstream speaks the stateless era alone
		passes       bool
	}{
		{"absent", ``, true, true},
		{"absent, of an upstream of the stateful era", ``, false, true},
		{"complete", `,"resultType":"complete"`, true, true},
		{"unknown", `,"resultType":"partial"`, true, false},
		{"in another case", `,"resultType":"Complete"`, true, false},
		{"empty", `,"resultType":""`, true, false},
		{"no text", `,"resultType":1`, true, false},
		{"null", `,"resultType":null`, true, false},
		{asksToo, `,"resultType":"complete","inputRequests":{"a":{"method":"elicitation/create","params":{"message":"?"}}}`, true, false},
		{"asking what the client cannot answer", `,"resultType":"input_required","inputRequests":{"a":{"method":"elicitation/create","params":{"message":"?"}}}`, true, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := gatetest.Script{Eras: []string{"stateful"}, Tools: rawTools("echo"), Answers: map[string]json.RawMessage{"echo": []byte(`{` + content + tc.member + `}`)}}
			if tc.stateless {
				s.Eras = []string{"stateless"}
			}
			up := gatetest.Upstream(t, s)
			gw := gatetest.Gateway(t, `upstreams: {up: {url: "${up}"}}`, map[string]*gatetest.UP{"up": up})
			gw.Approve("")
			for _, version := range eras {
				r := gw.As("alice").Open(version).Call("up__echo", `{}`)
				if tc.name == asksToo && version < "2026-07-28" {
					continue // what it asks is not passed on, and the result is one
				}
				if r.OK() != tc.passes || strings.Contains(string(r.Body), "canary") != tc.passes {
					t.Errorf("%s: got %s, want it to pass: %v", version, r, tc.passes)
				}
				if !tc.passes && !slices.Contains([]string{"reply.invalid", "upstream.protocol"}, r.Refusal) {
					t.Errorf("%s: refused as %q", version, r.Refusal)
				}
			}
		})
	}
}
