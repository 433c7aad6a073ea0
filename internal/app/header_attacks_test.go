package app_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"doorward/internal/gatetest"
	"doorward/internal/mcp"
)

// The cases of security.md 4.c: headers that say something else than the body.

const modern = "2026-07-28"

// lie is a request whose headers do not say what its body says.
type lie struct {
	name   string
	body   []byte
	header []string
	want   refusal
}

// call and list are honest bodies to lie about.
func (h *house) call(tool string) []byte {
	return h.alice.Request("7", "tools/call", fmt.Sprintf(`"name":%q,"arguments":{}`, tool))
}

func (h *house) tell(lies []lie) {
	h.t.Helper()
	t := h.t
	for _, l := range lies {
		t.Run(l.name, func(t *testing.T) {
			h.t = t
			h.refused(l.want, func() *gatetest.Reply { return h.alice.Post(l.body, l.header...) })
		})
	}
	h.t = t
}

func (h *house) nameLies() []lie {
	return []lie{
		{"body denied", h.call("up__delete_all"), []string{"Mcp-Name", "up__get_weather"}, mismatch},
		{"header denied", h.call("up__get_weather"), []string{"Mcp-Name", "up__delete_all"}, mismatch},
		{"without the prefix", h.call("up__get_weather"), []string{"Mcp-Name", "get_weather"}, mismatch},
		{"other case", h.call("up__get_weather"), []string{"Mcp-Name", "up__Get_Weather"}, mismatch},
	}
}

func TestMHB01_NameDiffers(t *testing.T) {
	t.Parallel()
	h := newHouse(t, modern)
	h.tell(h.nameLies())
}

func (h *house) methodLies() []lie {
	var all []lie
	for _, method := range []string{"tools/list", "Tools/Call", "tools/call/", "tools/call, tools/list", "prompts/get", "tools%2Fcall", "=?base64?dG9vbHMvY2FsbA==?="} {
		all = append(all, lie{method, h.call("up__get_weather"), []string{"Mcp-Method", method}, mismatch})
	}
	return all
}

func TestMHB02_MethodDiffers(t *testing.T) {
	t.Parallel()
	h := newHouse(t, modern)
	h.tell(h.methodLies())
	h.tell([]lie{{"list as call", h.alice.Request("7", "tools/list", ""), []string{"Mcp-Method", "tools/call"}, mismatch}})
	// White space around a value is not part of it (RFC 9110, section 5.5).
	if r := h.alice.Post(h.call("up__get_weather"), "Mcp-Method", "tools/call "); !r.OK() {
		t.Errorf("trailing space: %s", r)
	}
}

func (h *house) absentLies() []lie {
	var all []lie
	for _, m := range []struct{ method, params string }{
		{"tools/call", `"name":"up__echo","arguments":{}`},
		{"prompts/get", `"name":"up__hello"`},
		{"resources/read", `"uri":"notes://one"`},
	} {
		for _, header := range []string{"Mcp-Name", "Mcp-Method", "MCP-Protocol-Version"} {
			all = append(all, lie{m.method + " without " + header, h.alice.Request("7", m.method, m.params), []string{header, "-"}, mismatch})
		}
		all = append(all, lie{m.method + " with an empty Mcp-Name", h.alice.Request("7", m.method, m.params), []string{"Mcp-Name", ""}, mismatch})
	}
	return append(all, lie{"list without Mcp-Method", h.alice.Request("7", "tools/list", ""), []string{"Mcp-Method", "-"}, mismatch})
}

func TestMHB03_HeaderAbsent(t *testing.T) {
	t.Parallel()
	h := newHouse(t, modern)
	h.tell(h.absentLies())
}

