package app_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"doorward/internal/audit"
	"doorward/internal/config"
	"doorward/internal/gatetest"
)

// none makes calls that no upstream may see, in either era, and returns the
// refusals.
func none(t *testing.T, gw *gatetest.GW, up *gatetest.UP, role string, tools ...string) {
	t.Helper()
	for _, version := range eras {
		c := gw.As("alice "+role, role).Open(version)
		for _, tool := range tools {
			before := up.Count("tools/call")
			r := c.Call(tool, `{}`)
			if r.OK() || r.Refusal == "" || up.Count("tools/call") != before {
				t.Errorf("%s: %q: %s", version, tool, r)
				continue
			}
			if got := gw.Records(audit.Query{Exchange: r.Exchange}); len(got) != 1 || got[0].Effect != "deny" {
				t.Errorf("%s: %q: A1: %d records", version, tool, len(got))
			}
		}
	}
}

// TestPOL13Globs: a star stops at a slash in an allow and not in a deny, and never
// takes a line break in.
func TestPOL13Globs(t *testing.T) {
	t.Parallel()
	up := gatetest.Upstream(t, gatetest.Script{Tools: rawTools("read_x", "read_a/b", "read_/write", "drop_a/b", "drop_x", "other")})
	gw := gatetest.Gateway(t, `
upstreams: {up: {url: "${up}"}}
roles:
  one: {allow: [{tools: ["up/read_*"]}]}
  two: {allow: [{tools: ["up/**"]}], deny: [{tools: ["up/drop_*"]}]}
  odd: {allow: [{tools: ["up/read_[!x]", "up/{read,drop}_y", "up/\\*", "up/oth?"]}]}
`, map[string]*gatetest.UP{"up": up})
	gw.Approve("")
	none(t, gw, up, "one", "up__read_a/b", "up__read_/write", "up__read_x\nwrite", "up__read_../write", "up__read_x/", "up__drop_x", "up__read_", "up__read_*")
	none(t, gw, up, "two", "up__drop_a/b", "up__drop_x", "up__drop_", "up__DROP_x")
	none(t, gw, up, "odd", "up__read_x", "up__drop_x", "up__other", "up__*")
	if r := gw.As("bob", "one").Open(modern).Call("up__read_x", `{}`); !r.OK() {
		t.Errorf("what the glob names: %s", r)
	}
}

// TestPOL13BadPatterns: a pattern that means nothing is a fault of the file.
func TestPOL13BadPatterns(t *testing.T) {
	t.Parallel()
	for _, rule := range []string{
		`tools: ["up/["]`, `tools: ["up/{a"]`, `tools: ["up/a\\"]`, `tools: ["up/"]`, `tools: ["/x"]`, `tools: ["*"]`, `tools: ["up/a\nb"]`, `resources: ["docs://["]`, `prompts: ["up/]["]`,
		`tools: ["up/*"], where: {path: {under: ["srv"]}}`, `tools: ["up/*"], where: {path: {under: ["/srv"], not: ["["]}}`, `tools: ["up/*"], when: "args.x ="`,
	} {
		path := filepath.Join(t.TempDir(), "doorward.yaml")
		text := "version: 1\nupstreams: {up: {url: \"http://127.0.0.1:1/\"}}\nroles: {r: {allow: [{" + rule + "}]}}\n"
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := config.Load(path); err == nil || !strings.Contains(err.Error(), "line ") {
			t.Errorf("%s: %v", rule, err)
		}
	}
}

// TestPOL15LookAlikes: a name that a person takes for another is another, and
// unknown.
func TestPOL15LookAlikes(t *testing.T) {
	t.Parallel()
	up := gatetest.Upstream(t, gatetest.Script{Tools: rawTools("delete_file", "read_file")})
	gw := gatetest.Gateway(t, `
upstreams: {up: {url: "${up}"}}
roles: {user: {allow: [{tools: ["up/**"]}], deny: [{tools: [up/delete_file]}]}}
`, map[string]*gatetest.UP{"up": up})
	gw.Approve("")
	none(t, gw, up, "user", "up__delete_file", "up__Delete_File", "up__delete_file ", " up__delete_file", "up__delete\u200b_file", "up__d\u0435lete_file", "up__DELETE_FILE",
		"up__ns.delete_file", "up__delete_file\x00", "up__delete_file\n", "UP__delete_file", "up__delete_file/", "up__./delete_file", "up__\uff44elete_file", "up__delete%5ffile", "delete_file", "up/delete_file")
}

