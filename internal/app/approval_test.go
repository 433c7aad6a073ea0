package app_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"doorward/internal/admin"
	"doorward/internal/gate"
	"doorward/internal/gatetest"
)

// twoLeads is a policy under which writing waits for two leads.
const twoLeads = `
upstreams: {files: {url: "${files}"}}
roles:
  user:
    allow:
      - {tools: ["files/*"]}
      - {tools: [files/write], mode: approve, approvers: {roles: [lead], count: 2, expires: %s}}
  lead: {}
`

func writer(t *testing.T) map[string]*gatetest.UP {
	t.Helper()
	return map[string]*gatetest.UP{"files": gatetest.Upstream(t, gatetest.ParseScript(t, []byte(
		`{"tools":[{"name":"write","inputSchema":{"type":"object","properties":{"text":{"type":"string"}}}},{"name":"read","inputSchema":{"type":"object"}}]}`)))}
}

// held is the approval that an answer tells of, and the state to bring back.
type held struct{ id, state, approval string }

func holdOf(t *testing.T, r *gatetest.Reply) held {
	t.Helper()
	type refusal struct {
		Code     string
		Approval struct{ ID, State string }
	}
	var m struct {
		Result struct {
			ResultType   string
			RequestState string
			Meta         struct {
				Refusal refusal `json:"doorward/refusal"`
			} `json:"_meta"`
		}
		Error struct{ Data refusal }
	}
	if err := json.Unmarshal(r.Final(), &m); err != nil {
		t.Fatalf("%s: %v", r, err)
	}
	got := m.Error.Data
	if m.Result.ResultType == "input_required" {
		got = m.Result.Meta.Refusal
	}
	if got.Approval.ID == "" {
		t.Fatalf("the answer tells of no approval: %s", r)
	}
	return held{got.Approval.ID, m.Result.RequestState, got.Approval.State}
}

func decide(t *testing.T, gw *gatetest.GW, id, key string, grant bool) error {
	t.Helper()
	_, err := gw.App.DecideApproval(t.Context(), "uid:0", admin.ApprovalDecision{ID: id, Grant: grant, Credential: key})
	return err
}

// TestPOL56HeldCallRunsOnce: a call that two people must approve, of a stateless
// client, across a restart: it runs once, and never on a replay, with other
// arguments, for anybody else, or by its caller's own yes.
func TestPOL56HeldCallRunsOnce(t *testing.T) {
	t.Parallel()
	yaml, ups := fmt.Sprintf(twoLeads, "1h"), writer(t)
	gw := gatetest.Gateway(t, yaml, ups)
	gw.Approve("files")
	alice := gw.As("alice", "user", "lead").Open("2026-07-28")
	ann, ben := gw.Key("ann", "lead"), gw.Key("ben", "lead")
	first := alice.Call("files__write", `{"text":"one"}`)
	wait := holdOf(t, first)
	if wait.state == "" || wait.approval != "waiting" || first.Status != 200 {
		t.Fatalf("a stateless client is answered %s", first)
	}
	if again := holdOf(t, alice.Call("files__write", `{"text":"one"}`)); again.id != wait.id {
		t.Errorf("the same call asks anew: %s and %s", wait.id, again.id)
	}
	if err := decide(t, gw, wait.id, alice.Key, true); err == nil {
		t.Error("the caller approved its own call")
	}
	if err := decide(t, gw, wait.id, gw.Key("eve", "user"), true); err == nil {
		t.Error("somebody without the role approved")
	}
	if err := decide(t, gw, wait.id, "dw_nonsense", true); err == nil {
		t.Error("an unknown key approved")
	}
	if err := decide(t, gw, wait.id, ann, true); err != nil {
		t.Fatal(err)
	}
	if err := decide(t, gw, wait.id, ann, true); err == nil {
		t.Error("one person approved twice")
	}

	gw = gatetest.Again(t, gw, yaml, ups)
	alice = gw.Client("alice", alice.Key).Open("2026-07-28")
	resume := func(args, state string) *gatetest.Reply {
		return alice.Post(alice.Request("7", "tools/call", `"name":"files__write","arguments":`+args+`,"requestState":"`+state+`"`))
	}
	if r := resume(`{"text":"one"}`, wait.state); holdOf(t, r).id != wait.id {
		t.Errorf("after one yes and a restart: %s", r)
	}
	if err := decide(t, gw, wait.id, ben, true); err != nil {
		t.Fatal(err)
	}
	if r := resume(`{"text":"two"}`, wait.state); holdOf(t, r).id == wait.id || ups["files"].Count("tools/call") != 0 {
		t.Errorf("other arguments ran on the approval: %s", r)
	}
	mallory := gw.As("mallory", "user").Open("2026-07-28")
	if r := mallory.Call("files__write", `{"text":"one"}`); holdOf(t, r).id == wait.id {
		t.Errorf("somebody else shares the approval: %s", r)
	}
	if r := resume(`{"text":"one"}`, wait.state); !strings.Contains(string(r.Final()), `"ok"`) {
		t.Errorf("the approved call: %s", r)
	}
	for _, r := range []*gatetest.Reply{resume(`{"text":"one"}`, wait.state), alice.Call("files__write", `{"text":"one"}`)} {
		if h := holdOf(t, r); h.id == wait.id {
			t.Errorf("a replay: %s", r)
		}
	}
	if n := ups["files"].Count("tools/call"); n != 1 {
		t.Errorf("it ran %d times", n)
	}
	if seen := ups["files"].Seen("tools/call"); strings.Contains(string(seen[0].Params), "requestState") {
		t.Errorf("the upstream sees Doorward's own state: %s", seen[0].Params)
	}
}

