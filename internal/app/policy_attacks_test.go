package app_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"doorward/internal/gatetest"
)

// bank is a gateway before an upstream whose payments are guarded in ways that an
// attacker tries to get around.
func bank(t *testing.T, rules string) (*gatetest.GW, *gatetest.UP) {
	t.Helper()
	up := gatetest.Upstream(t, gatetest.ParseScript(t, []byte(`{"tools":[
		{"name":"pay","inputSchema":{"type":"object","properties":{"amount":{},"owner":{},"path":{}}}},
		{"name":"open","inputSchema":{"type":"object"}},
		{"name":"list","inputSchema":{"type":"object","properties":{"owner":{},"path":{}}}}],
		"prompts":[{"name":"report","arguments":[{"name":"path"}]}],"resources":[],"templates":[{"uriTemplate":"docs://{+path}","name":"d"}]}`)))
	gw := gatetest.Gateway(t, "upstreams: {bank: {url: \"${bank}\", arguments: {path: path}}}\nroles:\n  lead: {}\n"+rules, map[string]*gatetest.UP{"bank": up})
	gw.Approve("")
	return gw, up
}

// outwits tries calls of which none may reach the upstream, in either era.
func outwits(t *testing.T, gw *gatetest.GW, up *gatetest.UP, tool string, args ...string) {
	t.Helper()
	for _, version := range eras {
		c := gw.As("mallory", "user").Open(version)
		for _, a := range args {
			before := up.Count("tools/call")
			if r := c.Call(tool, a); didRun(r) || up.Count("tools/call") != before {
				t.Errorf("%s: %s %s got through: %s", version, tool, a, r)
			}
		}
	}
}

// An approve rule narrows what another rule opens, so what makes its condition
// fail must not lead around it.
func TestAttackConditionOfAnApprovalFails(t *testing.T) {
	t.Parallel()
	gw, up := bank(t, `
  user:
    allow:
      - tools: ["bank/*"]
      - {tools: [bank/pay], when: "args.amount > 100", mode: approve, approvers: {roles: [lead]}}
`)
	outwits(t, gw, up, "bank__pay", `{"amount":1000}`, `{}`, `{"amount":"1000"}`, `{"amount":1e400}`, `{"amount":99999999999999999999}`, `{"amount":[1000]}`, `{"amount":null}`, `{"Amount":1000}`)
	c := gw.As("alice", "user").Open(modern)
	if r := c.Call("bank__pay", `{"amount":5}`); !didRun(r) {
		t.Errorf("a small payment: %s", r)
	}
}

// A condition that reads an argument is no better than the arguments' names: a
// second spelling beside it is refused.
func TestAttackSecondSpellingBesideACondition(t *testing.T) {
	t.Parallel()
	up := gatetest.Upstream(t, gatetest.ParseScript(t, []byte(`{"tools":[{"name":"list","inputSchema":{"type":"object","properties":{"owner":{}}}}]}`)))
	gw := gatetest.Gateway(t, `
upstreams: {free: {url: "${free}"}}
roles: {user: {allow: [{tools: ["free/*"], when: "args.owner == 'acme'"}]}}
`, map[string]*gatetest.UP{"free": up})
	gw.Approve("")
	outwits(t, gw, up, "free__list", `{"owner":"acme","Owner":"evil"}`, `{"owner":"acme","OWNER":"evil"}`, `{"owner":"acme","owner ":"evil"}`, `{"owner":"acme","own\u0435r":"evil"}`)
	c := gw.As("alice", "user").Open(modern)
	if r := c.Call("free__list", `{"owner":"acme"}`); !didRun(r) {
		t.Errorf("a plain call: %s", r)
	}
}

// An empty list or object is no value of a parameter that a rule needs.
func TestAttackNeededButEmpty(t *testing.T) {
	t.Parallel()
	gw, up := bank(t, `
  user:
    allow: [{tools: ["bank/*"], where: {values: {owner: {equals: acme, required: true}}}}]
`)
	outwits(t, gw, up, "bank__list", `{}`, `{"owner":[]}`, `{"owner":{}}`, `{"owner":[[],{}]}`, `{"owner":{"owner":[]}}`, `{"owner":null}`)
	c := gw.As("alice", "user").Open(modern)
	if r := c.Call("bank__list", `{"owner":"acme"}`); !didRun(r) {
		t.Errorf("a plain call: %s", r)
	}
}

// A value can stand in a member's name as well.
func TestAttackValueInAName(t *testing.T) {
	t.Parallel()
	gw, up := bank(t, `
  user:
    allow: [{tools: ["bank/*"], where: {path: {under: [/srv/a]}}}]
`)
	outwits(t, gw, up, "bank__list", `{"path":{"/etc/passwd":"/srv/a/x"}}`, `{"path":{"/etc/passwd":{}}}`, `{"path":[{"../../etc":[]}]}`)
}

