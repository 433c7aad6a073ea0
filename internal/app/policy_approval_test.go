package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"doorward/internal/audit"
	"doorward/internal/gatetest"
	"doorward/internal/store/storetest"
)

// heldRoles put everything of an upstream before a lead.
const heldRoles = `
roles:
  user:
    allow:
      - {tools: ["up/*"], prompts: ["up/*"], resources: ["docs://**"], mode: approve, approvers: {roles: [lead], expires: 1h}}
  lead: {}
`

// waiting is a gateway before one upstream, of which everything waits for a lead.
type waiting struct {
	*gatetest.GW
	t    *testing.T
	lead string
}

func waits(t *testing.T, ups map[string]*gatetest.UP) *waiting {
	t.Helper()
	w := &waiting{t: t, GW: gatetest.Gateway(t, `upstreams: {up: {url: "${up}"}}`+heldRoles, ups)}
	w.Approve("")
	w.lead = w.Key("ann", "lead")
	return w
}

// grants lets what an answer tells of pass.
func (w *waiting) grants(r *gatetest.Reply) held {
	w.t.Helper()
	h := holdOf(w.t, r)
	if err := decide(w.t, w.GW, h.id, w.lead, true); err != nil {
		w.t.Fatal(err)
	}
	return h
}

// didRun tells whether an answer is the recorder's own.
func didRun(r *gatetest.Reply) bool {
	return r.OK() && strings.Contains(string(r.Final()), `"text":"ok"`)
}

// TestPOL56OnTwoReplicas: what is held on one replica and granted on another runs
// on either, once, however many try at once on both.
func TestPOL56OnTwoReplicas(t *testing.T) {
	t.Parallel()
	redis := storetest.Redis(t)
	secret := filepath.Join(t.TempDir(), "redis-url")
	if err := os.WriteFile(secret, []byte(redis.URL()), 0o600); err != nil {
		t.Fatal(err)
	}
	yaml := `
upstreams: {up: {url: "${up}"}}
secrets: {redis: {from: "file:` + secret + `"}}
state: {redis: redis}
` + heldRoles
	ups := map[string]*gatetest.UP{"up": gatetest.Upstream(t, gatetest.Script{Tools: rawTools("write")})}
	alone := strings.ReplaceAll(yaml, "${up}", ups["up"].URL()) // one of them counts what the upstream did
	one := gatetest.Gateway(t, alone, nil)
	alice, lead := one.Key("alice", "user"), one.Key("ann", "lead")
	two, third := gatetest.Replica(t, one, alone, nil), gatetest.Replica(t, one, alone, nil)
	var clients []*gatetest.Client
	for _, g := range []*gatetest.GW{one, two, third} {
		g.Hide(alice, lead)
		g.Approve("")
		clients = append(clients, g.Client("alice", alice).Open(modern))
	}
	const args = `{"text":"one"}`
	wait := holdOf(t, clients[0].Call("up__write", args))
	for _, c := range clients {
		if again := holdOf(t, c.Call("up__write", args)); again.id != wait.id {
			t.Errorf("another replica asks anew: %s and %s", wait.id, again.id)
		}
	}
	if err := decide(t, two, wait.id, alice, true); err == nil {
		t.Error("the caller approved its own call on another replica")
	}
	if err := decide(t, two, wait.id, lead, true); err != nil {
		t.Fatal(err)
	}
	all := []*gatetest.GW{one, two, third}
	before := 0
	for try := 1; !rushed(t, clients, all, wait.id, func() int { return ups["up"].Count("tools/call") }); try++ { // Redis did not answer in time: that shows nothing
		if before = ups["up"].Count("tools/call"); try == 10 {
			t.Fatal("Redis never answers all within its second or two")
		}
		wait = holdOf(t, clients[0].Call("up__write", args))
		if err := decide(t, two, wait.id, lead, true); err != nil {
			t.Fatal(err)
		}
	}
	if n := ups["up"].Count("tools/call") - before; n != 1 {
		t.Errorf("on three replicas it ran %d times", n)
	}
	before = ups["up"].Count("tools/call")
	next := holdOf(t, clients[1].Call("up__write", args))
	if err := decide(t, third, next.id, lead, true); err != nil {
		t.Fatal(err)
	}
	redis.Stop() // what nobody can look up is refused
	for _, c := range clients {
		if r := c.Call("up__write", args); didRun(r) || r.Refusal != "approval.unavailable" && r.Refusal != "identity.unavailable" {
			t.Errorf("while the approvals are away: %s", r)
		}
	}
	if n := ups["up"].Count("tools/call") - before; n != 0 {
		t.Errorf("while the approvals were away it ran %d times", n)
	}
	redis.Start()
	eventually(t, "the granted call is refused or held, or runs once", func() bool {
		r := clients[2].Call("up__write", args)
		return didRun(r) || r.Refusal == "approval.required"
	})
}