// TestPOL56FiftyAtOnce: fifty callers of one approved call, one of them runs.
func TestPOL56FiftyAtOnce(t *testing.T) {
	t.Parallel()
	ups := writer(t)
	gw := gatetest.Gateway(t, fmt.Sprintf(twoLeads, "1h"), ups)
	gw.Approve("files")
	alice := gw.As("alice", "user").Open("2026-07-28")
	wait := holdOf(t, alice.Call("files__write", `{"text":"one"}`))
	for _, lead := range []string{"ann", "ben"} {
		if err := decide(t, gw, wait.id, gw.Key(lead, "lead"), true); err != nil {
			t.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	ran := make(chan bool, 50)
	for range 50 {
		wg.Go(func() { ran <- strings.Contains(string(alice.Call("files__write", `{"text":"one"}`).Final()), `"ok"`) })
	}
	wg.Wait()
	close(ran)
	n := 0
	for ok := range ran {
		if ok {
			n++
		}
	}
	if n != 1 || ups["files"].Count("tools/call") != 1 {
		t.Errorf("%d clients were served, and the upstream ran %d", n, ups["files"].Count("tools/call"))
	}
}

// TestPOL56DeniedAndLate: a no ends it, and what has expired cannot be approved.
func TestPOL56DeniedAndLate(t *testing.T) {
	t.Parallel()
	ups := writer(t)
	gw := gatetest.Gateway(t, fmt.Sprintf(twoLeads, "1h"), ups)
	gw.Approve("files")
	alice := gw.As("alice", "user").Open("2025-11-25")
	r := alice.Call("files__write", `{"text":"no"}`)
	if r.Code != 4031 || r.Refusal != "approval.required" || !strings.Contains(string(r.Final()), `"retryAfter":`) {
		t.Errorf("a stateful client is answered %s", r)
	}
	wait := holdOf(t, r)
	ann := gw.Key("ann", "lead")
	if err := decide(t, gw, wait.id, ann, false); err != nil {
		t.Fatal(err)
	}
	if r := alice.Call("files__write", `{"text":"no"}`); r.Refusal != "approval.denied" {
		t.Errorf("after a no: %s", r)
	}
	if err := decide(t, gw, wait.id, gw.Key("ben", "lead"), true); err == nil {
		t.Error("a yes after a no")
	}
	soon := gatetest.Gateway(t, fmt.Sprintf(twoLeads, "1ms"), ups)
	soon.Approve("files")
	late := holdOf(t, soon.As("alice", "user").Open("2025-11-25").Call("files__write", `{"text":"late"}`))
	eventually(t, "the approval has ended", func() bool {
		a, err := soon.App.ShowApproval(t.Context(), late.id)
		return err == nil && a.State == "expired"
	})
	if err := decide(t, soon, late.id, soon.Key("ann", "lead"), true); err == nil {
		t.Error("a late yes")
	}
	if n := ups["files"].Count("tools/call"); n != 0 {
		t.Errorf("it ran %d times", n)
	}
}

// TestApprovalOfAnotherPolicy: an approval is for the policy that asked for it.
func TestApprovalOfAnotherPolicy(t *testing.T) {
	t.Parallel()
	ups := writer(t)
	yaml := fmt.Sprintf(twoLeads, "1h")
	gw := gatetest.Gateway(t, yaml, ups)
	gw.Approve("files")
	alice := gw.As("alice", "user").Open("2026-07-28")
	wait := holdOf(t, alice.Call("files__write", `{"text":"one"}`))
	for _, lead := range []string{"ann", "ben"} {
		if err := decide(t, gw, wait.id, gw.Key(lead, "lead"), true); err != nil {
			t.Fatal(err)
		}
	}
	gw = gatetest.Again(t, gw, strings.Replace(yaml, "lead: {}", "lead: {groups: [leads]}", 1), ups)
	alice = gw.Client("alice", alice.Key).Open("2026-07-28")
	if h := holdOf(t, alice.Call("files__write", `{"text":"one"}`)); h.id == wait.id {
		t.Error("an approval outlived its policy")
	}
}

// TestSelfConfirmation: where the rule asks for the caller's own confirmation, its
// client asks, in either era; without elicitation nothing runs.
func TestSelfConfirmation(t *testing.T) {
	t.Parallel()
	const yaml = `
upstreams: {sdk: {url: "%s"}}
roles: {user: {allow: [{tools: ["sdk/*"], mode: approve, approvers: {self: true}}]}}`
	for name, stateless := range map[string]bool{"stateful server": false, "stateless server": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gw := gatetest.Gateway(t, fmt.Sprintf(yaml, gatetest.SDKServer(t, stateless)), nil)
			gw.Approve("sdk")
			for _, action := range []string{"accept", "decline"} {
				var asked string
				session := gw.SDKClient(gw.Key("alice-"+action, "user"), &mcp.ClientOptions{
					ElicitationHandler: func(_ context.Context, r *mcp.ElicitRequest) (*mcp.ElicitResult, error) {
						asked = r.Params.Message
						return &mcp.ElicitResult{Action: action, Content: map[string]any{}}, nil
					},
				})
				res, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: "sdk__echo", Arguments: gatetest.Said{Text: "hi\u202ethere"}})
				if !strings.Contains(asked, "sdk/echo") || !strings.Contains(asked, "⟨U+202E⟩") && !strings.Contains(asked, `\u202e`) {
					t.Errorf("%s: the caller was asked %q", action, asked)
				}
				// What comes back holds a hidden character, so it is marked as data and shown.
				if ran := err == nil && strings.Contains(said(res, err), "hi⟨U+202E⟩there"); ran != (action == "accept") {
					t.Errorf("%s: %+v, %v", action, res, err)
				}
			}
			plain := gw.As("bob", "user").Open("2025-11-25")
			if r := plain.Call("sdk__echo", `{"text":"x"}`); r.Refusal != string(gate.CodeApproval) {
				t.Errorf("a client that cannot ask: %s", r)
			}
			for action, want := range map[string]string{"accept": `"text":"x"`, "decline": `approval.denied`, "cancel": `approval.denied`} {
				c := gw.As("carol-"+action, "user")
				c.Version = "2025-11-25"
				begin(t, c, canElicit)
				if got := confirming(t, gw, c, action); !strings.Contains(got, want) {
					t.Errorf("a stateful client that says %s: %s", action, got)
				}
			}
		})
	}
}