// TestPOL45NothingWidens: whatever a client says beside its credential, it is
// shown what its roles open and nothing more (A08).
func TestPOL45NothingWidens(t *testing.T) {
	t.Parallel()
	up := gatetest.Upstream(t, gatetest.Script{Tools: rawTools("a_one", "b_two", "c_three")})
	gw := gatetest.Gateway(t, `
upstreams: {up: {url: "${up}"}}
profiles: {all: {upstreams: [up]}}
roles:
  narrow: {allow: [{tools: ["up/a_*"]}]}
  wide: {allow: [{tools: ["up/**"]}], groups: [staff], scopes: [everything]}
`, map[string]*gatetest.UP{"up": up})
	gw.Approve("")
	for _, version := range eras {
		c := gw.As("alice", "narrow").Open(version)
		meta := `"_meta":{"roles":["wide"],"tags":["not a"],"doorward/roles":["wide"],"scope":"everything"}`
		if version == modern {
			meta = strings.TrimSuffix(gatetest.Meta, "}") + `,"roles":["wide"],"doorward/roles":["wide"],"scope":"everything"}`
		}
		request := func(method, params string) []byte {
			return fmt.Appendf(nil, `{"jsonrpc":"2.0","id":1,"method":%q,"params":{%s%s}}`, method, params, meta)
		}
		for _, path := range []string{"", "all", "all?filter=not%20a", "all?tags=*", "all?filter=a%20or%20not%20a", "all?role=wide&roles[]=wide", "all?filter=" + strings.Repeat("x", 10<<10), "all?filter="} {
			for _, header := range [][]string{
				nil, {"X-Doorward-Roles", "wide"}, {"X-Roles", "wide"}, {"X-Forwarded-User", "root"}, {"X-Forwarded-Groups", "staff"}, {"X-Tags", "*"}, {"Mcp-Param-Filter", "not a"}, {"Doorward-Profile", "all"}, {"Cookie", "role=wide"},
			} {
				c.Path = path
				r := c.Post(request("tools/list", ""), header...)
				var m struct{ Result listed }
				if err := json.Unmarshal(r.Final(), &m); err == nil && r.OK() {
					for _, tool := range m.Result.Tools {
						if !strings.HasPrefix(tool.Name, "up__a_") {
							t.Errorf("%s: %.40s %v: listed %s", version, path, header, tool.Name)
						}
					}
				}
				if r := c.Post(request("tools/call", `"name":"up__b_two","arguments":{},`), header...); r.OK() {
					t.Errorf("%s: %.40s %v: %s", version, path, header, r)
				}
			}
		}
		c.Path = ""
		if got := toolNames(t, c); !slices.Equal(got, []string{"up__a_one"}) {
			t.Errorf("%s: in the end listed %v", version, got)
		}
	}
	if n := up.Count("tools/call"); n != 0 {
		t.Errorf("%d calls reached the upstream", n)
	}
}