func (h *house) repeatedLies() []lie {
	good, bad := "up__get_weather", "up__delete_all"
	return []lie{
		{"good and bad", h.call(good), []string{"Mcp-Name", good, "Mcp-Name", bad}, mismatch},
		{"bad and good", h.call(good), []string{"Mcp-Name", bad, "Mcp-Name", good}, mismatch},
		{"good twice", h.call(good), []string{"Mcp-Name", good, "Mcp-Name", good}, mismatch},
		{"comma list", h.call(good), []string{"Mcp-Name", good + ", " + bad}, mismatch},
		{"underscore", h.call(good), []string{"Mcp_Name", bad}, mismatch},
		{"underscore alone", h.call(good), []string{"Mcp-Name", "-", "Mcp_Name", good}, mismatch},
		{"method twice", h.call(good), []string{"Mcp-Method", "tools/call", "Mcp-Method", "tools/call"}, mismatch},
		{"version twice", h.call(good), []string{"MCP-Protocol-Version", modern, "MCP-Protocol-Version", modern}, mismatch},
		{"version underscore", h.call(good), []string{"MCP_Protocol_Version", "2025-11-25"}, mismatch},
	}
}

func TestMHB04_HeaderRepeated(t *testing.T) {
	t.Parallel()
	h := newHouse(t, modern)
	h.tell(h.repeatedLies())
}

func b64(s string) string { return "=?base64?" + base64.StdEncoding.EncodeToString([]byte(s)) + "?=" }

func TestMHB05_EncodedName(t *testing.T) {
	t.Parallel()
	h := newHouse(t, modern, loose("Grüße"), loose("a>?>?"))
	const name = "up__Grüße"
	good := b64(name)
	body := h.call(name)
	if r := h.alice.Post(body, "Mcp-Name", good); !r.OK() {
		t.Errorf("the right encoding: %s", r)
	}
	calls := h.up.Seen("tools/call")
	if got := calls[len(calls)-1].Header.Get("Mcp-Name"); got != b64("Grüße") {
		t.Errorf("the upstream got Mcp-Name %q", got)
	}
	payload := strings.TrimSuffix(strings.TrimPrefix(good, "=?base64?"), "?=")
	lies := []lie{{"plain UTF-8", body, []string{"Mcp-Name", name}, mismatch}}
	for what, value := range map[string]string{
		"upper-case mark":    "=?BASE64?" + payload + "?=",
		"charset":            "=?utf-8?B?" + payload + "?=",
		"bad characters":     "=?base64?" + payload[:4] + "!" + payload[5:] + "?=",
		"no padding":         "=?base64?" + strings.TrimRight(payload+"=", "=") + "?=x",
		"cut":                good[:len(good)-4] + "?=",
		"padding too much":   "=?base64?" + payload + "==?=",
		"white space":        "=?base64?" + payload[:4] + " " + payload[4:] + "?=",
		"twice encoded":      b64(good),
		"CR LF":              b64(name + "\r\n"),
		"NUL":                b64(name + "\x00"),
		"not UTF-8":          b64("up__Gr\xfc\xdfe"),
		"decomposed":         b64("up__Gru\u0308ße"),
		"percent encoding":   "up__Gr%C3%BC%C3%9Fe",
		"marks that overlap": "=?base64?=",
	} {
		lies = append(lies, lie{what, body, []string{"Mcp-Name", value}, mismatch})
	}
	h.tell(lies)
	// Of the bits that padding leaves over, all but zero are another spelling.
	loose := "=?base64?" + nonCanonical("up__a>?>?") + "?="
	url := "=?base64?" + base64.URLEncoding.EncodeToString([]byte("up__a>?>?")) + "?="
	if r := h.alice.Post(h.call("up__a>?>?"), "Mcp-Name", b64("up__a>?>?")); !r.OK() {
		t.Errorf("encoded though plain would do: %s", r)
	}
	h.tell([]lie{
		{"non-canonical", h.call("up__a>?>?x"), []string{"Mcp-Name", loose}, mismatch},
		{"URL alphabet", h.call("up__a>?>?"), []string{"Mcp-Name", url}, mismatch},
	})
}

