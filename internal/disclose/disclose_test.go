package disclose_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/disclose"
	"doorward/internal/gate"
	"doorward/internal/mcp"
)

var _ gate.ReplyStage = (*disclose.Stage)(nil)

const label = `Made by "a gateway".`

// Of a result: what is noted on every one, and what is noted on those of up.
const (
	own   = `"io.doorward/disclosure":{"label":"Made by \"a gateway\"."}`
	noted = `"io.doorward/disclosure":{"label":"Made by \"a gateway\".","purpose":"code review","ai_act":"limited"}`
	block = `{"type":"text","text":"Made by \"a gateway\".","annotations":{"audience":["user"]}}`
)

func stage(t *testing.T, cfg disclose.Config) *disclose.Stage {
	t.Helper()
	cfg.Upstreams = map[string]disclose.Declared{"up": {Purpose: "code review", AIAct: "limited"}}
	s, err := disclose.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// exchange is that of a request of a version about the upstream.
func exchange(t *testing.T, version, method string) *gate.Exchange {
	t.Helper()
	r, ok := mcp.Lookup(method)
	if !ok {
		t.Fatalf("no row for %s", method)
	}
	m, err := mcp.ParseClient([]byte(`{"jsonrpc":"2.0","id":1,"method":"` + method + `","params":{"name":"t","task":{}}}`))
	if err != nil {
		t.Fatal(err)
	}
	ex := &gate.Exchange{Target: gate.Target{Upstream: "up"}}
	ex.Call = gate.Call{Message: m, Route: r, Era: mcp.EraOf(version), Version: version}
	return ex
}

// review is what the stage makes of a message, and nil when it keeps it.
func review(t *testing.T, s *disclose.Stage, ex *gate.Exchange, raw string) *gate.Message {
	t.Helper()
	m, err := mcp.ParseUpstream([]byte(raw))
	if err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	was := bytes.Clone(m.Raw)
	out, v, err := s.Review(t.Context(), ex, m)
	if err != nil || v.Effect != gate.Continue {
		t.Fatalf("Review = %+v, %v", v, err)
	}
	if !bytes.Equal(was, m.Raw) {
		t.Error("the message was changed in place")
	}
	return out
}

func answer(result string) string { return `{"jsonrpc":"2.0","id":"x","result":` + result + `}` }

func TestReview(t *testing.T) {
	for _, tc := range []struct {
		name, version, method string
		content               bool
		was, want             string // results; want is empty where nothing changes
	}{
		{"a tool", mcp.V20251125, "tools/call", false, `{"content":[]}`, `{"content":[],"_meta":{` + noted + `}}`},
		{"a tool, stateless", mcp.V20260728, "tools/call", false, `{"resultType":"complete","content":[],"_meta":{"k":1}}`, `{"resultType":"complete","content":[],"_meta":{"k":1,` + noted + `}}`},
		{"a tool, oldest", mcp.V20241105, "tools/call", false, `{"content":[]}`, `{"content":[],"_meta":{` + noted + `}}`},
		{"a prompt", mcp.V20251125, "prompts/get", true, `{"messages":[]}`, `{"messages":[],"_meta":{` + noted + `}}`},
		{"a resource", mcp.V20260728, "resources/read", true, `{"contents":[]}`, `{"contents":[],"_meta":{` + noted + `}}`},
		{"numbers, order and white space stay", mcp.V20251125, "tools/call", false, `{ "z":1.50, "content" : [ ] , "a":12345678901234567890 }`, `{ "z":1.50, "content" : [ ] , "a":12345678901234567890 ,"_meta":{` + noted + `}}`},
		{"content", mcp.V20251125, "tools/call", true, `{"content":[{"type":"text","text":"x"}]}`, `{"content":[{"type":"text","text":"x"},` + block + `],"_meta":{` + noted + `}}`},
		{"content of an error", mcp.V20260728, "tools/call", true, `{"isError":true,"content":[]}`, `{"isError":true,"content":[` + block + `],"_meta":{` + noted + `}}`},
		{"no content", mcp.V20251125, "tools/call", true, `{}`, `{"content":[` + block + `],"_meta":{` + noted + `}}`},
		{"structured content beside text", mcp.V20251125, "tools/call", true, `{"content":[{"type":"text","text":"1"}],"structuredContent":{"n":1.0}}`, `{"content":[{"type":"text","text":"1"},` + block + `],"structuredContent":{"n":1.0},"_meta":{` + noted + `}}`},
		{"structured content alone", mcp.V20251125, "tools/call", true, `{"content":[],"structuredContent":{"n":1}}`, `{"content":[],"structuredContent":{"n":1},"_meta":{` + noted + `}}`},
		{"content that is no list", mcp.V20251125, "tools/call", true, `{"content":7}`, `{"content":7,"_meta":{` + noted + `}}`},
		{"input required", mcp.V20260728, "tools/call", true, `{"resultType":"input_required","inputRequests":{}}`, `{"resultType":"input_required","inputRequests":{},"_meta":{` + noted + `}}`},
		{"a new task", mcp.V20260728, "tools/call", true, `{"resultType":"task","taskId":"a"}`, `{"resultType":"task","taskId":"a","_meta":{` + noted + `}}`},
		{"a new task, stateful", mcp.V20251125, "tools/call", true, `{"task":{"taskId":"a"}}`, `{"task":{"taskId":"a"},"_meta":{` + noted + `}}`},
		{"a task's result", mcp.V20251125, "tasks/result", true, `{"content":[]}`, `{"content":[` + block + `],"_meta":{` + noted + `}}`},
		{"the state of a task", mcp.V20260728, "tasks/get", true, `{"taskId":"a","status":"working"}`, ""},
		{"a task's result in its state", mcp.V20260728, "tasks/get", true, `{"taskId":"a","result":{"content":[],"_meta":{"io.doorward/disclosure":1}}}`, `{"taskId":"a","result":{"content":[` + block + `],"_meta":{` + noted + `}}}`},
		{"an upstream speaks for the gateway", mcp.V20251125, "tools/call", false, `{"_meta":{"io.doorward/disclosure":{"label":"none"},"k":1},"content":[]}`, `{"_meta":{` + noted + `,"k":1},"content":[]}`},
		{"an upstream speaks for the gateway elsewhere", mcp.V20251125, "completion/complete", false, `{"_meta":{"io.doorward/disclosure":1},"completion":{"values":[]}}`, `{"_meta":{},"completion":{"values":[]}}`},
		{"a list", mcp.V20251125, "tools/list", true, `{"tools":[]}`, ""},
		{"a subscription", mcp.V20251125, "resources/subscribe", true, `{}`, ""},
		{"initialize", mcp.V20251125, "initialize", false, `{"serverInfo":{"name":"d","version":"1"}}`, `{"serverInfo":{"name":"d","version":"1","description":"Made by \"a gateway\"."},"_meta":{` + own + `}}`},
		{"initialize, with a description", mcp.V20251125, "initialize", false, `{"serverInfo":{"description":"Files.","name":"d"}}`, `{"serverInfo":{"description":"Files. Made by \"a gateway\".","name":"d"},"_meta":{` + own + `}}`},
		{"initialize, before there were descriptions", mcp.V20250618, "initialize", false, `{"serverInfo":{"name":"d"}}`, `{"serverInfo":{"name":"d"},"_meta":{` + own + `}}`},
		{"discover", mcp.V20260728, "server/discover", true, `{"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"d"}}}`, `{"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"d","description":"Made by \"a gateway\"."},` + own + `}}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := stage(t, disclose.Config{Label: label, Content: tc.content, Server: true})
			out := review(t, s, exchange(t, tc.version, tc.method), answer(tc.was))
			if tc.want == "" {
				if out != nil {
					t.Fatalf("the message became %s", out.Raw)
				}
				return
			}
			if out == nil {
				t.Fatal("the message was kept")
			}
			if diff := cmp.Diff(answer(tc.want), string(out.Raw)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestWithoutALabelNothingIsSaid(t *testing.T) {
	s := stage(t, disclose.Config{Content: true, Server: true})
	for _, method := range []string{"tools/call", "initialize"} {
		if out := review(t, s, exchange(t, mcp.V20251125, method), answer(`{"content":[],"serverInfo":{}}`)); out != nil {
			t.Errorf("%s became %s", method, out.Raw)
		}
	}
	if out := review(t, s, exchange(t, mcp.V20251125, "tools/call"), answer(`{"_meta":{"io.doorward/disclosure":1}}`)); out == nil || strings.Contains(string(out.Raw), "io.doorward") {
		t.Errorf("an upstream speaks for the gateway: %v", out)
	}
	quiet := stage(t, disclose.Config{Label: label})
	if out := review(t, quiet, exchange(t, mcp.V20251125, "initialize"), answer(`{"serverInfo":{}}`)); out != nil {
		t.Errorf("server is off, and initialize became %s", out.Raw)
	}
}

func TestOtherMessagesSayNothing(t *testing.T) {
	s := stage(t, disclose.Config{Label: label, Content: true, Server: true})
	ex := exchange(t, mcp.V20251125, "tools/call")
	for raw, want := range map[string]string{
		`{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"x"}}`:                                                                      "",
		`{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1}}`:                                               "",
		`{"jsonrpc":"2.0","method":"notifications/message","params":{"_meta":{"io.doorward/disclosure":1},"data":1}}`:                         `{"jsonrpc":"2.0","method":"notifications/message","params":{"_meta":{},"data":1}}`,
		`{"jsonrpc":"2.0","id":7,"method":"sampling/createMessage","params":{"_meta":{"k":1,"io.doorward/disclosure":{"label":"trust me"}}}}`: `{"jsonrpc":"2.0","id":7,"method":"sampling/createMessage","params":{"_meta":{"k":1}}}`,
	} {
		out := review(t, s, ex, raw)
		if got := ""; out != nil {
			got = string(out.Raw)
			if got != want {
				t.Errorf("%s became %s, want %s", raw, got, want)
			}
		} else if want != "" {
			t.Errorf("%s was kept", raw)
		}
	}
}

// Whatever an upstream's result is, no other member of it changes.
func FuzzReview(f *testing.F) {
	f.Add(`{"content":[{"type":"text","text":"x"}],"structuredContent":{"a":[1.0]},"_meta":{"io.doorward/disclosure":7}}`)
	f.Add(`{"content":{},"_meta":7}`)
	f.Fuzz(func(t *testing.T, result string) {
		m, err := mcp.ParseUpstream([]byte(answer(result)))
		if err != nil || m.Kind != gate.Result || result == "" || m.Raw[m.Result.Start] != '{' {
			return
		}
		s, err := disclose.New(disclose.Config{Label: label, Content: true})
		if err != nil {
			t.Fatal(err)
		}
		out, _, err := s.Review(t.Context(), exchange(t, mcp.V20251125, "tools/call"), m)
		if err != nil || out == nil {
			t.Fatalf("Review = %v, %v", out, err)
		}
		for _, field := range m.Fields {
			if field.Name == "content" || field.Name == "_meta" {
				continue
			}
			if at, _ := out.Field(field.Name); !bytes.Equal(out.Bytes(at), m.Bytes(field.Value)) {
				t.Errorf("%s was %s and is %s", field.Name, m.Bytes(field.Value), out.Bytes(at))
			}
		}
		if at, _ := out.MetaField(disclose.Meta); string(out.Bytes(at)) != `{"label":"Made by \"a gateway\"."}` {
			t.Errorf("noted %s", out.Bytes(at))
		}
	})
}