// TestPOL47Hidden: what is not listed cannot be called by any other way of saying
// its name.
func TestPOL47Hidden(t *testing.T) {
	t.Parallel()
	script := gatetest.Script{Tools: rawTools("secret", "open"), Prompts: []json.RawMessage{[]byte(`{"name":"open"}`), []byte(`{"name":"secret"}`)}}
	ups := map[string]*gatetest.UP{"up": gatetest.Upstream(t, script), "other": gatetest.Upstream(t, script)}
	gw := gatetest.Gateway(t, `
upstreams: {up: {url: "${up}"}, other: {url: "${other}"}}
profiles: {plain: {upstreams: [up], names: plain}}
roles: {user: {allow: [{tools: ["*/open"], prompts: ["*/open"]}]}}
`, ups)
	gw.Approve("")
	up := ups["up"]
	none(t, gw, up, "user", "up__secret", "secret", "other__secret", "up/secret", "up.secret", "up__up__secret", "other__up__secret", "up__open/../secret", "up____secret", "__secret", "up__")
	for _, version := range eras {
		c := gw.As("alice user", "user").Open(version)
		if got := toolNames(t, c); !slices.Equal(got, []string{"other__open", "up__open"}) {
			t.Errorf("%s: listed %v", version, got)
		}
		plain := gw.Client("alice plain "+version, c.Key)
		plain.Path = "plain"
		plain.Open(version)
		for _, tool := range []string{"secret", "up__secret"} {
			if r := plain.Call(tool, `{}`); r.OK() {
				t.Errorf("%s: %s in a plain profile: %s", version, tool, r)
			}
		}
		for _, params := range []string{
			`"ref":{"type":"ref/prompt","name":"up__secret"},"argument":{"name":"x","value":""}`,
			`"ref":{"type":"ref/tool","name":"up__secret"},"argument":{"name":"x","value":""}`,
			`"ref":{"type":"ref/resource","uri":"up__secret"},"argument":{"name":"x","value":""}`,
		} {
			if r := c.Post(c.Request("1", "completion/complete", params)); r.OK() {
				t.Errorf("%s: %s: %s", version, params, r)
			}
		}
		if r := c.Post(c.Request("1", "prompts/get", `"name":"up__secret"`)); r.OK() {
			t.Errorf("%s: the prompt: %s", version, r)
		}
	}
	for name, up := range ups {
		for _, s := range up.Judged() {
			t.Errorf("upstream %s saw %s %s", name, s.Method, s.Params)
		}
	}
}

// TestPOL48OneTable: for each principal and each thing one decision, whatever is
// done to it: listed or not, read or not, subscribed or not, completed or not.
func TestPOL48OneTable(t *testing.T) {
	t.Parallel()
	up := gatetest.Upstream(t, gatetest.Script{
		Tools:     rawTools("open", "secret"),
		Prompts:   []json.RawMessage{[]byte(`{"name":"open","arguments":[{"name":"x"}]}`), []byte(`{"name":"secret","arguments":[{"name":"x"}]}`)},
		Resources: []json.RawMessage{[]byte(`{"uri":"docs://open","name":"o"}`), []byte(`{"uri":"docs://secret","name":"s"}`)},
		Templates: []json.RawMessage{[]byte(`{"uriTemplate":"docs://open/{x}","name":"to"}`), []byte(`{"uriTemplate":"docs://secret/{x}","name":"ts"}`)},
	})
	gw := gatetest.Gateway(t, `
upstreams: {up: {url: "${up}"}}
roles:
  all: {allow: [{tools: ["up/**"], prompts: ["up/**"], resources: ["docs://**"]}]}
  some: {allow: [{tools: [up/open], prompts: [up/open], resources: ["docs://open", "docs://open/**"]}]}
  none: {}
`, map[string]*gatetest.UP{"up": up})
	gw.Approve("")
	for _, version := range eras {
		for role, opens := range map[string]map[string]bool{"all": {"open": true, "secret": true}, "some": {"open": true}, "none": {}} {
			c := gw.As(role, role)
			r := c.TryOpen(version)
			if role == "none" && version != modern && c.Session == "" {
				t.Logf("%s: somebody without rules is turned away at the door: %s", version, r)
				continue
			}
			for thing := range map[string]bool{"open": true, "secret": true} {
				table{t, gw, up, c}.ask(thing, opens[thing])
			}
		}
	}
}

type table struct {
	t  *testing.T
	gw *gatetest.GW
	up *gatetest.UP
	c  *gatetest.Client
}