// nonCanonical is Base64 of s and one more byte, with bits set in what the
// padding leaves over: a careless decoder reads it as s + "x".
func nonCanonical(s string) string {
	text := []byte(base64.StdEncoding.EncodeToString([]byte(s + "x")))
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	last := strings.TrimRight(string(text), "=")
	if len(last) == len(text) {
		panic("no padding: the case needs some")
	}
	text[len(last)-1] = alphabet[strings.IndexByte(alphabet, text[len(last)-1])+1]
	return string(text)
}

func TestMHB06_NameThatLooksEncoded(t *testing.T) {
	t.Parallel()
	const name = "=?base64?x?="
	// Behind a prefix the name does not look encoded any more: names are plain.
	up := gatetest.Upstream(t, gatetest.Script{Tools: rawTools(name, "echo")})
	gw := gatetest.Gateway(t, houseRoles+"profiles: {plain: {upstreams: [up], names: plain}}\n", map[string]*gatetest.UP{"up": up})
	gw.Approve("")
	h := &house{GW: gw, t: t, up: up, alice: gw.As("alice", "reader"), bob: gw.As("bob", "reader").Open(modern)}
	h.alice.Path = "plain"
	h.alice.Open(modern)
	if r := h.alice.Call("echo", `{}`); !r.OK() {
		t.Fatal(r)
	}
	h.neighbour()
	if r := h.alice.Post(h.call(name), "Mcp-Name", b64(name)); !r.OK() {
		t.Errorf("encoded: %s", r)
	}
	h.tell([]lie{{"plain", h.call(name), []string{"Mcp-Name", name}, mismatch}})
}

// regional has parameters that are repeated in headers.
const regional = `{"name":"regional","inputSchema":{"type":"object","properties":{` +
	`"region":{"type":["string","null"],"x-mcp-header":"Region"},"count":{"type":"integer","x-mcp-header":"Count"},` +
	`"where":{"type":"object","properties":{"zone":{"type":"string","x-mcp-header":"Zone"}}}}}}`

func regionalTool() []byte {
	return []byte(strings.Replace(regional, `{"type":["string","null"],"x-mcp-header":"Region"}`, `{"type":"string","x-mcp-header":"Region"}`, 1))
}

func (h *house) regional(arguments string) []byte {
	return h.alice.Request("7", "tools/call", `"name":"up__regional","arguments":`+arguments)
}

func (h *house) paramLies() []lie {
	return []lie{
		{"differs", h.regional(`{"region":"eu"}`), []string{"Mcp-Param-Region", "us"}, mismatch},
		{"header absent", h.regional(`{"region":"eu"}`), nil, mismatch},
		{"value absent", h.regional(`{}`), []string{"Mcp-Param-Region", "eu"}, mismatch},
		{"value null", h.regional(`{"region":null}`), []string{"Mcp-Param-Region", "eu"}, mismatch},
		{"value empty and header absent", h.regional(`{"region":""}`), nil, mismatch},
		{"twice", h.regional(`{"region":"eu"}`), []string{"Mcp-Param-Region", "eu", "Mcp-Param-Region", "eu"}, mismatch},
		{"other case", h.regional(`{"region":"eu"}`), []string{"Mcp-Param-Region", "EU"}, mismatch},
		{"nested differs", h.regional(`{"where":{"zone":"a"}}`), []string{"Mcp-Param-Zone", "b"}, mismatch},
		{"of another parameter", h.regional(`{"region":"eu"}`), []string{"Mcp-Param-Zone", "eu"}, mismatch},
	}
}