// TestPOL56States: the state of a held call is good for its principal, its tool and
// its arguments alone, and never seen by an upstream of either era.
func TestPOL56States(t *testing.T) {
	t.Parallel()
	for _, era := range []string{"stateful", "stateless"} {
		t.Run(era+" upstream", func(t *testing.T) {
			t.Parallel()
			ups := map[string]*gatetest.UP{"up": gatetest.Upstream(t, gatetest.Script{Eras: []string{era}, Tools: rawTools("write", "drop")})}
			w := waits(t, ups)
			alice, mallory := w.As("alice", "user").Open(modern), w.As("mallory", "user").Open(modern)
			first := alice.Call("up__write", `{"a":1}`)
			wait := w.grants(first)
			other := holdOf(t, mallory.Call("up__write", `{"a":1}`))
			try := func(c *gatetest.Client, tool, args, state string) *gatetest.Reply {
				return c.Post(c.Request("9", "tools/call", `"name":"up__`+tool+`","arguments":`+args+`,"inputResponses":{"doorward-approval":{"action":"accept","content":{}}},"requestState":"`+state+`"`))
			}
			for name, r := range map[string]*gatetest.Reply{
				"a stolen state":              try(mallory, "write", `{"a":1}`, wait.state),
				"another tool":                try(alice, "drop", `{"a":1}`, wait.state),
				"other arguments":             try(alice, "write", `{"a":2}`, wait.state),
				"somebody else's own":         try(mallory, "write", `{"a":1}`, other.state),
				"a state of nobody":           try(mallory, "write", `{"a":1}`, strings.Repeat("A", len(wait.state))),
				"no state, but a yes":         try(mallory, "write", `{"a":1}`, ""),
				"a state of another, escaped": try(mallory, "write", `{"a":1}`, `\u00`+fmt.Sprintf("%02x", wait.state[0])+wait.state[1:]),
			} {
				if didRun(r) || ups["up"].Count("tools/call") != 0 {
					t.Errorf("%s: %s", name, r)
				}
			}
			if r := try(alice, "write", `{"a":1}`, wait.state); !didRun(r) {
				t.Fatalf("the approved call: %s", r)
			}
			for range 2 {
				if r := try(alice, "write", `{"a":1}`, wait.state); didRun(r) {
					t.Errorf("the state again: %s", r)
				}
			}
			seen := ups["up"].Seen("tools/call")
			if len(seen) != 1 {
				t.Fatalf("it ran %d times", len(seen))
			}
			for _, word := range []string{"requestState", "inputResponses", "doorward-approval", wait.state} {
				if strings.Contains(string(seen[0].Raw), word) {
					t.Errorf("the upstream sees %s: %s", word, seen[0].Raw)
				}
			}
		})
	}
}

// TestPOL56PromptsAndReads: prompts and reads can be held as tools are, in either
// era, and each runs once.
func TestPOL56PromptsAndReads(t *testing.T) {
	t.Parallel()
	up := gatetest.Upstream(t, gatetest.Script{
		Tools: rawTools("write"), Prompts: []json.RawMessage{[]byte(`{"name":"ask","arguments":[{"name":"a"}]}`)},
		Resources: []json.RawMessage{[]byte(`{"uri":"docs://one","name":"one"}`)},
		Templates: []json.RawMessage{[]byte(`{"uriTemplate":"docs://t/{id}","name":"t"}`)},
	})
	w := waits(t, map[string]*gatetest.UP{"up": up})
	for _, version := range eras {
		c := w.As("alice "+version, "user").Open(version)
		for _, tc := range []struct{ method, params, other string }{
			{"prompts/get", `"name":"up__ask","arguments":{"a":"x"}`, `"name":"up__ask","arguments":{"a":"y"}`},
			{"resources/read", `"uri":"docs://one"`, `"uri":"docs://t/9"`},
			{"resources/read", `"uri":"docs://t/1"`, `"uri":"docs://t/2"`},
		} {
			before := up.Count(tc.method)
			wait := w.grants(c.Post(c.Request("1", tc.method, tc.params)))
			if r := c.Post(c.Request("2", tc.method, tc.other)); holdOf(t, r).id == wait.id {
				t.Errorf("%s: %s %s shares the approval", version, tc.method, tc.other)
			}
			if r := c.Post(c.Request("3", tc.method, tc.params)); !r.OK() {
				t.Errorf("%s: %s %s: %s", version, tc.method, tc.params, r)
			}
			if r := c.Post(c.Request("4", tc.method, tc.params)); holdOf(t, r).id == wait.id {
				t.Errorf("%s: %s again: %s", version, tc.method, r)
			}
			if n := up.Count(tc.method) - before; n != 1 {
				t.Errorf("%s: %s reached the upstream %d times", version, tc.method, n)
			}
		}
	}
}