// ask tries every verb on a thing that the client may use, or not.
func (x table) ask(thing string, may bool) {
	t, c := x.t, x.c
	t.Helper()
	for method, params := range map[string]string{
		"tools/call":              `"name":"up__%s","arguments":{}`,
		"prompts/get":             `"name":"up__%s"`,
		"resources/read":          `"uri":"docs://%s"`,
		"resources/read\x00":      `"uri":"docs://%s/7"`,
		"resources/subscribe":     `"uri":"docs://%s"`,
		"resources/unsubscribe":   `"uri":"docs://%s"`,
		"completion/complete":     `"ref":{"type":"ref/prompt","name":"up__%s"},"argument":{"name":"x","value":""}`,
		"completion/complete\x00": `"ref":{"type":"ref/resource","uri":"docs://%s/{x}"},"argument":{"name":"x","value":""}`,
	} {
		method = strings.TrimSuffix(method, "\x00")
		if c.Stateless() && strings.HasSuffix(method, "subscribe") {
			continue
		}
		before := len(x.up.Judged())
		r := c.Post(c.Request("1", method, fmt.Sprintf(params, thing)))
		if r.OK() != may || (len(x.up.Judged())-before == 1) != may {
			t.Errorf("%s: %s: %s of %s: %s, want %v", c.Version, c.Name, method, thing, r, may)
		}
		if !may && strings.Contains(string(r.Body), "rule") {
			t.Errorf("%s: %s: %s of %s tells of rules: %s", c.Version, c.Name, method, thing, r)
		}
	}
	for method, name := range map[string]string{"tools/list": `"up__%s"`, "prompts/list": `"up__%s"`, "resources/list": `"docs://%s"`, "resources/templates/list": `"docs://%s/{x}"`} {
		r := c.Post(c.Request("1", method, ""))
		if shows := strings.Contains(string(r.Body), fmt.Sprintf(name, thing)); shows != may {
			t.Errorf("%s: %s: %s shows %s: %v, want %v: %s", c.Version, c.Name, method, thing, shows, may, r)
		}
	}
}

// TestPOL48TasksAndLogging: tasks of a tool that was closed, and the level of an
// upstream out of reach, are refused as the tool itself is.
func TestPOL48TasksAndLogging(t *testing.T) {
	t.Parallel()
	for _, stateless := range []bool{false, true} {
		k := tasking(t, stateless)
		d := dealingWith(t, k)
		id := d.make()
		rewrite(t, d.GW, `allow: [{tools: ["up/**"]}]`, `allow: [{tools: ["up/**"]}], deny: [{tools: [up/slow]}]`)
		k.saw()
		for _, method := range []string{"tasks/get", "tasks/cancel", "tasks/result", "tasks/update"} {
			if r := d.on(d.alice, method, id); r.OK() || len(k.saw()) != 0 {
				t.Errorf("stateless %v: %s: %s", stateless, method, r)
			}
		}
	}
	k := talking(t, false, gatetest.Script{Tools: rawTools("echo")})
	gw := gatetest.Gateway(t, `
upstreams: {up: {url: "`+k.URL()+`"}}
roles: {user: {allow: [{tools: ["up/*"]}]}, none: {allow: [{tools: ["elsewhere/*"]}]}}
`, nil)
	gw.Approve("")
	before := k.Count("logging/setLevel")
	c := gw.As("nobody", "none")
	c.TryOpen("2025-11-25")
	c.Post(c.Request("1", "logging/setLevel", `"level":"debug"`))
	if n := k.Count("logging/setLevel") - before; n != 0 {
		t.Errorf("somebody without reach set the level of an upstream")
	}
}

