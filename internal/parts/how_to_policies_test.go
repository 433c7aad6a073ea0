package parts_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// The pages of docs/how-to about policies and approvals, run as they are written.

// An upstream of write-a-policy.md that needs no network to be started.
const (
	writtenFiles = "command: [node, servers/node_modules/@modelcontextprotocol/server-filesystem/dist/index.js, /srv/docs]\n    sandbox: {read: [/srv/docs]}"
	issuers      = "  issuers:\n    - issuer: https://id.example.com\n      claims: {groups: groups, tenant: org_id}\n"
)

func TestHowToTestAPolicy(t *testing.T) {
	t.Parallel()
	config := follow(t, "write-a-policy.md").configuration(0, writtenFiles, serves(t))
	p := follow(t, "test-a-policy.md")
	p.g = directory(t, config)
	cases := p.blocks("yml")
	p.g.write("cases.yaml", cases[0])
	observed := strings.Replace(config, "files/list_*]\n", "files/list_*]\n        mode: observe\n", 1)
	if observed == config {
		t.Fatal("write-a-policy.md has no rule to observe")
	}
	p.g.write("candidate.yaml", observed)

	// The page shows what is found in a file that has every kind of fault.
	p.commands[0].shown = ""
	p.next("doorward policy check", 0)
	p.next("doorward policy test cases.yaml", 0)
	p.next("doorward policy test --config candidate.yaml cases.yaml", 3)
	p.next("doorward policy explain --role reader", 3)

	// A call that was refused, in a gateway whose tokens nobody issues.
	served := strings.NewReplacer(issuers, "", "https://orders.internal.example/mcp", "http://127.0.0.1:1/mcp",
		"https://github.internal.example/mcp", "http://127.0.0.1:1/mcp").Replace(config)
	p.g.write("doorward.yaml", served)
	p.g.serve()
	p.g.must("trust", "approve", "files")
	agent := goClient(t, p.g.url, p.g.key("create", "alice", "--role", "reader").Key)
	defer func() { _ = agent.Close() }()
	if got := called(t, agent, "files__read_text_file", map[string]any{"path": "/srv/docs/../../etc/passwd"}); !strings.Contains(got, "dot segment") {
		t.Errorf("a path that climbs: %s", got)
	}
	p.commands[0].shown = strings.ReplaceAll(p.commands[0].shown, "files/read_text ", "files/read_text_file ")
	found := p.next("doorward audit search --status refused --since 1d --open", 0)
	p.stands["01M8D2…"] = exchangeIn(t, found)
	if out := p.next("doorward policy explain 01M8D2…", 3); !strings.Contains(out, "dot segment") {
		t.Errorf("explained as\n%s", out)
	}
	p.end()

	// The lines of a workflow.
	for line := range strings.Lines(cases[1]) {
		c := strings.TrimPrefix(strings.TrimSpace(line), "- run: doorward ")
		p.g.must(strings.Fields(c)...)
	}
	if raw, err := os.ReadFile(filepath.Join(p.g.dir, "policy.xml")); err != nil || !strings.Contains(string(raw), `tests="5" failures="0"`) {
		t.Errorf("the report is %s, %v", raw, err)
	}
}

