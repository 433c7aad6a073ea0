package decode_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"doorward/internal/decode"
	"doorward/internal/gate"
)

// table is a session table of two owners, as listen keeps one.
type table struct {
	sessions map[string]*gate.Session
	began    []gate.Session
	refuse   error
	down     error // what Find and Keep fail with
	kept     []string
}

func (s *table) Find(_ context.Context, ex *gate.Exchange, id string) (*gate.Session, error) {
	se, ok := s.sessions[id]
	if s.down != nil {
		return nil, s.down
	}
	if !ok || se.Owner != ex.Principal.Key() || se.Profile != ex.Inbound.Profile {
		return nil, nil
	}
	return se, nil
}

func (s *table) Keep(_ context.Context, session *gate.Session) error {
	s.kept = append(s.kept, session.ID)
	return s.down
}

func (s *table) Begin(_ context.Context, ex *gate.Exchange, fields gate.Session) (*gate.Session, error) {
	if s.refuse != nil {
		return nil, s.refuse
	}
	fields.ID, fields.Owner = fmt.Sprintf("new%d", len(s.began)), ex.Principal.Key()
	s.began = append(s.began, fields)
	return &fields, nil
}

func alice() *gate.Principal { return &gate.Principal{Method: "api_key", Subject: "alice"} }

func newTable() *table {
	s := &table{sessions: map[string]*gate.Session{}}
	for id, version := range map[string]string{"s24": "2024-11-05", "s0326": "2025-03-26", "s0618": "2025-06-18", "s1125": "2025-11-25"} {
		s.sessions[id] = &gate.Session{ID: id, Owner: alice().Key(), Version: version, Capabilities: []byte(`{"roots":{}}`)}
	}
	s.sessions["bob"] = &gate.Session{ID: "bob", Owner: (&gate.Principal{Method: "api_key", Subject: "bob"}).Key(), Version: "2025-11-25"}
	return s
}

// post is an HTTP message of alice's with these headers.
func post(body string, pairs ...string) *gate.Exchange {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return &gate.Exchange{Principal: alice(), Inbound: gate.Inbound{
		Transport: "http", Header: h,
		Body: func(context.Context) ([]byte, error) { return []byte(body), nil },
	}}
}

func line(body string) *gate.Exchange {
	ex := post(body)
	ex.Inbound.Transport, ex.Inbound.Header = "stdio", nil
	return ex
}

func judge(t *testing.T, s *table, ex *gate.Exchange) gate.Verdict {
	t.Helper()
	v, err := decode.New(decode.Config{Sessions: s}).Judge(t.Context(), ex)
	if err != nil {
		t.Fatal(err)
	}
	if (v.Effect == gate.Continue) != (v.Code == "") {
		t.Errorf("effect %v with code %q", v.Effect, v.Code)
	}
	return v
}

func rpc(method, params string) string {
	if params == "" {
		return `{"jsonrpc":"2.0","id":1,"method":"` + method + `"}`
	}
	return `{"jsonrpc":"2.0","id":1,"method":"` + method + `","params":` + params + `}`
}