// TestPOL58NamesInTheFile: names and values of the file are data: no quote, no
// operator and no ${} in them means anything.
func TestPOL58NamesInTheFile(t *testing.T) {
	t.Setenv("DOORWARD_TEST_OWNER", "evil")
	up := gatetest.Upstream(t, gatetest.ParseScript(t, []byte(`{"tools":[{"name":"list","inputSchema":{"type":"object","properties":{"owner":{},"' || true || '":{}}}}]}`)))
	gw := gatetest.Gateway(t, `
upstreams: {up: {url: "${up}"}}
roles:
  subject: {allow: [{tools: [up/list], when: "principal.subject == args.owner"}]}
  dollar: {allow: [{tools: [up/list], where: {values: {owner: {equals: "${DOORWARD_TEST_OWNER}", required: true}}}}]}
  quote: {allow: [{tools: [up/list], where: {values: {"' || true || '": {equals: "a\" || true", required: true}}}}]}
  closed: {allow: [{tools: [up/list]}], deny: [{tools: [up/list], when: "principal.subject != '${DOORWARD_TEST_OWNER}'"}]}
`, map[string]*gatetest.UP{"up": up})
	gw.Approve("")
	for _, tc := range []struct {
		subject, role, args string
		want                bool
	}{
		{`x' || true || '`, "subject", `{"owner":"y"}`, false},
		{`x" || true || "`, "subject", `{"owner":"principal.subject"}`, false},
		{`x" || true || "`, "subject", `{"owner":"x\" || true || \""}`, true},
		{`${DOORWARD_TEST_OWNER}`, "subject", `{"owner":"evil"}`, false},
		{"alice", "dollar", `{"owner":"evil"}`, false},
		{"alice", "dollar", `{"owner":"${DOORWARD_TEST_OWNER}"}`, true},
		{"ann", "quote", `{"' || true || '":"true"}`, false},
		{"ann", "quote", `{"' || true || '":"a\" || true"}`, true},
		{"evil", "closed", `{"owner":"evil"}`, false},
	} {
		c := gw.As(tc.subject, tc.role)
		for _, version := range eras {
			if r := c.Open(version).Call("up__list", tc.args); didRun(r) != tc.want {
				t.Errorf("%s: %q %s: %s, want %v", version, tc.subject, tc.args, r, tc.want)
			}
		}
	}
}

// TestPOL58NamesThatConfigurationRefuses: names of roles and profiles are plain.
func TestPOL58NamesThatConfigurationRefuses(t *testing.T) {
	t.Parallel()
	for _, name := range []string{`quo'te\" || true`, "${HOME}", `line\nbreak`, "a || b", "deny(){}", "a/b", "a.b", "*"} {
		for _, key := range []string{"roles", "profiles", "upstreams"} {
			path := filepath.Join(t.TempDir(), "doorward.yaml")
			if err := os.WriteFile(path, []byte("version: 1\n"+key+": {\""+name+"\": {}}\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := config.Load(path); err == nil {
				t.Errorf("%s named %q", key, name)
			}
		}
	}
}

// TestPOL59Hints: what an upstream says of its tool relaxes nothing.
func TestPOL59Hints(t *testing.T) {
	t.Parallel()
	def := `{"name":%q,"inputSchema":{"type":"object"},"annotations":{"title":"Read","readOnlyHint":true,"destructiveHint":false,"idempotentHint":true,"openWorldHint":false}}`
	up := gatetest.Upstream(t, gatetest.Script{Tools: []json.RawMessage{fmt.Appendf(nil, def, "delete_all"), fmt.Appendf(nil, def, "wipe"), fmt.Appendf(nil, def, "get")}})
	gw := gatetest.Gateway(t, `
upstreams: {up: {url: "${up}"}}
roles:
  user: {allow: [{tools: [up/get]}, {tools: [up/wipe], mode: approve, approvers: {roles: [lead]}}], deny: [{tools: ["up/delete_*"]}]}
  lead: {}
`, map[string]*gatetest.UP{"up": up})
	gw.Approve("")
	for _, version := range eras {
		c := gw.As("alice", "user").Open(version)
		if r := c.Call("up__delete_all", `{}`); r.Refusal != "policy.denied" {
			t.Errorf("%s: a closed tool: %s", version, r)
		}
		if h := holdOf(t, c.Call("up__wipe", `{}`)); h.approval != "waiting" {
			t.Errorf("%s: a held tool: %+v", version, h)
		}
	}
	if n := up.Count("tools/call"); n != 0 {
		t.Errorf("%d calls reached the upstream", n)
	}
}