func TestHowToLearnAPolicy(t *testing.T) {
	t.Parallel()
	p := follow(t, "learn-a-policy.md")
	config := p.configuration(0, `url: "https://files.example.com/mcp"`, serves(t), `url: "https://github.example.com/mcp"`, serves(t))
	p.g = start(t, config)
	p.g.must("trust", "approve", "files")
	p.g.must("trust", "approve", "github")
	agent := goClient(t, p.g.url, p.g.key("create", "coder", "--role", "agent").Key)
	defer func() { _ = agent.Close() }()
	path := func(s string) map[string]any { return map[string]any{"path": s} }
	called(t, agent, "files__delete_file", path("/srv/docs/guides/a.md")) // a deny that observes; before anything is read that would have to be confirmed
	for range 12 {
		called(t, agent, "files__read_text_file", path("/srv/docs/guides/a.md"))
		called(t, agent, "files__read_text_file", path("/srv/projects/shop/README.md"))
		called(t, agent, "github__list_issues", map[string]any{"owner": "acme", "repo": "docs"})
		called(t, agent, "github__get_issue", map[string]any{"owner": "acme", "repo": "shop", "number": 7})
	}
	called(t, agent, "files__read_text_file", path("/srv/docs/../../etc/hosts")) // refused

	p.next("doorward policy learn --since 7d --out roles.yaml", 0)
	learned, err := os.ReadFile(filepath.Join(p.g.dir, "roles.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if missing := unlike(p.blocks("yaml")[1], string(learned)); missing != "" {
		t.Errorf("not learned, or not in this place: %s\nbut\n%s", missing, learned)
	}
	head, _, _ := strings.Cut(config, "roles:\n")
	p.g.write("candidate.yaml", head+"listen: {address: \"127.0.0.1:0\"}\n"+strings.ReplaceAll(string(learned), "        mode: observe\n", ""))
	p.next("doorward config check --config candidate.yaml", 0)
	p.next("doorward policy check --config candidate.yaml", 0)
	p.next("doorward policy diff doorward.yaml candidate.yaml", 3)

	// Of the days that it was learned from, only what was observed is denied.
	if r := p.g.run("policy", "replay", "candidate.yaml"); r.code != 3 || !strings.Contains(r.stdout, ": 1 newly denied, 0 newly allowed") ||
		!strings.Contains(r.stdout, "newly denied: tool files/delete_file") {
		t.Errorf("replayed: exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	called(t, agent, "files__read_text_file", path("/srv/docs/a.md"))
	p.next("doorward policy replay candidate.yaml --since 30d", 3)

	reloads := p.g.log.count("configuration reloaded")
	p.next("cp candidate.yaml doorward.yaml", 0)
	eventually(t, "the new policy is read", func() bool { return p.g.log.count("configuration reloaded") > reloads })
	if got := called(t, agent, "files__read_text_file", path("/srv/docs/a.md")); !strings.Contains(got, "not below an allowed directory") {
		t.Errorf("what the new policy refuses: %s", got)
	}
	if got := called(t, agent, "files__read_text_file", path("/srv/docs/guides/a.md")); got != "read_text_file is done" {
		t.Errorf("what was learned: %s", got)
	}
	if found := p.next("doorward audit search --since 1d --status refused", 0); !strings.Contains(found, "arguments.refused") {
		t.Errorf("found\n%s", found)
	}
	p.end()
}

func TestHowToApproveCalls(t *testing.T) {
	t.Parallel()
	p := follow(t, "approve-calls.md")
	p.g = start(t, p.configuration(0, `url: "https://files.internal.example/mcp"`, serves(t)))
	p.g.must("trust", "approve", "files")
	bot, ann, ben := keyIn(p.next("doorward key create bot", 0)), keyIn(p.next("doorward key create ann", 0)), keyIn(p.next("doorward key create ben", 0))
	target := map[string]any{"path": "/srv/docs/old.md"}
	call := func() string {
		agent := goClientOf(t, "2025-11-25", p.g.url, bot)
		defer func() { _ = agent.Close() }()
		return called(t, agent, "files__delete_file", target)
	}
	waits := call()
	id := regexp.MustCompile(`apr_[a-z0-9]+`).FindString(waits)
	if id == "" {
		t.Fatalf("a call that waits: %s", waits)
	}
	p.stands["apr_…"], p.stands["dw_…"] = id, ann
	if out := p.next("doorward approve list", 0); !strings.Contains(out, "0 of 2") || !strings.Contains(out, id) {
		t.Errorf("listed as\n%s", out)
	}
	if out := p.next("doorward approve show", 0); !strings.Contains(out, `"/srv/docs/old.md"`) {
		t.Errorf("shown as\n%s", out)
	}
	p.next("DOORWARD_KEY=dw_… doorward approve grant", 0)

	// The first yes outlives the gateway.
	if err := p.g.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-p.g.exited
	again := &gateway{t: t, dir: p.g.dir, exited: make(chan struct{})}
	again.serve()
	p.g = again
	if got := call(); !strings.Contains(got, "1 of 2 so far") {
		t.Errorf("after one yes: %s", got)
	}
	p.stands["dw_…"], p.stands["https://mcp.example.com"] = ben, strings.TrimSuffix(p.g.url, "/mcp")
	p.next("(umask 077; echo", 0)
	for _, show := range []string{"curl -H @key https://mcp.example.com/approvals ", "curl -H @key https://mcp.example.com/approvals/"} {
		if out := p.next(show, 0); !strings.Contains(out, id) {
			t.Errorf("%s answers %s", show, out)
		}
	}
	if out := p.next("curl -H @key -H 'Content-Type: application/json' --data", 0); !strings.Contains(out, `"state":"granted"`) {
		t.Errorf("the second yes: %s", out)
	}
	if got := call(); got != "delete_file is done" {
		t.Errorf("the granted call: %s", got)
	}
	if got := call(); !strings.Contains(got, "0 of 2 so far") {
		t.Errorf("the same call once more: %s", got)
	}
	if list := p.g.must("approve", "list", "--all"); !regexp.MustCompile(id + ` +used`).MatchString(list) {
		t.Errorf("listed as\n%s", list)
	}
	p.next("export HOOK_SECRET=whsec_", 0)
	p.end()
}

// called is what a call of a tool answers: its text, or the error's.
func called(t *testing.T, cs *mcp.ClientSession, tool string, args map[string]any) string {
	t.Helper()
	r, err := cs.CallTool(t.Context(), &mcp.CallToolParams{Name: tool, Arguments: args})
	if err != nil {
		return err.Error()
	}
	return textOf(r)
}

func keyIn(printed string) string {
	return regexp.MustCompile(`dw_[A-Za-z0-9_-]+`).FindString(printed)
}

// exchangeIn is the exchange of the last record that is printed.
func exchangeIn(t *testing.T, printed string) string {
	t.Helper()
	fields := strings.Fields(printed)
	if len(fields) == 0 {
		t.Fatal("no record is printed")
	}
	return fields[len(fields)-1]
}