// TestPOL56InABatch: of one approval one item of a batch runs, wherever the others
// stand.
func TestPOL56InABatch(t *testing.T) {
	t.Parallel()
	ups := map[string]*gatetest.UP{"up": gatetest.Upstream(t, gatetest.Script{Tools: rawTools("write")})}
	w := waits(t, ups)
	c := w.As("alice", "user").Open("2025-03-26")
	batch := func() *gatetest.Reply {
		var items []string
		for i := range 5 {
			items = append(items, string(c.Request(fmt.Sprint(i), "tools/call", `"name":"up__write","arguments":{}`)))
		}
		return c.Post([]byte("[" + strings.Join(items, ",") + "]"))
	}
	if r := batch(); strings.Count(string(r.Body), `"approval.required"`) != 5 || ups["up"].Count("tools/call") != 0 {
		t.Errorf("five held items: %s", r)
	}
	w.grants(c.Call("up__write", `{}`))
	if r := batch(); strings.Count(string(r.Body), `"text":"ok"`) != 1 || ups["up"].Count("tools/call") != 1 {
		t.Errorf("one approval, five items: %s", r)
	}
}

// TestPOL56Tasks: a tool under approval that runs as a task is held before the
// task begins; who was let in can look after it. Subscribing runs nothing.
func TestPOL56Tasks(t *testing.T) {
	t.Parallel()
	for _, stateless := range []bool{false, true} {
		t.Run(fmt.Sprint("stateless ", stateless), func(t *testing.T) {
			t.Parallel()
			k := tasking(t, stateless)
			d := dealingWith(t, k)
			rewrite(t, d.GW, `{user: {allow: [{tools: ["up/**"]}]}}`, `{user: {allow: [{tools: ["up/**"], mode: approve, approvers: {roles: [lead]}}]}, lead: {}}`)
			lead := d.Key("ann", "lead")
			params := `"name":"up__slow","arguments":{"x":1},"task":{"ttl":60000}`
			if stateless {
				params = `"name":"up__slow","arguments":{"x":1}`
			}
			r := d.alice.Post(d.body(d.alice, "tools/call", params))
			wait := holdOf(t, r)
			if saw := k.saw(); len(saw) != 0 {
				t.Errorf("the upstream saw %+v of a held task", saw)
			}
			if err := decide(t, d.GW, wait.id, lead, true); err != nil {
				t.Fatal(err)
			}
			id := d.make()
			k.saw()
			if r := d.on(d.alice, "tasks/get", id); !r.OK() {
				t.Errorf("looking after it: %s", r)
			}
			if r := d.on(d.bob, "tasks/get", id); r.OK() {
				t.Errorf("somebody else looks after it: %s", r)
			}
			k.saw()
			r = d.alice.Post(d.body(d.alice, "tools/call", params))
			if h := holdOf(t, r); h.id == wait.id || len(k.saw()) != 0 {
				t.Errorf("a second task of one approval: %s", r)
			}
		})
	}
}

// rewrite changes the configuration file and has it read.
func rewrite(t *testing.T, gw *gatetest.GW, from, to string) {
	t.Helper()
	path := filepath.Join(gw.Dir, "doorward.yaml")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(b), from, to, 1)
	if text == string(b) {
		t.Fatalf("the configuration has no %q:\n%s", from, b)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := gw.App.Reload(t.Context(), "test"); err != nil {
		t.Fatal(err)
	}
}