// confirming makes a call of a stateful client and answers what it is asked
// meanwhile; it returns the call's own answer.
func confirming(t *testing.T, gw *gatetest.GW, c *gatetest.Client, action string) string {
	t.Helper()
	body := c.Request("2", "tools/call", `"name":"sdk__echo","arguments":{"text":"x"}`)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, gw.URL(), bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = c.Headers(body)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok || data == "" {
			continue
		}
		var m struct {
			ID     json.RawMessage
			Method string
		}
		if err := json.Unmarshal([]byte(data), &m); err != nil {
			t.Fatalf("%s: %v", data, err)
		}
		if m.Method == "" {
			return data
		}
		c.Post(fmt.Appendf(nil, `{"jsonrpc":"2.0","id":%s,"result":{"action":%q,"content":{}}}`, m.ID, action))
	}
	return "no answer"
}

// TestRevokedApprover: the yes of a key that was revoked since counts no more.
func TestRevokedApprover(t *testing.T) {
	t.Parallel()
	ups := writer(t)
	gw := gatetest.Gateway(t, fmt.Sprintf(twoLeads, "1h"), ups)
	gw.Approve("files")
	alice := gw.As("alice", "user").Open("2026-07-28")
	wait := holdOf(t, alice.Call("files__write", `{"text":"one"}`))
	for _, lead := range []string{"ann", "thief"} {
		if err := decide(t, gw, wait.id, gw.Key(lead, "lead"), true); err != nil {
			t.Fatal(err)
		}
	}
	gw.Revoke("thief")
	if h := holdOf(t, alice.Call("files__write", `{"text":"one"}`)); h.id != wait.id || h.approval != "waiting" || ups["files"].Count("tools/call") != 0 {
		t.Errorf("with the yes of a revoked key: %+v", h)
	}
	if err := decide(t, gw, wait.id, gw.Key("ben", "lead"), true); err != nil {
		t.Fatal(err)
	}
	if r := alice.Call("files__write", `{"text":"one"}`); !strings.Contains(string(r.Final()), `"ok"`) {
		t.Errorf("once another has agreed: %s", r)
	}
}