const meta = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}`

// modern is a well-formed stateless call of the tool x.
func modern(more ...string) *gate.Exchange {
	return post(rpc("tools/call", `{"name":"x",`+meta+`}`), append([]string{"MCP-Protocol-Version", "2026-07-28", "Mcp-Method", "tools/call", "Mcp-Name", "x"}, more...)...)
}

func TestJudge(t *testing.T) {
	call := rpc("tools/call", `{"name":"x"}`)
	for _, tc := range []struct {
		name string
		ex   *gate.Exchange
		want gate.Code
	}{
		{"stateless call", modern(), ""},
		{"stateless call with a foreign session id", modern("Mcp-Session-Id", "bob"), ""},
		{"stateful call", post(call, "Mcp-Session-Id", "s1125"), ""},
		{"a log level", post(`{"jsonrpc":"2.0","id":1,"method":"logging/setLevel","params":{"level":"error"}}`, "Mcp-Session-Id", "s1125"), ""},
		{"an unknown log level", post(`{"jsonrpc":"2.0","id":1,"method":"logging/setLevel","params":{"level":"loud"}}`, "Mcp-Session-Id", "s1125"), gate.CodeParams},
		{"no log level", post(`{"jsonrpc":"2.0","id":1,"method":"logging/setLevel","params":{}}`, "Mcp-Session-Id", "s1125"), gate.CodeParams},
		{"stateful call with the version", post(call, "Mcp-Session-Id", "s1125", "MCP-Protocol-Version", "2025-11-25"), ""},
		{"another stateful version on the session: the negotiated one governs", post(call, "Mcp-Session-Id", "s1125", "MCP-Protocol-Version", "2025-06-18"), ""},
		{"the stateless version on the session", post(call, "Mcp-Session-Id", "s1125", "MCP-Protocol-Version", "2026-07-28"), gate.CodeMeta},
		{"unknown version on the session", post(call, "Mcp-Session-Id", "s1125", "MCP-Protocol-Version", "1.0"), gate.CodeVersion},
		{"no session", post(call), gate.CodeSessionMissing},
		{"empty session id", post(call, "Mcp-Session-Id", ""), gate.CodeSessionMissing},
		{"unknown session", post(call, "Mcp-Session-Id", "nope"), gate.CodeSession},
		{"HTT-34 foreign session", post(call, "Mcp-Session-Id", "bob"), gate.CodeSession},
		{"two sessions", post(call, "Mcp-Session-Id", "s1125", "Mcp-Session-Id", "bob"), gate.CodeHeaderMismatch},
		{"long session id", post(call, "Mcp-Session-Id", strings.Repeat("x", 129)), gate.CodeSession},
		{"MHB-01", post(rpc("tools/call", `{"name":"delete_all",`+meta+`}`), "MCP-Protocol-Version", "2026-07-28", "Mcp-Method", "tools/call", "Mcp-Name", "get_weather"), gate.CodeHeaderMismatch},
		{"MHB-02", post(rpc("tools/call", `{"name":"x",`+meta+`}`), "MCP-Protocol-Version", "2026-07-28", "Mcp-Method", "tools/list", "Mcp-Name", "x"), gate.CodeHeaderMismatch},
		{"MHB-03 version header", post(rpc("tools/call", `{"name":"x",`+meta+`}`), "Mcp-Method", "tools/call", "Mcp-Name", "x"), gate.CodeHeaderMismatch},
		{"MHB-04", modern("Mcp-Name", "y"), gate.CodeHeaderMismatch},
		{"MHB-10 unknown version", post(rpc("tools/list", `{"_meta":{"io.modelcontextprotocol/protocolVersion":"2099-01-01"}}`), "MCP-Protocol-Version", "2099-01-01"), gate.CodeVersion},
		{"MHB-10 no _meta", post(call, "MCP-Protocol-Version", "2026-07-28", "Mcp-Method", "tools/call", "Mcp-Name", "x"), gate.CodeMeta},
		{"MHB-10 unknown method", post(rpc("tools/frob", `{`+meta+`}`), "MCP-Protocol-Version", "2026-07-28", "Mcp-Method", "tools/frob"), gate.CodeMethod},
		{"method of the other era", post(rpc("ping", `{`+meta+`}`), "MCP-Protocol-Version", "2026-07-28", "Mcp-Method", "ping"), gate.CodeMethod},
		{"initialize with all that is stateless", post(rpc("initialize", `{"protocolVersion":"2025-11-25",`+meta+`}`), "MCP-Protocol-Version", "2026-07-28", "Mcp-Method", "initialize"), gate.CodeMethod},
		{"stateless method on a session", post(rpc("server/discover", ""), "Mcp-Session-Id", "s1125"), gate.CodeMethod},
		{"HTT-28 unknown method", post(rpc("rpc.discover", ""), "Mcp-Session-Id", "s1125"), gate.CodeMethod},
		{"HTT-28 unknown notification", post(`{"jsonrpc":"2.0","method":"notifications/frob"}`, "Mcp-Session-Id", "s1125"), gate.CodeMethod},
		{"HTT-28 method of 1 MiB", post(rpc(strings.Repeat("x", 1<<20), ""), "Mcp-Session-Id", "s1125"), gate.CodeBadMessage},
		{"HTT-28 notification with id", post(rpc("notifications/initialized", ""), "Mcp-Session-Id", "s1125"), gate.CodeBadMessage},
		{"HTT-28 request without id", post(`{"jsonrpc":"2.0","method":"tools/list"}`, "Mcp-Session-Id", "s1125"), gate.CodeBadMessage},
		{"a server's method", post(rpc("sampling/createMessage", `{}`), "Mcp-Session-Id", "s1125"), gate.CodeMethod},
		{"a server's notification", post(`{"jsonrpc":"2.0","method":"notifications/message"}`, "Mcp-Session-Id", "s1125"), gate.CodeMethod},
		{"GET by its name", post(rpc(gate.OpStream, ""), "Mcp-Session-Id", "s1125"), gate.CodeMethod},
		{"DELETE by its name", post(rpc(gate.OpClose, ""), "Mcp-Session-Id", "s1125"), gate.CodeMethod},
		{"a connection by its name", post(rpc(gate.OpOpen, ""), "Mcp-Session-Id", "s1125"), gate.CodeMethod},
		{"no tool", post(rpc("tools/call", `{}`), "Mcp-Session-Id", "s1125"), gate.CodeParams},
		{"no params", post(rpc("tools/call", ""), "Mcp-Session-Id", "s1125"), gate.CodeParams},
		{"tool a number", post(rpc("tools/call", `{"name":1}`), "Mcp-Session-Id", "s1125"), gate.CodeParams},
		{"tool with NUL", post(rpc("tools/call", `{"name":"a\u0000"}`), "Mcp-Session-Id", "s1125"), gate.CodeParams},
		{"progress token an object", post(rpc("tools/call", `{"name":"x","_meta":{"progressToken":{}}}`), "Mcp-Session-Id", "s1125"), gate.CodeParams},
		{"HTT-27 answer without a session", post(`{"jsonrpc":"2.0","id":1,"result":{}}`), gate.CodeSessionMissing},
		{"HTT-27 answer in the stateless era", post(`{"jsonrpc":"2.0","id":1,"result":{}}`, "MCP-Protocol-Version", "2026-07-28"), gate.CodeBadMessage},
		{"HTT-27 answer on a foreign session", post(`{"jsonrpc":"2.0","id":1,"result":{}}`, "Mcp-Session-Id", "bob"), gate.CodeSession},
		{"HTT-27 method and result", post(`{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}`, "Mcp-Session-Id", "s1125"), gate.CodeBadMessage},
		{"HTT-27 error without id", post(`{"jsonrpc":"2.0","error":{"code":1,"message":""}}`, "Mcp-Session-Id", "s1125"), gate.CodeBadMessage},
		{"answer", post(`{"jsonrpc":"2.0","id":1,"result":{}}`, "Mcp-Session-Id", "s1125"), ""},
		{"no principal", &gate.Exchange{}, gate.CodeUnauthenticated},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if v := judge(t, newTable(), tc.ex); v.Code != tc.want {
				t.Errorf("got %q (%s), want %q", v.Code, v.Reason, tc.want)
			}
		})
	}
}

// Malformed messages, HTT-18 to HTT-26: none reaches the rest of the line.
func TestJudgeMalformed(t *testing.T) {
	nested := func(n int) string {
		return rpc("tools/call", `{"name":"x","arguments":{"a":`+strings.Repeat("[", n-3)+strings.Repeat("]", n-3)+`}}`)
	}
	const ok, parse, invalid = gate.Code(""), gate.CodeBadBody, gate.CodeBadMessage
	for _, tc := range []struct {
		name, body string
		want       gate.Code
	}{
		{"HTT-18 top", `{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}`, invalid},
		{"HTT-18 escaped", `{"jsonrpc":"2.0","id":1,"method":"ping","\u006dethod":"tools/call"}`, invalid},
		{"HTT-18 params", rpc("tools/call", `{"name":"x","name":"y"}`), invalid},
		{"HTT-18 _meta", rpc("tools/call", `{"name":"x","_meta":{"a":1,"a":1}}`), invalid},
		{"HTT-18 arguments", rpc("tools/call", `{"name":"x","arguments":{"a":{"b":{"c":1,"c":2}}}}`), invalid},
		{"HTT-19 case", `{"jsonrpc":"2.0","id":1,"Method":"ping"}`, invalid},
		{"HTT-19 beside", `{"jsonrpc":"2.0","id":1,"method":"ping","METHOD":"tools/call"}`, invalid},
		{"HTT-19 long s", `{"jsonrpc":"2.0","id":1,"method":"ping","param` + "\u017f" + `":{}}`, invalid},
		{"HTT-19 full width", `{"jsonrpc":"2.0","id":1,"method":"ping","` + "\uff4d" + `ethod":"x"}`, invalid},
		{"HTT-19 arguments", rpc("tools/call", `{"name":"x","argument`+"\u017f"+`":{}}`), invalid},
		{"HTT-20 NUL", `{"jsonrpc":"2.0","id":1,"method":"ping","method\u0000":"x"}`, invalid},
		{"HTT-20 name with NUL", rpc("tools/call", `{"name":"x","name\u0000":"y"}`), invalid},
		{"HTT-20 BOM", rpc("tools/call", `{"name":"x","\ufeffname":"y"}`), invalid},
		{"HTT-21 depth 64", nested(64), ok},
		{"HTT-21 depth 65", nested(65), invalid},
		{"HTT-21 depth 100000", `{"jsonrpc":` + strings.Repeat("[", 100_000), invalid},
		{"HTT-22 big argument", rpc("tools/call", `{"name":"x","arguments":{"n":9007199254740993,"m":1e400}}`), ok},
		{"HTT-22 leading zero", rpc("tools/call", `{"name":"x","arguments":{"n":01}}`), parse},
		{"HTT-22 NaN", rpc("tools/call", `{"name":"x","arguments":{"n":NaN}}`), parse},
		{"HTT-22 million digits", rpc("tools/call", `{"name":"x","arguments":{"n":`+strings.Repeat("9", 1_000_000)+`}}`), invalid},
		{"HTT-23 raw FF", rpc("tools/call", "{\"name\":\"x\xff\"}"), parse},
		{"HTT-23 lone surrogate", rpc("tools/call", `{"name":"x\ud800"}`), parse},
		{"HTT-23 BOM", "\ufeff" + rpc("ping", ""), parse},
		{"HTT-24 two", rpc("ping", "") + rpc("ping", ""), parse},
		{"HTT-24 trailing", rpc("ping", "") + " x", parse},
		{"HTT-24 empty", "", parse},
		{"HTT-24 null", "null", invalid},
		{"HTT-24 string", `"str"`, invalid},
		{"HTT-24 comment", "// x\n" + rpc("ping", ""), parse},
		{"HTT-25 20,000 keys", `{"jsonrpc":"2.0","id":1,"method":"ping","params":{` + strings.TrimSuffix(strings.Repeat(`"a":1,`, 20_000), ",") + `}}`, invalid},
		{"HTT-26 id null", `{"jsonrpc":"2.0","id":null,"method":"ping"}`, invalid},
		{"HTT-26 id fraction", `{"jsonrpc":"2.0","id":1.5,"method":"ping"}`, invalid},
		{"HTT-26 id object", `{"jsonrpc":"2.0","id":{},"method":"ping"}`, invalid},
		{"HTT-26 id of 10 KiB", `{"jsonrpc":"2.0","id":"` + strings.Repeat("x", 10<<10) + `","method":"ping"}`, invalid},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ex := post(tc.body, "Mcp-Session-Id", "s1125")
			v := judge(t, newTable(), ex)
			if v.Code != tc.want {
				t.Errorf("got %q (%s), want %q", v.Code, v.Reason, tc.want)
			}
			if v.Effect == gate.Continue && string(ex.Call.Message.Raw) != tc.body {
				t.Errorf("the bytes became %.200s", ex.Call.Message.Raw)
			}
		})
	}
}

func TestJudgeFillsTheCall(t *testing.T) {
	ex := modern()
	judge(t, newTable(), ex)
	c := ex.Call
	if c.Era != gate.Stateless || c.Version != "2026-07-28" || c.Session != nil || c.Name != "x" || c.Item != gate.Tool ||
		string(c.Message.Bytes(c.NameAt)) != `"x"` || c.Route.Method != "tools/call" || c.Route.Action != gate.Relay {
		t.Errorf("stateless: %+v", c)
	}
	ex = post(rpc("completion/complete", `{"ref":{"type":"ref/prompt","name":"p"},"argument":{}}`), "Mcp-Session-Id", "s0618")
	judge(t, newTable(), ex)
	if c := ex.Call; c.Era != gate.Stateful || c.Version != "2025-06-18" || c.Session.ID != "s0618" || c.Item != gate.Prompt || c.Name != "p" {
		t.Errorf("stateful: %+v", c)
	}
	ex = post(`{"jsonrpc":"2.0","id":"a","error":{"code":1,"message":"no"}}`, "Mcp-Session-Id", "s0618")
	judge(t, newTable(), ex)
	if c := ex.Call; c.Route.Action != gate.Answer || c.Route.Kind != gate.Failure || c.Session == nil || c.Version != "2025-06-18" {
		t.Errorf("answer: %+v", c)
	}
	ex = post(`{"jsonrpc":"2.0","id":7,"method":"ping","method":"ping"}`, "Mcp-Session-Id", "s0618")
	judge(t, newTable(), ex)
	if m := ex.Call.Message; m == nil || m.Kind != gate.NoMessage || string(m.Bytes(m.ID)) != "7" {
		t.Errorf("refused: %+v", m)
	}
}

// MHB-09: in the stateful era the protocol's headers mean nothing; the body decides.
func TestMirrorHeadersMeanNothingOnSessions(t *testing.T) {
	ex := post(rpc("tools/call", `{"name":"denied"}`), "Mcp-Session-Id", "s1125", "MCP-Protocol-Version", "2025-11-25", "Mcp-Name", "allowed", "Mcp-Method", "tools/list")
	if v := judge(t, newTable(), ex); v.Effect != gate.Continue || ex.Call.Name != "denied" {
		t.Errorf("got %+v, name %q", v, ex.Call.Name)
	}
}

func TestInitialize(t *testing.T) {
	for asked, want := range map[string]string{"2025-03-26": "2025-03-26", "2024-10-07": "2025-11-25", "2026-07-28": "2025-11-25"} {
		s := newTable()
		ex := post(rpc("initialize", `{"protocolVersion":"`+asked+`","capabilities":{"roots":{}},"clientInfo":{"name":"c"}}`), "Mcp-Session-Id", "bob")
		ex.Inbound.Profile = "dev"
		v := judge(t, s, ex)
		if v.Effect != gate.Continue || len(s.began) != 1 || ex.Call.Session == nil || ex.Call.Session.ID != "new0" || ex.Call.Version != want ||
			s.began[0].Version != want || s.began[0].Profile != "dev" || string(s.began[0].Capabilities) != `{"roots":{}}` {
			t.Errorf("%s: %+v, %+v", asked, v, s.began)
		}
	}
	for _, params := range []string{`{}`, `{"protocolVersion":1}`, `{"protocolVersion":"2025-11-25","capabilities":[]}`, `{"protocolVersion":"2025-11-25","clientInfo":"x"}`} {
		s := newTable()
		if v := judge(t, s, post(rpc("initialize", params))); v.Code != gate.CodeParams || len(s.began) != 0 {
			t.Errorf("%s: %+v", params, v)
		}
	}
	s := newTable()
	s.refuse = &gate.Error{Code: gate.CodeSessionLimit, Op: "opening a session"}
	ex := post(rpc("initialize", `{"protocolVersion":"2025-11-25"}`))
	v, err := decode.New(decode.Config{Sessions: s}).Judge(t.Context(), ex)
	if v.Effect == gate.Continue || gate.CodeOf(err) != gate.CodeSessionLimit {
		t.Errorf("got %+v, %v", v, err)
	}
}

func TestStdio(t *testing.T) {
	s := newTable()
	for _, tc := range []struct {
		name, body string
		want       gate.Code
		era        gate.Era
	}{
		{"request before initialize", rpc("tools/list", ""), gate.CodeSessionMissing, gate.Stateful},
		{"stateless without headers", rpc("tools/call", `{"name":"x",`+meta+`}`), "", gate.Stateless},
		{"stateless cancellation", `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`, "", gate.Stateless},
		{"stateful notification", `{"jsonrpc":"2.0","method":"notifications/initialized"}`, gate.CodeMethod, gate.Stateless},
		{"batch", `[` + rpc("ping", "") + `]`, gate.CodeBatch, gate.NoEra},
		{"initialize", rpc("initialize", `{"protocolVersion":"2025-03-26"}`), "", gate.Stateful},
	} {
		ex := line(tc.body)
		if v := judge(t, s, ex); v.Code != tc.want || ex.Call.Era != tc.era {
			t.Errorf("%s: %q (%s), %v", tc.name, v.Code, v.Reason, ex.Call.Era)
		}
	}
	s.sessions["only"] = &gate.Session{ID: "only", Owner: alice().Key(), Version: "2025-03-26"}
	for _, body := range []string{rpc("tools/list", ""), `{"jsonrpc":"2.0","method":"notifications/initialized"}`, `[` + rpc("ping", "") + `]`, `{"jsonrpc":"2.0","id":1,"result":{}}`} {
		ex := line(body)
		ex.Inbound.Session = "only"
		if v := judge(t, s, ex); v.Effect != gate.Continue || ex.Call.Session == nil || ex.Call.Version != "2025-03-26" {
			t.Errorf("%s: %+v, %+v", body, v, ex.Call)
		}
	}
}

func TestBatch(t *testing.T) {
	list := func(n int) string {
		return "[" + strings.TrimSuffix(strings.Repeat(rpc("ping", "")+",", n), ",") + "]"
	}
	for _, tc := range []struct {
		name string
		ex   *gate.Exchange
		want gate.Code
		n    int
	}{
		{"HTT-25 100", post(list(100), "Mcp-Session-Id", "s0326"), "", 100},
		{"HTT-25 101", post(list(101), "Mcp-Session-Id", "s0326"), gate.CodeBatch, 0},
		{"HTT-25 2025-11-25", post(list(1), "Mcp-Session-Id", "s1125"), gate.CodeBatch, 0},
		{"HTT-25 2025-06-18", post(list(1), "Mcp-Session-Id", "s0618"), gate.CodeBatch, 0},
		{"HTT-25 2024-11-05", post(list(1), "Mcp-Session-Id", "s24"), gate.CodeBatch, 0},
		{"HTT-25 stateless", post(list(1), "MCP-Protocol-Version", "2026-07-28"), gate.CodeBatch, 0},
		{"stateless header on a session", post(list(1), "Mcp-Session-Id", "s0326", "MCP-Protocol-Version", "2026-07-28"), gate.CodeBatch, 0},
		{"no session", post(list(1)), gate.CodeBatch, 0},
		{"foreign session", post(list(1), "Mcp-Session-Id", "bob"), gate.CodeSession, 0},
		{"initialize inside", post("["+rpc("initialize", `{"protocolVersion":"2025-03-26"}`)+"]", "Mcp-Session-Id", "s0326"), gate.CodeBatch, 0},
		{"HTT-24 empty", post("[]", "Mcp-Session-Id", "s0326"), gate.CodeBatch, 0},
		{"HTT-25 zeros", post("["+strings.Repeat("0,", 2<<20)+"0]", "Mcp-Session-Id", "s0326"), gate.CodeBatch, 0},
		{"not JSON", post("["+rpc("ping", ""), "Mcp-Session-Id", "s0326"), gate.CodeBadBody, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v := judge(t, newTable(), tc.ex)
			if v.Code != tc.want || len(tc.ex.Call.Batch) != tc.n || tc.ex.Call.Message != nil {
				t.Errorf("got %q (%s), %d items", v.Code, v.Reason, len(tc.ex.Call.Batch))
			}
		})
	}
}

func TestOperations(t *testing.T) {
	op := func(op string, pairs ...string) *gate.Exchange {
		ex := post("", pairs...)
		ex.Inbound.Op, ex.Inbound.Body = op, nil
		return ex
	}
	for _, tc := range []struct {
		name string
		ex   *gate.Exchange
		want gate.Code
	}{
		{"stream", op(gate.OpStream, "Mcp-Session-Id", "s1125"), ""},
		{"close", op(gate.OpClose, "Mcp-Session-Id", "s0326", "MCP-Protocol-Version", "2025-03-26"), ""},
		{"stream without a session", op(gate.OpStream), gate.CodeMethodEra},
		{"close without a session", op(gate.OpClose), gate.CodeMethodEra},
		{"stateless", op(gate.OpStream, "Mcp-Session-Id", "s1125", "MCP-Protocol-Version", "2026-07-28"), gate.CodeMethodEra},
		{"revision without streams", op(gate.OpStream, "Mcp-Session-Id", "s24"), gate.CodeMethodEra},
		{"HTT-34 foreign", op(gate.OpClose, "Mcp-Session-Id", "bob"), gate.CodeSession},
		{"unknown session", op(gate.OpStream, "Mcp-Session-Id", "x"), gate.CodeSession},
		{"bad version", op(gate.OpStream, "Mcp-Session-Id", "s1125", "MCP-Protocol-Version", "x"), gate.CodeVersion},
		{"another stateful version", op(gate.OpStream, "Mcp-Session-Id", "s1125", "MCP-Protocol-Version", "2025-06-18"), ""},
		{"a connection over Streamable HTTP", op(gate.OpOpen, "Mcp-Session-Id", "s1125"), gate.CodeMethodEra},
		{"legacy SSE", over("sse", op(gate.OpOpen)), ""},
		{"WebSocket", over("websocket", op(gate.OpOpen, "MCP-Protocol-Version", "x")), ""},
		{"GET on legacy SSE", over("sse", op(gate.OpStream, "Mcp-Session-Id", "s1125")), gate.CodeMethodEra},
		{"DELETE on a WebSocket", over("websocket", op(gate.OpClose, "Mcp-Session-Id", "s1125")), gate.CodeMethodEra},
		{"a method as an operation", op("tools/call", "Mcp-Session-Id", "s1125"), gate.CodeMethodEra},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v := judge(t, newTable(), tc.ex)
			if v.Code != tc.want {
				t.Errorf("got %q (%s), want %q", v.Code, v.Reason, tc.want)
			}
			if v.Effect == gate.Continue && (tc.ex.Call.Message == nil || tc.ex.Call.Route.Action == gate.NoAction) {
				t.Errorf("left nothing for the line: %+v", tc.ex.Call)
			}
		})
	}
}

func TestBodyError(t *testing.T) {
	ex := post("")
	ex.Inbound.Body = func(context.Context) ([]byte, error) { return nil, &gate.Error{Code: gate.CodeTooLarge, Op: "reading"} }
	v, err := decode.New(decode.Config{Sessions: newTable()}).Judge(t.Context(), ex)
	if v.Effect == gate.Continue || gate.CodeOf(err) != gate.CodeTooLarge || !errors.As(err, new(*gate.Error)) {
		t.Errorf("got %+v, %v", v, err)
	}
}

// A session that is suspended is refused before anybody looks whether it is there, and
// so is every one where that cannot be known.
func TestASuspendedSession(t *testing.T) {
	for name, tc := range map[string]struct {
		is   bool
		err  error
		want gate.Code
	}{
		"suspended": {true, nil, gate.CodeContainedSession},
		"unknown":   {false, errors.New("no list"), gate.CodeContainedDown},
		"free":      {false, nil, gate.CodeSession},
	} {
		t.Run(name, func(t *testing.T) {
			s := decode.New(decode.Config{Sessions: newTable(), Suspended: func(id string) (bool, error) { return tc.is && id == "gone", tc.err }})
			ex := post(rpc("tools/list", ""), "Mcp-Session-Id", "gone")
			if v, err := s.Judge(t.Context(), ex); err != nil || v.Code != tc.want || v.Effect != gate.Deny {
				t.Errorf("%+v, %v; want %s", v, err, tc.want)
			}
		})
	}
}
