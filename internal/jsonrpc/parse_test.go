package jsonrpc_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/jsonrpc"
)

func mustParse(t testing.TB, raw string) *jsonrpc.Message {
	t.Helper()
	m, err := jsonrpc.Parse([]byte(raw), jsonrpc.UpstreamLimits())
	if err != nil {
		t.Fatalf("Parse(%q): %v", raw, err)
	}
	return &m
}

func TestParseKinds(t *testing.T) {
	for _, tc := range []struct {
		in     string
		kind   jsonrpc.Kind
		id     string
		method string
	}{
		{`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{}}`, jsonrpc.Request, "1", "tools/call"},
		{`{"id":"a\u0062","jsonrpc":"2.0","method":"p\u0069ng"}`, jsonrpc.Request, `"a\u0062"`, "ping"},
		{`{"\u006dethod":"ping","id":-0,"jsonrpc":"2.0"}`, jsonrpc.Request, "-0", "ping"},
		{`{"jsonrpc":"2.0","id":"","method":"m"}`, jsonrpc.Request, `""`, "m"},
		{`{"jsonrpc":"2.0","id":9007199254740993,"method":"m"}`, jsonrpc.Request, "9007199254740993", "m"},
		{`{"jsonrpc":"2.0","method":"notifications/x"}`, jsonrpc.Notification, "", "notifications/x"},
		{"\r\n\t {\"jsonrpc\" : \"2.0\" , \"id\" : 5 ,\"result\":{} } \n", jsonrpc.Result, "5", ""},
		{`{"jsonrpc":"2.0","id":5,"result":null}`, jsonrpc.Result, "5", ""},
		{`{"jsonrpc":"2.0","id":5,"error":{"code":-32601,"message":"m"}}`, jsonrpc.Failure, "5", ""},
		{`{"jsonrpc":"2.0","error":{"code":-32601,"message":"m"}}`, jsonrpc.Failure, "", ""},
	} {
		m := mustParse(t, tc.in)
		if m.Kind != tc.kind || string(m.Bytes(m.ID)) != tc.id || m.Method != tc.method {
			t.Errorf("Parse(%q) = %v %q %q, want %v %q %q",
				tc.in, m.Kind, m.Bytes(m.ID), m.Method, tc.kind, tc.id, tc.method)
		}
	}
}

func TestParseView(t *testing.T) {
	const in = `{"jsonrpc":"2.0","id":1,"method":"tools/call","x":[ 1 ],"params": {"z":1E400,` +
		`"n\u0061me" : "a\nb","_meta":{"progressToken":9007199254740993,"own/key":{"k":[-0]}},"arguments":{"b":1,"a":2}} }`
	raw := []byte(in)
	m, err := jsonrpc.Parse(raw, jsonrpc.ClientLimits())
	if err != nil {
		t.Fatal(err)
	}
	if string(raw) != in || &m.Raw[0] != &raw[0] {
		t.Error("Parse copied or changed its input")
	}
	show := func(fields []jsonrpc.Field) (out []string) {
		for _, f := range fields {
			out = append(out, f.Name+" "+string(m.Bytes(f.Key))+" "+string(m.Bytes(f.Value)))
		}
		return out
	}
	if diff := cmp.Diff([]string{
		`z "z" 1E400`, `name "n\u0061me" "a\nb"`,
		`_meta "_meta" {"progressToken":9007199254740993,"own/key":{"k":[-0]}}`,
		`arguments "arguments" {"b":1,"a":2}`,
	}, show(m.Fields)); diff != "" {
		t.Errorf("Fields (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{
		`progressToken "progressToken" 9007199254740993`, `own/key "own/key" {"k":[-0]}`,
	}, show(m.Meta)); diff != "" {
		t.Errorf("Meta (-want +got):\n%s", diff)
	}
	name, _ := m.Field("name")
	if got, ok := m.Text(name); !ok || got != "a\nb" {
		t.Errorf("Text(name) = %q, %v", got, ok)
	}
	if s, ok := m.MetaField("progressToken"); !ok || string(m.Bytes(s)) != "9007199254740993" {
		t.Errorf("MetaField = %v, %v", s, ok)
	}
	if _, ok := m.Text(m.Params); ok {
		t.Error("Text of an object is a text")
	}
	if s, ok := m.Field("absent"); ok || m.Bytes(s) != nil {
		t.Errorf("Field(absent) = %v, %v", s, ok)
	}
	if !bytes.HasSuffix(m.Bytes(m.Params), []byte(`"a":2}}`)) || m.Bytes(m.Params)[0] != '{' {
		t.Errorf("Params = %s", m.Bytes(m.Params))
	}
}

// Numbers, noncharacters, key order and unknown keys are kept as they were sent; keys below the protocol's
// levels are the tool's own.
func TestAccept(t *testing.T) {
	for _, in := range []string{
		call(`{"n":[1e400,-0,9007199254740993,1E-400,0.10,` + strings.Repeat("9", 1000) + `]}`),
		call("{\"s\":\"\ufffe\uffff\U0010ffff\u2028\",\"\ufeff\":1}"),
		call(`{"Method":1,"METHOD":2,"method":3,"name":4,"name ":5,"\u0000":6,"":7}`),
		call(`"\ud83d\ude00"`),
		with(`"trace":1,"Trace":2,"x y":3,"é":4`),
		`{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":{"com.example/a":1,"com.example/A":2}}}`,
		`{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":{"io.modelcontextprotocol/later":1}}}`,
		`{"jsonrpc":"2.0","id":1,"result":{"Method":1,"name ":2,"_meta":null}}`,
		`{"jsonrpc":"2.0","id":"` + strings.Repeat(`\u0061`, 256) + `","method":"m"}`,
		`{"jsonrpc":"2.0","id":-` + strings.Repeat("9", 20) + `,"method":"` + strings.Repeat("m", 256) + `"}`,
	} {
		if _, err := jsonrpc.Parse([]byte(in), jsonrpc.ClientLimits()); err != nil {
			t.Errorf("Parse(%.200q): %v", in, err)
		}
	}
}

func TestTwoReadersDoNotShare(t *testing.T) {
	a := mustParse(t, call(`{"a":"`+strings.Repeat("a", 300)+`"}`))
	want := string(a.Raw)
	for range 100 {
		b := mustParse(t, call(`{"b":"`+strings.Repeat("b", 300)+`"}`))
		if _, err := jsonrpc.Parse([]byte(`{"jsonrpc":"2.0","jso`), jsonrpc.Limits{}); err == nil {
			t.Fatal("accepted")
		}
		_ = b
	}
	if string(a.Raw) != want {
		t.Error("a later Parse wrote into an earlier message")
	}
}

func TestAppendString(t *testing.T) {
	for in, want := range map[string]string{
		"":            `x""`,
		"a\"\\\n\x00": `x"a\"\\\n\u0000"`,
		"é\u2028":     "x\"é\u2028\"",
		"a\xffb":      "x\"a\ufffdb\"",
	} {
		if got := string(jsonrpc.AppendString([]byte("x"), in)); got != want {
			t.Errorf("AppendString(%q) = %s, want %s", in, got, want)
		}
	}
}
