package app_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"doorward/internal/gatetest"
)

// asked is a gateway whose security people are asked before anything leaves.
const asked = `
upstreams: {up: {url: "${up}", labels: {issues: [untrusted], file: [private], publish: [leaves]}}}
roles: {user: {allow: [{tools: ["up/*"]}]}, security: {}}
trust: {flows: [{from: [private, untrusted], to: leaves, then: approve, approvers: {roles: [security], expires: 1h}}]}
`

func tracked(t *testing.T) map[string]*gatetest.UP {
	t.Helper()
	return map[string]*gatetest.UP{"up": gatetest.Upstream(t, gatetest.ParseScript(t, []byte(
		`{"tools":[{"name":"issues","inputSchema":{"type":"object"}},{"name":"file","inputSchema":{"type":"object"}},{"name":"publish","inputSchema":{"type":"object","properties":{"to":{"type":"string"}}}}]}`)))}
}

// TestPOL54HeldAcrossSessions: what was read in one session, by one key of a person,
// before a restart, is held in another; people see why, and their yes is for one call.
func TestPOL54HeldAcrossSessions(t *testing.T) {
	t.Parallel()
	ups := tracked(t)
	gw := gatetest.Gateway(t, asked, ups)
	gw.Approve("up")
	first := gw.As("alice", "user").Open("2025-11-25")
	for _, tool := range []string{"up__issues", "up__file"} {
		if r := first.Call(tool, `{}`); r.Code != 0 {
			t.Fatalf("%s: %s", tool, r)
		}
	}
	gw = gatetest.Again(t, gw, asked, ups)
	other := gw.Client("alice", first.Key).Open("2026-07-28")
	r := gw.Client("alice", first.Key).Open("2025-06-18").Call("up__publish", `{"to":"all"}`)
	wait := holdOf(t, r)
	if h := holdOf(t, other.Call("up__publish", `{"to":"all"}`)); h.id != wait.id {
		t.Error("the same call of another session asks anew")
	}
	for _, part := range []string{"rivate data came from up/file at", "ext that others may have written came from up/issues at"} {
		if !strings.Contains(string(r.Final()), part) {
			t.Errorf("the answer does not say %q: %s", part, r)
		}
	}
	shown, err := gw.App.ShowApproval(t.Context(), wait.id)
	if err != nil || !strings.Contains(shown.Why, "up/file") || !strings.HasPrefix(shown.Rule, "trust.flows[0]: ") || shown.Roles[0] != "security" {
		t.Errorf("people are shown %+v, %v", shown, err)
	}
	if err := decide(t, gw, wait.id, gw.Key("eve", "user"), true); err == nil {
		t.Error("somebody without the role approved")
	}
	if err := decide(t, gw, wait.id, gw.Key("sam", "security"), true); err != nil {
		t.Fatal(err)
	}
	if r := other.Call("up__file", `{}`); r.Code != 0 { // what is read meanwhile changes nothing about the yes
		t.Error(r)
	}
	if r := other.Call("up__publish", `{"to":"all"}`); !strings.Contains(string(r.Final()), `"ok"`) {
		t.Errorf("the approved call: %s", r)
	}
	if h := holdOf(t, other.Call("up__publish", `{"to":"all"}`)); h.id == wait.id {
		t.Error("one yes let two calls pass")
	}
	if n := len(ups["up"].Seen("tools/call")); n != 4 {
		t.Errorf("%d calls reached the upstream, want 4", n)
	}
}

// TestPOL54FlowsSeenByConditions: session.labels is what was read.
func TestPOL54FlowsSeenByConditions(t *testing.T) {
	t.Parallel()
	ups := tracked(t)
	gw := gatetest.Gateway(t, `
upstreams: {up: {url: "${up}", labels: {issues: [untrusted], file: [private], publish: []}}}
roles: {user: {allow: [{tools: ["up/*"]}], deny: [{tools: [up/publish], when: "'untrusted' in session.labels"}]}}
trust: {flows: []}
`, ups)
	gw.Approve("up")
	alice := gw.As("alice", "user").Open("2025-11-25")
	for i, step := range []struct{ tool, refusal string }{{"up__file", ""}, {"up__publish", ""}, {"up__issues", ""}, {"up__publish", "policy.denied"}} {
		if r := alice.Call(step.tool, `{}`); r.Refusal != step.refusal {
			t.Errorf("step %d, %s: %s", i, step.tool, r)
		}
	}
}

// TestPOL54CallerIsAsked: by default the caller's client asks its user, who sees why.
func TestPOL54CallerIsAsked(t *testing.T) {
	t.Parallel()
	gw := gatetest.Gateway(t, fmt.Sprintf(`
upstreams: {sdk: {url: "%s", labels: {echo: [untrusted, acts]}}}
roles: {user: {allow: [{tools: ["sdk/*"]}]}}`, gatetest.SDKServer(t, false)), nil)
	gw.Approve("sdk")
	for _, action := range []string{"accept", "decline"} {
		var questions []string
		session := gw.SDKClient(gw.Key("alice-"+action, "user"), &mcp.ClientOptions{
			ElicitationHandler: func(_ context.Context, r *mcp.ElicitRequest) (*mcp.ElicitResult, error) {
				questions = append(questions, r.Params.Message)
				return &mcp.ElicitResult{Action: action, Content: map[string]any{}}, nil
			},
		})
		call := func() bool {
			res, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: "sdk__echo", Arguments: gatetest.Said{Text: "hi"}})
			return err == nil && said(res, err) == "hi"
		}
		if !call() || len(questions) != 0 {
			t.Errorf("%s: the first call asks %q", action, questions)
		}
		if ran := call(); ran != (action == "accept") || len(questions) != 1 || !strings.Contains(questions[0], "Why you are asked: Text that others may have written came from sdk/echo at") {
			t.Errorf("%s: the second call ran: %v, and asked %q", action, ran, questions)
		}
	}
}
