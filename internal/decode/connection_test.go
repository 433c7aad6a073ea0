package decode_test

import (
	"testing"

	"doorward/internal/decode"
	"doorward/internal/gate"
)

// over puts an exchange on another transport. Its headers stay.
func over(transport string, ex *gate.Exchange) *gate.Exchange {
	ex.Inbound.Transport = transport
	return ex
}

// on gives a connection its session.
func on(id string, ex *gate.Exchange) *gate.Exchange {
	ex.Inbound.Session = id
	return ex
}

// TestConnections: on a connection that is its own session, no header says
// which session a message belongs to, and none of MCP's headers means anything.
func TestConnections(t *testing.T) {
	list, note := rpc("tools/list", ""), `{"jsonrpc":"2.0","method":"notifications/initialized"}`
	stateless := rpc("tools/call", `{"name":"x",`+meta+`}`)
	cancel := `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`
	for _, tc := range []struct {
		name string
		sse  gate.Code
		ws   gate.Code
		ex   func() *gate.Exchange
	}{
		{"its session", "", "", func() *gate.Exchange { return on("s1125", post(list)) }},
		{"no session", gate.CodeSessionMissing, gate.CodeSessionMissing, func() *gate.Exchange { return post(list) }},
		{"a session by its header", gate.CodeSessionMissing, gate.CodeSessionMissing, func() *gate.Exchange { return post(list, "Mcp-Session-Id", "s1125") }},
		{"another session by its header", "", "", func() *gate.Exchange { return on("s1125", post(list, "Mcp-Session-Id", "s24")) }},
		{"two session headers", "", "", func() *gate.Exchange { return on("s1125", post(list, "Mcp-Session-Id", "a", "Mcp-Session-Id", "b")) }},
		{"a version header of the other era", "", "", func() *gate.Exchange { return on("s1125", post(list, "MCP-Protocol-Version", "2026-07-28")) }},
		{"an unknown version header", "", "", func() *gate.Exchange { return on("s1125", post(list, "MCP-Protocol-Version", "1.0")) }},
		{"a session of another principal", gate.CodeSessionMissing, gate.CodeSessionMissing, func() *gate.Exchange { return on("bob", post(list)) }},
		{"a notification before the handshake", gate.CodeSessionMissing, gate.CodeMethod, func() *gate.Exchange { return post(note) }},
		{"a notification", "", "", func() *gate.Exchange { return on("s1125", post(note)) }},
		{"a stateless cancellation", gate.CodeSessionMissing, "", func() *gate.Exchange { return post(cancel) }},
		{"a stateless call", gate.CodeMethodEra, "", func() *gate.Exchange { return post(stateless) }},
		{"a stateless call in a session", gate.CodeMethodEra, "", func() *gate.Exchange { return on("s1125", post(stateless)) }},
		{"a stateless call with wrong mirrored headers", gate.CodeMethodEra, "", func() *gate.Exchange { return post(stateless, "Mcp-Method", "ping", "Mcp-Name", "y") }},
		{"a response before the handshake", gate.CodeSessionMissing, gate.CodeSessionMissing, func() *gate.Exchange { return post(`{"jsonrpc":"2.0","id":1,"result":{}}`) }},
		{"a batch", gate.CodeBatch, gate.CodeBatch, func() *gate.Exchange { return on("s1125", post("["+rpc("ping", "")+"]")) }},
		{"a batch in 2024-11-05", gate.CodeBatch, gate.CodeBatch, func() *gate.Exchange { return on("s24", post("["+rpc("ping", "")+"]")) }},
		{"a batch in 2025-03-26", "", "", func() *gate.Exchange { return on("s0326", post("["+rpc("ping", "")+"]")) }},
		{"initialize", "", "", func() *gate.Exchange { return post(rpc("initialize", `{"protocolVersion":"2024-11-05"}`)) }},
	} {
		for transport, want := range map[string]gate.Code{"sse": tc.sse, "websocket": tc.ws} {
			t.Run(tc.name+" on "+transport, func(t *testing.T) {
				ex := over(transport, tc.ex())
				if v := judge(t, newTable(), ex); v.Code != want {
					t.Fatalf("got %q (%s), want %q", v.Code, v.Reason, want)
				}
				if want == "" && ex.Inbound.Session != "" && ex.Call.Era == gate.Stateful && ex.Call.Session.ID != ex.Inbound.Session {
					t.Errorf("it got the session %q", ex.Call.Session.ID)
				}
			})
		}
	}
}

// TestDecoded: who waits to hear that a message was taken hears of those that
// were let pass, and of no other.
func TestDecoded(t *testing.T) {
	for _, tc := range []struct {
		name string
		ex   *gate.Exchange
		want int
	}{
		{"a call", on("s1125", post(rpc("tools/list", ""))), 1},
		{"a batch", on("s0326", post("["+rpc("ping", "")+"]")), 1},
		{"no session", post(rpc("tools/list", "")), 0},
		{"no JSON", on("s1125", post("{")), 0},
		{"nobody", func() *gate.Exchange { ex := on("s1125", post(rpc("ping", ""))); ex.Principal = nil; return ex }(), 0},
	} {
		told := 0
		tc.ex.Inbound.Transport, tc.ex.Inbound.Decoded = "sse", func() { told++ }
		if _, err := decode.New(decode.Config{Sessions: newTable()}).Judge(t.Context(), tc.ex); err != nil {
			t.Fatal(err)
		}
		if told != tc.want {
			t.Errorf("%s: told %d times, want %d", tc.name, told, tc.want)
		}
	}
}