// TestPOL56HeldOnRecord: a held call is on record with the approval it waits for,
// and what an observed rule would have refused with the rule.
func TestPOL56HeldOnRecord(t *testing.T) {
	t.Parallel()
	ups := map[string]*gatetest.UP{"up": gatetest.Upstream(t, gatetest.Script{Tools: rawTools("write")})}
	w := waits(t, ups)
	for _, version := range eras {
		c := w.As("alice "+version, "user").Open(version)
		r := c.Call("up__write", `{}`)
		wait := w.grants(r)
		got := w.Records(audit.Query{Exchange: r.Exchange, Kind: audit.KindOutcome})
		if len(got) != 1 || got[0].Effect != "hold" || got[0].Code != "approval.required" || got[0].Approval != wait.id || got[0].Stage != "approve" || got[0].Policy == "" || !strings.Contains(got[0].Rule, "roles.user.allow[0]") {
			t.Errorf("%s: the record of a held call is %+v", version, got)
		}
		r = c.Call("up__write", `{}`)
		got = w.Records(audit.Query{Exchange: r.Exchange, Kind: audit.KindIntent})
		if !r.OK() || len(got) != 1 || got[0].Approval != wait.id {
			t.Errorf("%s: the record of an approved call is %+v", version, got)
		}
	}
	if n := ups["up"].Count("tools/call"); n != len(eras) {
		t.Errorf("it ran %d times", n)
	}
}

// TestObservedOnRecord: rules in observe mode refuse nothing, and the record says
// what they would have refused.
func TestObservedOnRecord(t *testing.T) {
	t.Parallel()
	ups := map[string]*gatetest.UP{"files": gatetest.Upstream(t, gatetest.ParseScript(t, []byte(matrixTools)))}
	gw := gatetest.Gateway(t, `
upstreams: {files: {url: "${files}", arguments: {path: path}}}
roles:
  reader:
    allow: [{tools: [files/read], where: {path: {under: [/srv/a]}}, mode: observe}, {tools: [files/fetch]}]
    deny: [{tools: [files/fetch], when: "args.url == 'http://b.test/'", mode: observe}]
`, ups)
	gw.Approve("")
	for _, version := range eras {
		c := gw.As("alice", "reader").Open(version)
		for _, tc := range []struct{ tool, args, want string }{
			{"read", `{"path":"/srv/a/x"}`, ""},
			{"read", `{"path":"/etc/passwd"}`, "roles.reader.allow[0]"},
			{"fetch", `{"url":"http://a.test/"}`, ""},
			{"fetch", `{"url":"http://b.test/"}`, "roles.reader.deny[0]"},
		} {
			r := c.Call("files__"+tc.tool, tc.args)
			if r.Status != http.StatusOK || !r.OK() {
				t.Errorf("%s: %s %s: %s", version, tc.tool, tc.args, r)
			}
			for _, rec := range gw.Records(audit.Query{Exchange: r.Exchange, Kind: audit.KindIntent}) {
				text := strings.Join(rec.Observed, "\n")
				if (text == "") != (tc.want == "") || !strings.Contains(text, tc.want) || strings.Contains(text, "passwd") {
					t.Errorf("%s: %s %s: observed %q, want %q", version, tc.tool, tc.args, text, tc.want)
				}
			}
		}
	}
	if n := len(gw.Records(audit.Query{Observed: true, Kind: audit.KindIntent})); n != 2*len(eras) {
		t.Errorf("%d intents say what was observed", n)
	}
}

// rushed has sixty callers make a granted call at once, over three replicas: it runs once at most, whoever was served had it
// run, and as often as it ran it is on record with the approval. It tells whether none was refused because the approvals
// could not be asked, as on a machine that keeps Redis from answering in time: what is used up then may serve nobody.
func rushed(t *testing.T, clients []*gatetest.Client, gateways []*gatetest.GW, approval string, ran func() int) (sure bool) {
	t.Helper()
	before := ran()
	var all sync.WaitGroup
	replies := make(chan *gatetest.Reply, 60)
	for i := range cap(replies) {
		all.Go(func() { replies <- clients[i%len(clients)].Call("up__write", `{"text":"one"}`) })
	}
	all.Wait()
	close(replies)
	served, sure := 0, true
	for r := range replies {
		if didRun(r) {
			served++
		}
		sure = sure && r.Refusal != "approval.unavailable" && r.Refusal != "identity.unavailable"
	}
	approved := 0
	for _, g := range gateways {
		for _, r := range g.Records(audit.Query{Kind: audit.KindIntent, Approval: approval}) {
			if r.Item == "write" {
				approved++
			}
		}
	}
	n := ran() - before
	if n > 1 || served != n || approved != n {
		t.Errorf("it ran %d times, %d callers were served, and %d intents are on record with the approval", n, served, approved)
	}
	return sure
}