// TestNothingGoesAlong: with a held call goes what people were shown, and nothing
// else, whichever eras client and upstream speak.
func TestNothingGoesAlong(t *testing.T) {
	t.Parallel()
	for _, era := range []string{"stateful", "stateless"} {
		for _, version := range []string{"2025-11-25", "2026-07-28"} {
			t.Run(era+" upstream, "+version, func(t *testing.T) {
				t.Parallel()
				ups := map[string]*gatetest.UP{"files": gatetest.Upstream(t, gatetest.ParseScript(t, []byte(
					`{"eras":["`+era+`"],"tools":[{"name":"write","inputSchema":{"type":"object"}}]}`)))}
				gw := gatetest.Gateway(t, fmt.Sprintf(twoLeads, "1h"), ups)
				gw.Approve("files")
				alice := gw.As("alice", "user").Open(version)
				call := func(more, meta string) *gatetest.Reply {
					body := alice.Request("7", "tools/call", `"name":"files__write","arguments":{"text":"one"}`+more)
					if meta != "" && alice.Stateless() {
						body = bytes.Replace(body, []byte(`"_meta":{`), []byte(`"_meta":{`+meta+`,`), 1)
					} else if meta != "" {
						body = bytes.Replace(body, []byte(`"arguments":`), []byte(`"_meta":{`+meta+`},"arguments":`), 1)
					}
					return alice.Post(body)
				}
				if r := call(`,"dry_run":false`, ""); r.Refusal != string(gate.CodeArgumentsRefused) {
					t.Errorf("a member that nobody is shown: %s", r)
				}
				wait := holdOf(t, call("", `"acme/dryRun":true`))
				for _, lead := range []string{"ann", "ben"} {
					if err := decide(t, gw, wait.id, gw.Key(lead, "lead"), true); err != nil {
						t.Fatal(err)
					}
				}
				if r := call("", `"acme/dryRun":false,"traceparent":"00-1-1-01"`); !strings.Contains(string(r.Final()), `"ok"`) {
					t.Fatalf("the approved call: %s", r)
				}
				seen := string(ups["files"].Seen("tools/call")[0].Params)
				if strings.Contains(seen, "acme") || !strings.Contains(seen, "traceparent") {
					t.Errorf("the upstream sees %s", seen)
				}
			})
		}
	}
}
