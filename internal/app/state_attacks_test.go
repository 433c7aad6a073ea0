package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"doorward/internal/admin"
	"doorward/internal/audit"
	"doorward/internal/gatetest"
)

const (
	canElicit = `{"elicitation":{}}`
	canAsk    = `{"elicitation":{"form":{},"url":{}},"sampling":{},"roots":{}}`
	form      = `"method":"elicitation/create","params":{"message":"canary-question","requestedSchema":{"type":"object","properties":{"n":{"type":"string"}}}}`
)

// parked is a call of a stateless client that was asked something, and how it
// goes on.
type parked struct {
	t      *testing.T
	gw     *gatetest.GW
	k      *talker
	alice  *gatetest.Client
	bob    *gatetest.Client
	key    string // of the question
	state  string // the requestState, a JSON token
	accept string // inputResponses
}

const parkedRoles = `
upstreams: {up: {url: "%s"}, other: {url: "%s"}}
roles: {reader: {allow: [{tools: ["*/**"], prompts: ["*/**"]}]}}
`

// park makes alice call ask with the arguments {"a":1}.
func park(t *testing.T, stateless bool) *parked {
	t.Helper()
	s := gatetest.Script{Tools: rawTools("ask", "ask2", "echo"), Prompts: []json.RawMessage{[]byte(`{"name":"ask"}`)}}
	k, other := talking(t, stateless, s), talking(t, stateless, s)
	k.question, other.question = form, form
	if stateless {
		k.question, other.question = `"theirs":{`+form+`}`, `"theirs":{`+form+`}`
	}
	p := &parked{t: t, k: k, gw: gatetest.Gateway(t, fmt.Sprintf(parkedRoles, k.URL(), other.URL()), nil)}
	p.gw.Approve("")
	p.alice, p.bob = p.gw.As("alice", "reader").Open(modern), p.gw.As("bob", "reader").Open(modern)
	r := p.alice.Post(p.call("up__ask", `{"a":1}`, ""))
	var m struct {
		Result struct {
			ResultType    string
			InputRequests map[string]json.RawMessage
			RequestState  json.RawMessage
		}
	}
	if err := json.Unmarshal(r.Final(), &m); err != nil || m.Result.ResultType != "input_required" || len(m.Result.InputRequests) != 1 {
		t.Fatalf("got %s, want one question", r)
	}
	for p.key = range m.Result.InputRequests {
	}
	p.state = string(m.Result.RequestState)
	p.accept = fmt.Sprintf(`"inputResponses":{%q:{"action":"accept","content":{"n":"canary-answer"}}}`, p.key)
	return p
}

// call is a tool call of a client that can be asked; more are members of params.
func (p *parked) call(tool, args, more string) []byte {
	return asking("tools/call", fmt.Sprintf(`"name":%q,"arguments":%s%s`, tool, args, more), canElicit)
}

// asking is a stateless request of a client that declares what it can.
func asking(method, params, can string) []byte {
	return fmt.Appendf(nil, `{"jsonrpc":"2.0","id":2,"method":%q,"params":{%s,"_meta":{"io.modelcontextprotocol/protocolVersion":%q,"io.modelcontextprotocol/clientCapabilities":%s}}}`,
		method, params, modern, can)
}

// retry is the call with the answer and a state.
func (p *parked) retry(tool, args, state string) []byte {
	return p.call(tool, args, ","+p.accept+`,"requestState":`+state)
}

// refused makes an attempt that must not reach the upstream, and is on record.
func (p *parked) refused(name, code string, r *gatetest.Reply) {
	p.t.Helper()
	if r.OK() || r.Refusal != code || bytes.Contains(r.Body, []byte("went on")) {
		p.t.Errorf("%s: got %s, want %s", name, r, code)
	}
	found := false
	for _, rec := range p.gw.Records(audit.Query{Exchange: r.Exchange}) {
		found = found || rec.Kind == audit.KindOutcome && rec.Code == code && (rec.Status == "refused" || rec.Status == "failed")
	}
	if !found {
		p.t.Errorf("%s: A1: no outcome with code %s is on record", name, code)
	}
	for _, got := range p.k.told() {
		if !strings.Contains(got, "the call that this was asked during is over") { // which is Doorward's own answer, and says nothing
			p.t.Fatalf("%s: U0: the upstream was told %q", name, got)
		}
	}
}

