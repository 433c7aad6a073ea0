package mcp_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"doorward/internal/gate"
	"doorward/internal/jsonrpc"
	"doorward/internal/mcp"
)

func request(t testing.TB, method, params string) *gate.Message {
	t.Helper()
	raw := `{"jsonrpc":"2.0","id":1,"method":` + string(jsonrpc.AppendString(nil, method))
	if params != "" {
		raw += `,"params":` + params
	}
	m, err := mcp.ParseClient([]byte(raw + "}"))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// headers makes a header of pairs; a name that comes twice is there twice.
func headers(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

func check(t *testing.T, v gate.Verdict, want gate.Code) {
	t.Helper()
	if got := v.Code; got != want || (want == "") != (v.Effect == gate.Continue) {
		t.Errorf("got %v %q (%s), want %q", v.Effect, v.Code, v.Reason, want)
	}
}

const (
	fine = gate.Code("")
	bad  = gate.CodeHeaderMismatch
)

func TestCheckHeaders(t *testing.T) {
	b64 := func(s string) string { return "=?base64?" + base64.StdEncoding.EncodeToString([]byte(s)) + "?=" }
	call := func(name string) string { return `{"name":` + string(jsonrpc.AppendString(nil, name)) + `}` }
	for _, tc := range []struct {
		name   string
		body   string // the tool that the body names
		header http.Header
		want   gate.Code
	}{
		{"agree", "get_weather", headers("Mcp-Method", "tools/call", "Mcp-Name", "get_weather"), fine},
		{"white space around", "get_weather", headers("Mcp-Method", " tools/call\t", "Mcp-Name", "  get_weather "), fine},
		{"MHB-01 allowed in the header", "delete_all", headers("Mcp-Method", "tools/call", "Mcp-Name", "get_weather"), bad},
		{"MHB-01 allowed in the body", "get_weather", headers("Mcp-Method", "tools/call", "Mcp-Name", "delete_all"), bad},
		{"MHB-02 other method", "x", headers("Mcp-Method", "tools/list", "Mcp-Name", "x"), bad},
		{"MHB-02 other case", "x", headers("Mcp-Method", "Tools/Call", "Mcp-Name", "x"), bad},
		{"MHB-02 case of the name", "x", headers("Mcp-Method", "tools/call", "Mcp-Name", "X"), bad},
		{"MHB-03 no method", "x", headers("Mcp-Name", "x"), bad},
		{"MHB-03 no name", "x", headers("Mcp-Method", "tools/call"), bad},
		{"MHB-03 empty name", "x", headers("Mcp-Method", "tools/call", "Mcp-Name", ""), bad},
		{"MHB-04 good and bad name", "x", headers("Mcp-Method", "tools/call", "Mcp-Name", "x", "Mcp-Name", "y"), bad},
		{"MHB-04 bad and good name", "x", headers("Mcp-Method", "tools/call", "Mcp-Name", "y", "Mcp-Name", "x"), bad},
		{"MHB-04 same name twice", "x", headers("Mcp-Method", "tools/call", "Mcp-Name", "x", "Mcp-Name", "x"), bad},
		{"MHB-04 method twice", "x", headers("Mcp-Method", "tools/call", "Mcp-Method", "tools/call", "Mcp-Name", "x"), bad},
		{"MHB-04 list", "x", headers("Mcp-Method", "tools/call", "Mcp-Name", "x, y"), bad},
		{"a name with a comma", "x, y", headers("Mcp-Method", "tools/call", "Mcp-Name", "x, y"), fine},
		{"MHB-04 underscore instead", "x", headers("Mcp-Method", "tools/call", "Mcp_Name", "x"), bad},
		{"MHB-04 underscore besides", "x", headers("Mcp-Method", "tools/call", "Mcp-Name", "x", "Mcp_Name", "y"), bad},
		{"MHB-05 encoded", "Grüße", headers("Mcp-Method", "tools/call", "Mcp-Name", b64("Grüße")), fine},
		{"MHB-05 plain text encoded", "x", headers("Mcp-Method", "tools/call", "Mcp-Name", b64("x")), fine},
		{"MHB-05 raw UTF-8", "Grüße", headers("Mcp-Method", "tools/call", "Mcp-Name", "Grüße"), bad},
		{"MHB-05 case of the mark", "x", headers("Mcp-Method", "tools/call", "Mcp-Name", strings.Replace(b64("x"), "base64", "BASE64", 1)), bad},
		{"MHB-05 bad Base64", "x", headers("Mcp-Method", "tools/call", "Mcp-Name", "=?base64?e*==?="), bad},
		{"MHB-05 not canonical", "x", headers("Mcp-Method", "tools/call", "Mcp-Name", "=?base64?eB==?="), bad},
		{"MHB-05 no padding", "x", headers("Mcp-Method", "tools/call", "Mcp-Name", "=?base64?eA?="), bad},
		{"MHB-05 URL alphabet", "~~~?", headers("Mcp-Method", "tools/call", "Mcp-Name", "=?base64?"+base64.URLEncoding.EncodeToString([]byte("~~~?"))+"?="), bad},
		{"MHB-05 encoded twice", "Grüße", headers("Mcp-Method", "tools/call", "Mcp-Name", b64(b64("Grüße"))), bad},
		{"MHB-05 line break", "a\nb", headers("Mcp-Method", "tools/call", "Mcp-Name", b64("a\nb")), bad},
		{"MHB-05 NUL", "a\x00b", headers("Mcp-Method", "tools/call", "Mcp-Name", b64("a\x00b")), bad},
		{"MHB-05 invalid UTF-8", "a\ufffd", headers("Mcp-Method", "tools/call", "Mcp-Name", b64("a\xff")), bad},
		{"MHB-06 plain sentinel", "=?base64?x?=", headers("Mcp-Method", "tools/call", "Mcp-Name", "=?base64?x?="), bad},
		{"MHB-06 plain sentinel that decodes", "=?base64?eA==?=", headers("Mcp-Method", "tools/call", "Mcp-Name", "=?base64?eA==?="), bad},
		{"MHB-06 encoded sentinel", "=?base64?x?=", headers("Mcp-Method", "tools/call", "Mcp-Name", b64("=?base64?x?=")), fine},
		{"marks that overlap", "=?base64?=", headers("Mcp-Method", "tools/call", "Mcp-Name", "=?base64?="), bad},
		{"half a mark is plain", "=?base64?x", headers("Mcp-Method", "tools/call", "Mcp-Name", "=?base64?x"), fine},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, _ := mcp.Lookup("tools/call")
			check(t, mcp.CheckHeaders(tc.header, r, request(t, "tools/call", call(tc.body)), tc.body), tc.want)
		})
	}
}

