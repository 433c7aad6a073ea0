package decode_test

import (
	"testing"

	"doorward/internal/decode"
	"doorward/internal/gate"
	"doorward/internal/mcp"
)

func reply(t *testing.T, raw string) *gate.Message {
	t.Helper()
	m, err := mcp.ParseUpstream([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func note(method, params string) string {
	return `{"jsonrpc":"2.0","method":"notifications/` + method + `","params":` + params + `}`
}

func result(body string) string { return `{"jsonrpc":"2.0","id":9,"result":` + body + `}` }

func TestReview(t *testing.T) {
	const v = `"io.modelcontextprotocol/protocolVersion":"2026-07-28",`
	stateless := func(method, params string) *gate.Exchange {
		return post(rpc(method, params), "MCP-Protocol-Version", "2026-07-28", "Mcp-Method", method, "Mcp-Name", "x")
	}
	plain := func() *gate.Exchange { return modern() }
	asking := func() *gate.Exchange {
		return stateless("tools/call", `{"name":"x","_meta":{`+v+`"io.modelcontextprotocol/clientCapabilities":{"elicitation":{}},"progressToken":1,"io.modelcontextprotocol/logLevel":"info"}}`)
	}
	list := func() *gate.Exchange { return stateless("tools/list", `{`+meta+`}`) }
	listen := func() *gate.Exchange {
		return stateless("subscriptions/listen", `{"notifications":{"toolsListChanged":true,"promptsListChanged":false,"resourceSubscriptions":["a:\u0062"]},`+meta+`}`)
	}
	session := func() *gate.Exchange {
		return post(rpc("tools/call", `{"name":"x","_meta":{"progressToken":1}}`), "Mcp-Session-Id", "s1125")
	}
	tasked := func() *gate.Exchange {
		return post(rpc("tools/call", `{"name":"x","task":{}}`), "Mcp-Session-Id", "s1125")
	}
	declared := func() *gate.Exchange {
		return stateless("tools/call", `{"name":"x","_meta":{`+v+`"io.modelcontextprotocol/clientCapabilities":{"extensions":{"io.modelcontextprotocol/tasks":{}}}}}`)
	}
	old := func() *gate.Exchange { return post(rpc("tools/call", `{"name":"x"}`), "Mcp-Session-Id", "s0326") }
	for _, tc := range []struct {
		name string
		ex   func() *gate.Exchange
		m    string
		ok   bool
	}{
		{"result", session, result(`{}`), true},
		{"result no object", session, result(`[]`), false},
		{"result null", session, result(`null`), false},
		{"error", session, `{"jsonrpc":"2.0","id":9,"error":{"code":-1,"message":""}}`, true},
		{"complete", plain, result(`{"resultType":"complete"}`), true},
		{"no resultType", plain, result(`{}`), true},
		{"task", plain, result(`{"resultType":"task"}`), false},
		{"task, declared", declared, result(`{"resultType":"task","taskId":"1"}`), true},
		{"task with content beside it", declared, result(`{"resultType":"task","taskId":"1","content":[]}`), false},
		{"task, asked for", tasked, result(`{"task":{"taskId":"1"}}`), true},
		{"task asked for, without an id", tasked, result(`{"task":{}}`), false},
		{"task asked for, with content beside it", tasked, result(`{"task":{"taskId":"1"},"structuredContent":{}}`), false},
		{"task asked for and not made", tasked, result(`{"content":[]}`), true},
		{"task status", session, note("tasks/status", `{"taskId":"1"}`), true},
		{"task status of a later revision", old, note("tasks/status", `{"taskId":"1"}`), false},
		{"task status, stateless", declared, note("tasks/status", `{"taskId":"1"}`), false},
		{"task of the extension outside a listen", declared, note("tasks", `{"taskId":"1"}`), false},
		{"task at the client", session, rpc("tasks/get", `{"taskId":"1"}`), false},
		{"resultType a number", plain, result(`{"resultType":1}`), false},
		{"input, load shed", plain, result(`{"resultType":"input_required","requestState":"s"}`), true},
		{"input with nothing", plain, result(`{"resultType":"input_required"}`), false},
		{"input, state a number", plain, result(`{"resultType":"input_required","requestState":1}`), false},
		{"input, declared", asking, result(`{"resultType":"input_required","inputRequests":{"a":{"method":"elicitation/create","params":{}}}}`), true},
		{"MHB-15 not declared", plain, result(`{"resultType":"input_required","inputRequests":{"a":{"method":"elicitation/create","params":{}}}}`), false},
		{"MHB-15 mode not declared", asking, result(`{"resultType":"input_required","inputRequests":{"a":{"method":"elicitation/create","params":{"mode":"url"}}}}`), false},
		{"MHB-15 other request", asking, result(`{"resultType":"input_required","inputRequests":{"a":{"method":"roots/list"}}}`), false},
		{"MHB-15 no request at all", asking, result(`{"resultType":"input_required","inputRequests":{"a":{"method":"tools/call"}}}`), false},
		{"MHB-15 eleven", asking, result(`{"resultType":"input_required","inputRequests":{` + eleven() + `}}`), false},
		{"input to a list", list, result(`{"resultType":"input_required","requestState":"s"}`), false},
		{"progress", session, note("progress", `{"progressToken":5}`), true},
		{"progress, stateless", asking, note("progress", `{"progressToken":5}`), true},
		{"progress unasked", plain, note("progress", `{"progressToken":5}`), false},
		{"progress without token", session, note("progress", `{}`), false},
		{"log", session, note("message", `{}`), true},
		{"log asked for", asking, note("message", `{}`), true},
		{"log unasked", plain, note("message", `{}`), false},
		{"list change on a session", session, note("tools/list_changed", `{}`), true},
		{"list change on a stateless call", asking, note("tools/list_changed", `{}`), false},
		{"MHB-17 acknowledged", listen, note("subscriptions/acknowledged", `{}`), true},
		{"MHB-17 asked", listen, note("tools/list_changed", `{}`), true},
		{"MHB-17 not asked", listen, note("prompts/list_changed", `{}`), false},
		{"MHB-17 absent", listen, note("resources/list_changed", `{}`), false},
		{"MHB-17 subscribed", listen, note("resources/updated", `{"uri":"a:b"}`), true},
		{"MHB-17 other resource", listen, note("resources/updated", `{"uri":"a:c"}`), false},
		{"MHB-17 log", listen, note("message", `{}`), false},
		{"unknown notification", session, note("frob", `{}`), false},
		{"client's notification", session, note("initialized", `{}`), false},
		{"notification of a later revision", old, note("elicitation/complete", `{}`), false},
		{"notification of the revision", session, note("elicitation/complete", `{}`), true},
		{"cancelled without an id of the client's", session, note("cancelled", `{"requestId":1}`), false},
		{"ask declared", session, rpc("roots/list", ""), true},
		{"ask not declared", session, rpc("sampling/createMessage", `{}`), false},
		{"ask of a later revision", old, rpc("elicitation/create", `{}`), false},
		{"ask in the stateless era", asking, rpc("elicitation/create", `{}`), false},
		{"client's method", session, rpc("tools/call", `{"name":"x"}`), false},
		{"unknown request", session, rpc("frob", `{}`), false},
		{"notification with an id", session, rpc("notifications/progress", `{"progressToken":1}`), false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := decode.New(decode.Config{Sessions: newTable()})
			ex := tc.ex()
			if v, err := s.Judge(t.Context(), ex); err != nil || v.Effect != gate.Continue {
				t.Fatal(v, err)
			}
			next, v, err := s.Review(t.Context(), ex, reply(t, tc.m))
			if next != nil || err != nil || (v.Effect == gate.Continue) != tc.ok || (v.Code == gate.CodeReply) == tc.ok {
				t.Errorf("got %v, %+v, %v", next, v, err)
			}
		})
	}
}

func eleven() string {
	b := ""
	for i := range 11 {
		b += `,"` + string(rune('a'+i)) + `":{"method":"elicitation/create","params":{}}`
	}
	return b[1:]
}

// What an upstream sends outside a call has an exchange without a message.
func TestReviewOutsideACall(t *testing.T) {
	s := decode.New(decode.Config{Sessions: newTable()})
	ex := &gate.Exchange{Call: gate.Call{Era: gate.Stateful, Session: newTable().sessions["s1125"]}}
	for raw, want := range map[string]bool{
		note("tools/list_changed", `{}`): true, note("progress", `{"progressToken":1}`): false, rpc("roots/list", ""): true,
		rpc("sampling/createMessage", `{}`): false, result(`{}`): false, note("subscriptions/acknowledged", `{}`): false,
	} {
		if _, v, err := s.Review(t.Context(), ex, reply(t, raw)); err != nil || (v.Effect == gate.Continue) != want {
			t.Errorf("%s: %+v, %v", raw, v, err)
		}
	}
	if _, v, _ := s.Review(t.Context(), &gate.Exchange{}, reply(t, note("tools/list_changed", `{}`))); v.Effect == gate.Continue {
		t.Error("passed without a version")
	}
}