// MHB-14: what a stateless client brings back goes on with the call of the
// principal that it was given to, with that tool and those arguments, once where
// the state is Doorward's own.
func TestMHB14_StateOfAnother(t *testing.T) {
	t.Parallel()
	for name, stateless := range map[string]bool{"a parked call": false, "the upstream's own state": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := park(t, stateless)
			flipped := []byte(p.state)
			flipped[len(flipped)/2] ^= 1
			for _, tc := range []struct {
				name string
				by   *gatetest.Client
				body []byte
			}{
				{"another key", p.bob, p.retry("up__ask", `{"a":1}`, p.state)},
				{"other arguments", p.alice, p.retry("up__ask", `{"a":2}`, p.state)},
				{"more arguments", p.alice, p.retry("up__ask", `{"a":1,"b":1}`, p.state)},
				{"another tool", p.alice, p.retry("up__ask2", `{"a":1}`, p.state)},
				{"a tool that asks nothing", p.alice, p.retry("up__echo", `{"a":1}`, p.state)},
				{"another upstream", p.alice, p.retry("other__ask", `{"a":1}`, p.state)},
				{"another method", p.alice, asking("prompts/get", `"name":"up__ask",`+p.accept+`,"requestState":`+p.state, canElicit)},
				{"a flipped bit", p.alice, p.retry("up__ask", `{"a":1}`, string(flipped))},
				{"cut short", p.alice, p.retry("up__ask", `{"a":1}`, p.state[:len(p.state)-5]+`"`)},
				{"made longer", p.alice, p.retry("up__ask", `{"a":1}`, p.state[:len(p.state)-1]+`AAAA"`)},
				{"no text", p.alice, p.retry("up__ask", `{"a":1}`, `1`)},
				{"null", p.alice, p.retry("up__ask", `{"a":1}`, `null`)},
				{"the empty text", p.alice, p.retry("up__ask", `{"a":1}`, `""`)},
				{"what the upstream said", p.alice, p.retry("up__ask", `{"a":1}`, `"state"`)},
			} {
				p.refused(tc.name, "params.invalid", tc.by.Post(tc.body))
			}
			if r := p.alice.Post(p.retry("up__ask", `{ "a" : 1 }`, p.state)); !r.OK() || !bytes.Contains(r.Body, []byte("went on")) {
				t.Fatalf("the very call: %s", r)
			}
			got := p.k.told()
			if len(got) != 1 || !strings.Contains(got[0], "canary-answer") || stateless && !strings.HasPrefix(got[0], `"st\u0061te"{"theirs":`) {
				t.Fatalf("the upstream was told %q", got)
			}
			if stateless {
				return // how often its own state is good is the upstream's affair
			}
			if r := p.alice.Post(p.retry("up__ask", `{"a":1}`, p.state)); r.OK() || r.Refusal != "params.invalid" {
				t.Errorf("a second time: %s", r)
			}
			if n := len(p.k.told()); n != 1 || p.k.asks != 1 {
				t.Errorf("the upstream was called %d times and told %d answers, want 1 each", p.k.asks, n)
			}
		})
	}
}

// MHB-14: the stages judge the call again when it goes on: what was withdrawn
// meanwhile is withdrawn.
func TestMHB14_WithdrawnMeanwhile(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		code     string
		withdraw func(p *parked)
	}{
		"the tool is rejected": {"tool.rejected", func(p *parked) { p.reject("ask") }},
		"the tool has changed": {"tool.changed", func(p *parked) {
			p.k.Set(gatetest.Script{Tools: []json.RawMessage{shaped("ask", "x", "string"), loose("ask2"), loose("echo")}})
			if _, err := p.gw.App.Entries(p.t.Context(), admin.Review{Upstream: "up", Refresh: true}); err != nil {
				p.t.Fatal(err)
			}
		}},
		"the policy denies it": {"policy.denied", func(p *parked) {
			p.reload(`allow: [{tools: ["*/**"]`, `deny: [{tools: [up/ask]}], allow: [{tools: ["*/**"]`)
		}},
		"the key is revoked": {"identity.invalid", func(p *parked) { p.gw.Revoke("alice") }},
		"the upstream is gone from the configuration": {"tool.unknown", func(p *parked) {
			p.reload(`{up: {url: "`+p.k.URL()+`"}, other:`, `{other:`)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for how, stateless := range map[string]bool{"parked": false, "the upstream's own": true} {
				t.Run(how, func(t *testing.T) {
					p := park(t, stateless)
					tc.withdraw(p)
					for range 2 {
						p.refused(name, tc.code, p.alice.Post(p.retry("up__ask", `{"a":1}`, p.state)))
					}
				})
			}
		})
	}
}

func (p *parked) reject(tool string) {
	p.t.Helper()
	entries, err := p.gw.App.Entries(p.t.Context(), admin.Review{Upstream: "up"})
	if err != nil {
		p.t.Fatal(err)
	}
	at := slices.IndexFunc(entries, func(e admin.Entry) bool { return e.Kind == "tool" && e.Name == tool })
	if at < 0 {
		p.t.Fatalf("no tool %s among %v", tool, entries)
	}
	e := entries[at]
	if n, err := p.gw.App.Reject(p.t.Context(), "test", []admin.Ref{{Upstream: "up", Kind: "tool", Name: tool, Digest: e.Digest}}); n != 1 || err != nil {
		p.t.Fatalf("rejecting: %d, %v", n, err)
	}
}

// reload changes the configuration file and has it read.
func (p *parked) reload(from, to string) {
	p.t.Helper()
	path := filepath.Join(p.gw.Dir, "doorward.yaml")
	b, err := os.ReadFile(path)
	if err != nil {
		p.t.Fatal(err)
	}
	text := strings.Replace(string(b), from, to, 1)
	if text == string(b) {
		p.t.Fatalf("the configuration has no %q:\n%s", from, b)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
	if err := p.gw.App.Reload(p.t.Context(), "test"); err != nil {
		p.t.Fatal(err)
	}
}