// A method that names nothing needs no name, and what stands there is ignored.
func TestCheckHeadersWithoutName(t *testing.T) {
	r, _ := mcp.Lookup("tools/list")
	m := request(t, "tools/list", "")
	check(t, mcp.CheckHeaders(headers("Mcp-Method", "tools/list"), r, m, ""), fine)
	check(t, mcp.CheckHeaders(headers("Mcp-Method", "tools/list", "Mcp-Name", "x"), r, m, ""), fine)
	check(t, mcp.CheckHeaders(headers(), r, m, ""), bad)
}

func TestEncodeHeader(t *testing.T) {
	for value, want := range map[string]string{
		"":                     "",
		"get_weather":          "get_weather",
		"a b":                  "a b",
		" a":                   "=?base64?IGE=?=",
		"a ":                   "=?base64?YSA=?=",
		"a\tb":                 "=?base64?YQli?=",
		"ü":                    "=?base64?w7w=?=",
		"a\nb":                 "=?base64?YQpi?=",
		"=?base64?x?=":         "=?base64?PT9iYXNlNjQ/eD89?=",
		"=?base64?=":           "=?base64?PT9iYXNlNjQ/PQ==?=",
		"=?BASE64?x?=":         "=?BASE64?x?=",
		"file:///a%20b?c=d,e;": "file:///a%20b?c=d,e;",
	} {
		if got := mcp.EncodeHeader(value); got != want {
			t.Errorf("EncodeHeader(%q) = %q, want %q", value, got, want)
		}
	}
}

// FuzzHeaders: what CheckHeaders lets pass is, by a decoder that shares no
// code with it, exactly the method and name of the body; and what EncodeHeader
// writes always passes.
func FuzzHeaders(f *testing.F) {
	for _, s := range []string{"x", "=?base64?eA==?=", "=?base64?=", " x ", "=?BASE64?eA==?=", "ü", "a,b", "a\tb"} {
		f.Add("tools/call", s, "x")
		f.Add("tools/call", s, s)
	}
	f.Fuzz(func(t *testing.T, method, header, name string) {
		if name == "" || !utf8.ValidString(name) {
			return // nothing is claimed of it
		}
		r, _ := mcp.Lookup("tools/call")
		m := &gate.Message{Kind: gate.Request, Method: "tools/call"}
		v := mcp.CheckHeaders(http.Header{"Mcp-Method": {method}, "Mcp-Name": {header}}, r, m, name)
		if v.Effect == gate.Continue {
			if strings.Trim(method, " \t") != "tools/call" {
				t.Fatalf("method %q passed", method)
			}
			if got, ok := slowDecode(header); !ok || got != name {
				t.Fatalf("header %q passed for %q, but decodes to %q, %v", header, name, got, ok)
			}
		}
		encoded := mcp.EncodeHeader(name)
		for i := range len(encoded) {
			if encoded[i] < ' ' || encoded[i] > '~' {
				t.Fatalf("EncodeHeader(%q) = %q is not plain", name, encoded)
			}
		}
		if got, ok := slowDecode(encoded); !ok || got != name {
			t.Fatalf("EncodeHeader(%q) = %q decodes to %q, %v", name, encoded, got, ok)
		}
		control := strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 })
		v = mcp.CheckHeaders(http.Header{"Mcp-Method": {"tools/call"}, "Mcp-Name": {encoded}}, r, m, name)
		if (v.Effect == gate.Continue) == control {
			t.Fatalf("%q as %q: %v %s", name, encoded, v.Effect, v.Reason)
		}
	})
}

// slowDecode decodes by hand, bit by bit, from the words of the specification.
func slowDecode(value string) (string, bool) {
	for value != "" && (value[0] == ' ' || value[0] == '\t') {
		value = value[1:]
	}
	for value != "" && (value[len(value)-1] == ' ' || value[len(value)-1] == '\t') {
		value = value[:len(value)-1]
	}
	if len(value) < 11 || value[:9] != "=?base64?" || value[len(value)-2:] != "?=" {
		return value, true
	}
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	body := value[9 : len(value)-2]
	if len(body)%4 != 0 {
		return "", false
	}
	text := strings.TrimRight(body, "=")
	if pad := len(body) - len(text); pad > 2 {
		return "", false
	}
	var out []byte
	bits, n := 0, 0
	for i := range len(text) {
		d := strings.IndexByte(alphabet, text[i])
		if d < 0 {
			return "", false
		}
		if bits, n = bits<<6|d, n+6; n >= 8 {
			n -= 8
			out = append(out, byte(bits>>n))
			bits &= 1<<n - 1
		}
	}
	return string(out), bits == 0 && utf8.Valid(out)
}