func TestMHB07_ParameterHeaders(t *testing.T) {
	t.Parallel()
	h := newHouse(t, modern, regionalTool())
	h.tell(h.paramLies())
	for _, tc := range []struct {
		arguments string
		header    []string
	}{
		{`{}`, nil},
		{`{"region":"eu"}`, []string{"Mcp-Param-Region", "eu"}},
		{`{"region":"e\u0075"}`, []string{"mcp-param-region", " eu "}},
		{`{"region":"eü"}`, []string{"Mcp-Param-Region", b64("eü")}},
		{`{"region":"eu","where":{"zone":"a"}}`, []string{"Mcp-Param-Region", "eu", "Mcp-Param-Zone", "a"}},
		{`{"region":"eu"}`, []string{"Mcp-Param-Region", "eu", "Mcp-Param-Zzz", "unknown"}},
	} {
		if r := h.alice.Post(h.regional(tc.arguments), tc.header...); !r.OK() {
			t.Errorf("%s with %q: %s", tc.arguments, tc.header, r)
		}
	}
	calls := h.up.Seen("tools/call")
	got := calls[len(calls)-1].Header
	if got.Get("Mcp-Param-Zzz") != "unknown" || got.Get("Mcp-Param-Region") != "eu" {
		t.Errorf("the unknown header is not forwarded: %v", got)
	}
}

func TestMHB08_IntegerParameters(t *testing.T) {
	t.Parallel()
	h := newHouse(t, modern, regionalTool())
	for _, tc := range []struct{ body, header string }{
		{"42", "42"}, {"42", "42.0"}, {"42", "4.2e1"}, {"42.0", "42"}, {"0", "-0"}, {"-0", "0"}, {"9007199254740991", "9007199254740991"}, {"-7", "-7"},
	} {
		if r := h.alice.Post(h.regional(`{"count":`+tc.body+`}`), "Mcp-Param-Count", tc.header); !r.OK() {
			t.Errorf("body %s, header %s: %s", tc.body, tc.header, r)
		}
	}
	var lies []lie
	for _, tc := range []struct{ body, header string }{
		{"42", "042"},
		{"42", "+42"},
		{"42", "43"},
		{"42", "0x2a"},
		{"42", "42,42"},
		{"42", "42.5"},
		{"42", ""},
		{"42", "4 2"},
		{"42", "NaN"},
		{"9007199254740993", "9007199254740993"},
		{"9007199254740993", "9007199254740992"},
		{"1e400", "1e400"},
		{"42", "42e99999"},
	} {
		lies = append(lies, lie{tc.body + " and " + tc.header, h.regional(`{"count":` + tc.body + `}`), []string{"Mcp-Param-Count", tc.header}, mismatch})
	}
	h.tell(lies)
}

// In older revisions the headers mean nothing: the body alone is judged.
func (h *house) olderLies(version string) []lie {
	denied := refusal{http.StatusOK, 4030, "policy.denied"}
	headers := []string{"Mcp-Name", "up__get_weather", "Mcp-Method", "tools/list"}
	all := []lie{{"denied in " + version, h.call("up__delete_all"), headers, denied}}
	if version >= mcp.V20250618 {
		all = append(all, lie{"without a version header in " + version, h.call("up__delete_all"), append(headers, "MCP-Protocol-Version", "-"), denied})
	}
	return all
}

func TestMHB09_OlderRevisionsAreJudgedByBody(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "2025-11-25")
	for _, version := range []string{"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"} {
		h.reopen(version)
		h.tell(h.olderLies(version))
		if r := h.alice.Post(h.call("up__get_weather"), "Mcp-Name", "up__delete_all"); !r.OK() {
			t.Errorf("%s: allowed by its body: %s", version, r)
		}
	}
	// Nothing stateful, nothing stateless: there is no session, and no call.
	h.alice.Session = ""
	h.refused(refusal{http.StatusBadRequest, -32600, "session.missing"}, func() *gatetest.Reply {
		return h.alice.Post(h.call("up__delete_all"), "Mcp-Name", "up__get_weather")
	})
}