// Of an own confirmation and that of others the stronger counts, whichever rule
// is read first.
func TestAttackOwnConfirmationFirst(t *testing.T) {
	t.Parallel()
	gw, up := bank(t, `
  another: {allow: [{tools: [bank/pay], mode: approve, approvers: {self: true}}]}
  user:
    allow: [{tools: [bank/pay], mode: approve, approvers: {roles: [lead]}}]
`)
	c := gw.As("mallory", "another", "user").Open(modern)
	body := asking("tools/call", `"name":"bank__pay","arguments":{}`, canElicit)
	r := c.Post(body)
	h := holdOf(t, r)
	yes := asking("tools/call", `"name":"bank__pay","arguments":{},"inputResponses":{"doorward-approval":{"action":"accept","content":{}}},"requestState":"`+h.state+`"`, canElicit)
	if r := c.Post(yes); didRun(r) || up.Count("tools/call") != 0 {
		t.Errorf("the caller's own yes was enough: %s", r)
	}
}

// One answer to an upstream's question counts once, however it is spelled, and
// whatever the gateway has forgotten since.
func TestAttackStateSpelledAnew(t *testing.T) {
	t.Parallel()
	k := talking(t, true, gatetest.Script{Tools: rawTools("ask")})
	k.question = `"theirs":{` + form + `}`
	yaml := `
upstreams: {up: {url: "` + k.URL() + `"}}
roles: {user: {allow: [{tools: ["up/*"], mode: approve, approvers: {roles: [lead]}}]}, lead: {}}
`
	gw := gatetest.Gateway(t, yaml, nil)
	gw.Approve("")
	c, lead := gw.As("mallory", "user").Open(modern), gw.Key("ann", "lead")
	const call = `"name":"up__ask","arguments":{"a":1}`
	went := func(state string) bool {
		r := c.Post(asking("tools/call", call+`,"inputResponses":{"theirs":{"action":"accept","content":{"n":"x"}}},"requestState":"`+state+`"`, canElicit))
		return strings.Contains(string(r.Body), "went on")
	}
	// What was sealed in the second in which the gateway began is not taken.
	var state string
	eventually(t, "an approved call goes on", func() bool {
		state = question(t, gw, c, lead, call)
		return went(state)
	})
	for _, again := range []string{state, fmt.Sprintf(`\u%04x`, state[0]) + state[1:], state[:1] + fmt.Sprintf(`\u%04X`, state[1]) + state[2:]} {
		if went(again) {
			t.Errorf("%.12s… was taken again", again)
		}
	}
	left := question(t, gw, c, lead, call)
	key := c.Key
	gw = gatetest.Again(t, gw, yaml, nil)
	c = gw.Client("mallory", key).Open(modern)
	eventually(t, "an approved call goes on after a restart", func() bool { return went(question(t, gw, c, lead, call)) })
	answers := len(k.told())
	for _, again := range []string{state, left} {
		if went(again) {
			t.Errorf("%.12s… was taken after a restart", again)
		}
	}
	if n := len(k.told()) - answers; n != 0 {
		t.Errorf("one approval went on %d times more", n)
	}
}

// question makes a call that a lead approves, and is the state of what the
// upstream then asks.
func question(t *testing.T, gw *gatetest.GW, c *gatetest.Client, lead, call string) string {
	t.Helper()
	h := holdOf(t, c.Post(asking("tools/call", call, canElicit)))
	if err := decide(t, gw, h.id, lead, true); err != nil {
		t.Fatal(err)
	}
	r := c.Post(asking("tools/call", call, canElicit))
	var m struct{ Result struct{ RequestState string } }
	if err := json.Unmarshal(r.Final(), &m); err != nil || m.Result.RequestState == "" || strings.Contains(string(r.Body), "approval.required") {
		t.Fatalf("the upstream's question: %s", r)
	}
	return m.Result.RequestState
}

// A yes that answers nothing confirms nothing, and neither does one for another
// call of the same caller.
func TestAttackConfirmationThatNobodyAskedFor(t *testing.T) {
	t.Parallel()
	gw, up := bank(t, `
  user:
    allow: [{tools: ["bank/*"], mode: approve, approvers: {self: true}}]
`)
	c := gw.As("mallory", "user").Open(modern)
	call := func(args, more string) *gatetest.Reply {
		return c.Post(asking("tools/call", `"name":"bank__pay","arguments":`+args+more, canElicit))
	}
	yes := func(state string) string {
		return `,"inputResponses":{"doorward-approval":{"action":"accept","content":{}}},"requestState":"` + state + `"`
	}
	small := holdOf(t, call(`{"amount":1}`, ""))
	for name, more := range map[string]string{
		"without a state": `,"inputResponses":{"doorward-approval":{"action":"accept"}}`, "an empty state": yes(""), "the state of a small payment": yes(small.state),
	} {
		if r := call(`{"amount":1000}`, more); didRun(r) {
			t.Errorf("%s: %s", name, r)
		}
	}
	for name, answer := range map[string]string{"twice": `{"action":"decline","action":"accept"}`, "other case": `{"Action":"accept"}`, "a list": `["accept"]`, "ACCEPT": `{"action":"ACCEPT"}`, "an error": `{"error":{"action":"accept"}}`} {
		if r := call(`{"amount":1}`, `,"inputResponses":{"doorward-approval":`+answer+`},"requestState":"`+small.state+`"`); didRun(r) {
			t.Errorf("%s: %s", name, r)
		}
	}
	if n := up.Count("tools/call"); n != 0 {
		t.Errorf("%d calls reached the upstream", n)
	}
	again := holdOf(t, call(`{"amount":1}`, ""))
	if r := call(`{"amount":1}`, yes(again.state)); !didRun(r) {
		t.Errorf("a proper yes: %s", r)
	}
}