func (h *house) versionLies() []lie {
	call := string(h.call("up__get_weather"))
	unsupported := refusal{http.StatusBadRequest, -32022, "protocol.version"}
	meta := refusal{http.StatusBadRequest, -32602, "protocol.meta"}
	in := func(version string) []byte { return []byte(strings.Replace(call, modern, version, 1)) }
	return []lie{
		{"header older than _meta", h.call("up__get_weather"), []string{"MCP-Protocol-Version", "2025-11-25"}, mismatch},
		{"header unknown, _meta known", h.call("up__get_weather"), []string{"MCP-Protocol-Version", "2099-01-01"}, mismatch},
		{"header known, _meta unknown", in("2099-01-01"), nil, mismatch},
		{"both unknown", in("2099-01-01"), []string{"MCP-Protocol-Version", "2099-01-01"}, unsupported},
		{"no version at all", in("draft"), []string{"MCP-Protocol-Version", "draft"}, unsupported},
		{"_meta absent", []byte(strings.Replace(call, ","+gatetest.Meta, "", 1)), nil, meta},
		{"version in _meta absent", []byte(strings.Replace(call, `"io.modelcontextprotocol/protocolVersion":"2026-07-28",`, "", 1)), nil, meta},
		{"capabilities absent", []byte(strings.Replace(call, `,"io.modelcontextprotocol/clientCapabilities":{}`, "", 1)), nil, meta},
		{"version is a number", []byte(strings.Replace(call, `"2026-07-28"`, `20260728`, 1)), nil, meta},
		{"method unknown", h.alice.Request("7", "tools/frob", ""), nil, refusal{http.StatusNotFound, -32601, "method.unknown"}},
		{"method of the other era", h.alice.Request("7", "ping", ""), nil, refusal{http.StatusNotFound, -32601, ""}},
		{"initialize", h.alice.Request("7", "initialize", `"protocolVersion":"2025-11-25"`), nil, refusal{http.StatusNotFound, -32601, ""}},
	}
}

func TestMHB10_Versions(t *testing.T) {
	t.Parallel()
	h := newHouse(t, modern)
	h.tell(h.versionLies())
	body := []byte(strings.Replace(string(h.call("up__get_weather")), modern, "2099-01-01", 1))
	r := h.alice.Post(body, "MCP-Protocol-Version", "2099-01-01")
	if !strings.Contains(string(r.Body), `"requested":"2099-01-01"`) || !strings.Contains(string(r.Body), `"supported":["`) || !strings.Contains(string(r.Body), modern) {
		t.Errorf("an unknown version is not told what is supported: %s", r)
	}
}

// router is a proxy before the gateway that believes headers: it lets through
// what Mcp-Name allows and never looks at a body.
func router(t *testing.T, gw *gatetest.GW, passed *atomic.Int64) string {
	t.Helper()
	onward := &http.Transport{}
	t.Cleanup(onward.CloseIdleConnections)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.Header.Get("Mcp-Name"), "delete_all") {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		passed.Add(1)
		out, err := http.NewRequestWithContext(r.Context(), r.Method, "http://"+gw.Address()+r.URL.Path, r.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		out.Header, out.ContentLength = r.Header.Clone(), r.ContentLength
		resp, err := onward.RoundTrip(out)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer resp.Body.Close()
		maps.Copy(w.Header(), resp.Header)
		w.WriteHeader(resp.StatusCode)
		_, _ = io.Copy(w, resp.Body)
	}))
	t.Cleanup(front.Close)
	return front.URL
}

// What a router lets through because of a header, the gateway still judges by
// the body.
func TestMHB11_BehindARouter(t *testing.T) {
	t.Parallel()
	h := newHouse(t, modern, regionalTool())
	var passed atomic.Int64
	h.alice.Base = router(t, h.GW, &passed)
	if r := h.alice.Call("up__get_weather", `{}`); !r.OK() || passed.Load() != 1 {
		t.Fatalf("an honest call through the router: %s", r)
	}
	if r := h.alice.Call("up__delete_all", `{}`); r.Status != http.StatusForbidden || r.Exchange != "" {
		t.Fatalf("the router does not route: %s", r)
	}
	var all []lie
	for _, lies := range [][]lie{h.nameLies(), h.methodLies(), h.absentLies(), h.repeatedLies(), h.paramLies(), h.versionLies()} {
		all = append(all, lies...)
	}
	all = append(all, lie{"honest, and denied", h.call("up__delete_all"), []string{"Mcp-Name", b64("up__delete_all")}, refusal{http.StatusOK, 4030, "policy.denied"}})
	reaching := all[:0]
	for _, l := range all {
		if name := h.alice.Headers(l.body).Get("Mcp-Name"); !stopped(l.header, name) {
			reaching = append(reaching, l)
		}
	}
	before := passed.Load()
	h.tell(reaching)
	if n := passed.Load() - before; n != int64(len(reaching)) {
		t.Errorf("%d of %d cases came through the router", n, len(reaching))
	}
	h.reopen("2025-11-25")
	h.tell(h.olderLies("2025-11-25"))
}

// stopped tells whether the router itself stops a request: by the first Mcp-Name.
func stopped(header []string, name string) bool {
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Mcp-Name" {
			name = header[i+1]
			break
		}
	}
	return strings.HasSuffix(name, "delete_all")
}

func TestMHB12_BadAnnotations(t *testing.T) {
	t.Parallel()
	annotated := func(name, properties string) []byte {
		return fmt.Appendf(nil, `{"name":%q,"inputSchema":{"type":"object",%s}}`, name, properties)
	}
	bad := map[string][]byte{
		"empty":       annotated("empty", `"properties":{"a":{"type":"string","x-mcp-header":""}}`),
		"space":       annotated("space", `"properties":{"a":{"type":"string","x-mcp-header":"A B"}}`),
		"crlf":        annotated("crlf", `"properties":{"a":{"type":"string","x-mcp-header":"A\r\nB: c"}}`),
		"twice":       annotated("twice", `"properties":{"a":{"type":"string","x-mcp-header":"Region"},"b":{"type":"string","x-mcp-header":"region"}}`),
		"number":      annotated("number", `"properties":{"a":{"type":"number","x-mcp-header":"A"}}`),
		"items":       annotated("items", `"properties":{"a":{"type":"array","items":{"type":"string","x-mcp-header":"A"}}}`),
		"oneOf":       annotated("oneOf", `"oneOf":[{"properties":{"a":{"type":"string","x-mcp-header":"A"}}}]`),
		"ref":         annotated("ref", `"properties":{"a":{"$ref":"#/$defs/a"}},"$defs":{"a":{"type":"string","x-mcp-header":"A"}}`),
		"not_text":    annotated("not_text", `"properties":{"a":{"type":"string","x-mcp-header":7}}`),
		"conditional": annotated("conditional", `"if":{"properties":{"a":{"type":"string","x-mcp-header":"A"}}}`),
	}
	s := gatetest.Script{Tools: rawTools("echo")}
	for _, def := range bad {
		s.Tools = append(s.Tools, def)
	}
	s.Tools = append(s.Tools, regionalTool())
	h := open(t, modern, s)
	list := h.alice.Post(h.alice.Request("7", "tools/list", ""))
	if !list.OK() || !strings.Contains(string(list.Body), `"up__echo"`) || !strings.Contains(string(list.Body), `"up__regional"`) {
		t.Fatalf("the good tools are not listed: %s", list)
	}
	for name := range bad {
		if strings.Contains(string(list.Body), `"up__`+name+`"`) {
			t.Errorf("%s is listed: %s", name, list)
		}
		h.refused(refusal{http.StatusOK, -32602, "tool.unknown"}, func() *gatetest.Reply { return h.alice.Call("up__"+name, `{}`) })
		if !warned(h.Log(), name) {
			t.Errorf("no warning names %s and what is wrong with it", name)
		}
	}
	if r := h.alice.Post(h.regional(`{"where":{"zone":"a"}}`), "Mcp-Param-Zone", "a"); !r.OK() {
		t.Errorf("a nested parameter: %s", r)
	}
}

func warned(log, tool string) bool {
	for line := range strings.SplitSeq(log, "\n") {
		if strings.Contains(line, "level=WARN") && strings.Contains(line, "name="+tool+" ") && strings.Contains(line, "x-mcp-header") {
			return true
		}
	}
	return false
}