// Whoever has many calls held takes nobody else's place.
func TestAttackFloodOfHeldCalls(t *testing.T) {
	t.Parallel()
	gw, up := bank(t, `
  user:
    allow: [{tools: ["bank/*"], mode: approve, approvers: {roles: [lead]}}]
`)
	mallory, alice := gw.As("mallory", "user").Open(modern), gw.As("alice", "user").Open(modern)
	limited := 0
	for i := range 50 {
		if r := mallory.Call("bank__pay", fmt.Sprintf(`{"amount":%d}`, i)); r.Refusal == "approval.limit" {
			limited++
		}
	}
	if limited != 50-32 {
		t.Errorf("%d of 50 were turned away", limited)
	}
	h := holdOf(t, alice.Call("bank__pay", `{"amount":1}`))
	if err := decide(t, gw, h.id, gw.Key("ann", "lead"), true); err != nil {
		t.Fatal(err)
	}
	if r := alice.Call("bank__pay", `{"amount":1}`); !didRun(r) || up.Count("tools/call") != 1 {
		t.Errorf("the neighbour's call: %s", r)
	}
}

// What an approver saw is all that the upstream gets: nothing rides along beside
// the arguments.
func TestAttackRidingAlong(t *testing.T) {
	t.Parallel()
	gw, up := bank(t, `
  user:
    allow: [{tools: ["bank/*"], mode: approve, approvers: {roles: [lead]}}]
`)
	c := gw.As("mallory", "user").Open(modern)
	h := holdOf(t, c.Call("bank__pay", `{"amount":1}`))
	if err := decide(t, gw, h.id, gw.Key("ann", "lead"), true); err != nil {
		t.Fatal(err)
	}
	r := c.Post(c.Request("1", "tools/call", `"name":"bank__pay","arguments":{"amount":1},"inputResponses":{"theirs":{"action":"accept","content":{"canary":1}},"doorward-approval":{"action":"accept"}},"requestState":"`+h.state+`"`))
	if !didRun(r) {
		t.Fatalf("the approved call: %s", r)
	}
	for _, s := range up.Seen("tools/call") {
		if strings.Contains(string(s.Raw), "canary") || strings.Contains(string(s.Raw), "requestState") {
			t.Errorf("the upstream got %s", s.Raw)
		}
	}
}

// What an approve rule names is held under every spelling that an upstream may
// read as the same, though another rule opens the rest.
func TestAttackAnotherSpellingOfWhatIsHeld(t *testing.T) {
	t.Parallel()
	up := gatetest.Upstream(t, gatetest.Script{Tools: rawTools("write_a/b"), Templates: []json.RawMessage{[]byte(`{"uriTemplate":"docs://{+path}","name":"d"}`)}})
	gw := gatetest.Gateway(t, `
upstreams: {up: {url: "${up}"}}
roles:
  user: {allow: [{tools: ["up/**"], resources: ["docs://**"]}, {tools: ["up/write_*"], resources: ["docs://secret/**"], mode: approve, approvers: {roles: [lead]}}]}
  lead: {}
`, map[string]*gatetest.UP{"up": up})
	gw.Approve("")
	for _, version := range eras {
		c := gw.As("mallory", "user").Open(version)
		for _, uri := range []string{"docs://secret/x", "docs://%73ecret/x", "docs://secret//x", "docs://secre%74/x", "docs://%2573ecret/x"} {
			if r := c.Post(c.Request("1", "resources/read", `"uri":"`+uri+`"`)); r.OK() && !strings.Contains(string(r.Body), "approval.required") {
				t.Errorf("%s: %s: %s", version, uri, r)
			}
		}
		if r := c.Call("up__write_a/b", `{}`); didRun(r) {
			t.Errorf("%s: %s", version, r)
		}
		if r := c.Post(c.Request("1", "resources/read", `"uri":"docs://open/x"`)); !r.OK() || strings.Contains(string(r.Body), "approval.required") {
			t.Errorf("%s: what is open: %s", version, r)
		}
	}
	if n := len(up.Judged()); n != len(eras) {
		t.Errorf("the upstream saw %d requests", n)
	}
}
