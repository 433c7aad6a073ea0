package app_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	metricspb "go.opentelemetry.io/proto/slim/otlp/metrics/v1"
	tracepb "go.opentelemetry.io/proto/slim/otlp/trace/v1"

	"doorward/internal/audit"
	"doorward/internal/gatetest"
)

// repeating is a stdio server that answers a call with the trace context that it was sent.
const repeating = `
while read -r line; do
  id=$(printf '%s' "$line" | sed -n 's/.*"id":\([0-9]*\).*/\1/p')
  say() { printf '{"jsonrpc":"2.0","id":%s,%s}\n' "$id" "$1"; }
  case "$line" in
  *'"method":"initialize"'*) say '"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"echo","version":"1"}}' ;;
  *'"method":"tools/list"'*) say '"result":{"tools":[{"name":"echo","inputSchema":{"type":"object"}}]}' ;;
  *'"method":"tools/call"'*) say '"result":{"content":[{"type":"text","text":"'"$(printf '%s' "$line" | tr -d '"')"'"}]}' ;;
  *'"id":'*) say '"error":{"code":-32601,"message":"Method not found"}' ;;
  esac
done
`

const (
	clientTrace = "4bf92f3577b34da6a3ce929d0e0e4736"
	clientSpan  = "00f067aa0ba902b7"
	clientSays  = "00-" + clientTrace + "-" + clientSpan + "-00" // not sampled: which decides nothing
)

// traced is a gateway that sends its telemetry to a collector: before an upstream over
// HTTP, up, and one that is a command, cmd.
func traced(t *testing.T, c *gatetest.OTEL, more string) (*gatetest.GW, *gatetest.UP) {
	t.Helper()
	server := filepath.Join(t.TempDir(), "repeating.sh")
	if err := os.WriteFile(server, []byte(repeating), 0o600); err != nil {
		t.Fatal(err)
	}
	up := gatetest.Upstream(t, gatetest.Script{
		Tools:   rawTools("echo", "fails", "wrong", "delete_all"),
		Errors:  map[string]json.RawMessage{"fails": json.RawMessage(`{"code":-32000,"message":"CANARY-upstream-error"}`)},
		Answers: map[string]json.RawMessage{"wrong": json.RawMessage(`{"isError":true,"content":[{"type":"text","text":"CANARY-result"}]}`)},
	})
	yaml := strings.Replace(houseRoles, `{up: {url: "${up}"}}`, fmt.Sprintf(`{up: {url: "${up}"}, cmd: {command: [sh, %q], sandbox: {kind: none}}}`, server), 1)
	yaml = strings.Replace(yaml, `tools: ["up/**"]`, `tools: ["up/**", "cmd/**"]`, 1) + fmt.Sprintf("telemetry: {otlp: %q%s}\n", c.URL(), more)
	g := gatetest.Gateway(t, yaml, map[string]*gatetest.UP{"up": up})
	g.Approve("")
	g.Approve("") // what the command offers, once it may be started
	return g, up
}

// O2: one trace goes from the client over the gateway to the upstream, in both eras, over
// HTTP and to a command, and both ends are told the truth of it; the record has its ids.
// LOG-06, LOG-11: nothing of what was said, and of who said it, is in any span.
func TestO2_LOG06_OneTrace(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{"grpc", "http"} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			c := gatetest.Collector(t, nil)
			g, up := traced(t, c, ", protocol: "+protocol)
			for i, era := range eras {
				alice := g.As(fmt.Sprint("alice", i), "reader").Open(era)
				for _, name := range []string{"up", "cmd"} {
					argument := `{"a":"` + spoken + `"}`
					r := alice.Call(name+"__echo", argument, "Traceparent", clientSays, "Tracestate", "a=1,b=2")
					if !r.OK() {
						t.Fatal(r)
					}
					spans := c.Of(t, r.Exchange, 2)
					server, client := spans[0], spans[1]
					if server.Trace != clientTrace || server.Parent != clientSpan || server.GetKind() != tracepb.Span_SPAN_KIND_SERVER || client.GetKind() != tracepb.Span_SPAN_KIND_CLIENT {
						t.Errorf("%s, %s: the server's span is %v, the client's %v", era, name, server, client)
					}
					if server.GetName() != "tools/call echo" || server.Has["mcp.method.name"] != "tools/call" || server.Has["gen_ai.tool.name"] != "echo" || server.Has["mcp.protocol.version"] != era ||
						server.Has["network.transport"] != "tcp" || (server.Has["mcp.session.id"] != "") != !alice.Stateless() || server.Has["doorward.identity.method"] != "api_key" || server.Has["error.type"] != "" {
						t.Errorf("%s, %s: the server's span has %v", era, name, server.Has)
					}
					if want := map[string]string{"up": "tcp", "cmd": "pipe"}[name]; client.Has["network.transport"] != want || client.Has["doorward.upstream"] != name ||
						client.GetStartTimeUnixNano() < server.GetStartTimeUnixNano() || client.GetEndTimeUnixNano() > server.GetEndTimeUnixNano() || client.GetEndTimeUnixNano() == client.GetStartTimeUnixNano() {
						t.Errorf("%s, %s: the client's span is %v", era, name, client)
					}
					told := "00-" + clientTrace + "-" + client.ID + "-01"
					if name == "up" {
						seen := up.Seen("tools/call")
						last := seen[len(seen)-1]
						if got := last.Header; got.Get("Traceparent") != told || got.Get("Tracestate") != "" || got.Get("Baggage") != "" {
							t.Errorf("%s: the upstream got the headers %v, want %s", era, got, told)
						}
						r.Body = []byte(strings.ReplaceAll(string(last.Params), `"`, ""))
					}
					if text := string(r.Body); !strings.Contains(text, "traceparent:"+told) || strings.Contains(text, "tracestate") {
						t.Errorf("%s, %s: in _meta the upstream got %s, want %s", era, name, text, told)
					}
					all := g.Records(audit.Query{Exchange: r.Exchange})
					if hex.EncodeToString(all[0].Trace[:]) != server.Trace || hex.EncodeToString(all[0].Span[:]) != server.ID {
						t.Errorf("%s, %s: on record are %x and %x", era, name, all[0].Trace, all[0].Span)
					}
				}
			}
			_, _, raw := c.Await(t, func([]gatetest.Span, []*metricspb.Metric) bool { return true })
			for _, secret := range []string{spoken, "alice", "CANARY"} {
				if strings.Contains(raw, secret) {
					t.Errorf("%s is in a span", secret)
				}
			}
		})
	}
}

// What failed and what was refused is told by stable codes, and by no text of anybody's.
func TestSpansOfFailures(t *testing.T) {
	t.Parallel()
	c := gatetest.Collector(t, nil)
	g, _ := traced(t, c, "")
	alice := g.As("alice", "reader").Open(eras[1])
	for _, tc := range []struct {
		tool, kind, rpc string // an empty kind is the code of the refusal
		spans           int
	}{
		{"up__fails", "-32000", "-32000", 2},
		{"up__wrong", "tool_error", "", 2},
		{"up__delete_all", "", "", 1},
		{"up__none", "", "", 1},
	} {
		r := alice.Call(tc.tool, `{}`)
		if tc.kind == "" {
			tc.kind = r.Refusal
		}
		spans := c.Of(t, r.Exchange, tc.spans)
		for _, s := range spans {
			if strings.HasPrefix(s.GetName(), "stage ") {
				continue
			}
			if s.Has["error.type"] != tc.kind || s.Has["rpc.response.status_code"] != tc.rpc || s.GetStatus().GetCode() != tracepb.Status_STATUS_CODE_ERROR || s.GetStatus().GetMessage() != "" {
				t.Errorf("%s: %v has %v", tc.tool, s.GetStatus(), s.Has)
			}
		}
	}
	// Nobody is who has no key: the trace that they name is only linked to.
	r := g.Client("nobody", "dw_none").Post([]byte(`{"jsonrpc":"2.0","id":1,"method":"ping"}`), "Traceparent", clientSays)
	s := c.Of(t, r.Exchange, 1)[0]
	if s.Trace == clientTrace || s.Parent != "" || len(s.GetLinks()) != 1 || hex.EncodeToString(s.GetLinks()[0].GetTraceId()) != clientTrace {
		t.Errorf("a stranger's span: %v", s)
	}
	if _, _, raw := c.Await(t, func([]gatetest.Span, []*metricspb.Metric) bool { return true }); strings.Contains(raw, "CANARY") {
		t.Error("what an upstream said is in a span")
	}
}

// withMembers is a call of echo with these members of _meta.
func withMembers(c *gatetest.Client, members string) []byte {
	meta := `"_meta":{` + members + "}"
	if c.Stateless() {
		meta = strings.TrimSuffix(strings.TrimSuffix(gatetest.Meta, "}")+","+members, ",") + "}"
	}
	return fmt.Appendf(nil, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"up__echo","arguments":{},%s}}`, meta)
}

// LOG-11: whatever a client says of its trace, the upstream is told of one that is valid,
// of no baggage that nobody has looked at, and of nothing larger than the standards allow.
func TestLOG11_HostileContexts(t *testing.T) {
	t.Parallel()
	const canary = "CANARY-baggage-0123456789"
	for _, mode := range []string{"trace", "all", "none"} {
		c := gatetest.Collector(t, nil)
		g, up := traced(t, c, ", propagate: "+mode)
		g.Hide(canary)
		for i, era := range eras {
			alice := g.As(fmt.Sprint("alice", i), "reader").Open(era)
			for _, tc := range []struct {
				meta   string
				header []string
			}{
				{``, []string{"Traceparent", "00-" + canary}},
				{``, []string{"Traceparent", clientSays, "Traceparent", clientSays}},
				{``, []string{"Traceparent", clientSays, "Tracestate", canary + "=1", "Baggage", "token=" + canary}},
				{``, []string{"Traceparent", clientSays, "Tracestate", "v=" + canary}},
				{``, []string{"Traceparent", clientSays, "Tracestate", strings.Repeat("a=1,", 100), "Baggage", strings.Repeat("k=v,", 1000)}},
				{`"traceparent":"00-` + canary + `","tracestate":"` + canary + `=1"`, nil},
				{`"traceparent":7,"tracestate":{"a":1},"baggage":["` + canary + `"]`, nil},
				{`"traceparent":"` + clientSays + `","tracestate":"` + strings.Repeat("a=1,", 100) + `","baggage":"` + strings.Repeat("k=v,", 3000) + `k=` + canary + `"`, nil},
				{`"traceparent":"` + clientSays + `","baggage":"k=\u000d\u000aX-Canary: 1"`, nil},
			} {
				body := withMembers(alice, tc.meta)
				before := up.Count("tools/call")
				if r := alice.Post(body, tc.header...); !r.OK() {
					t.Errorf("%s, %s: %s", mode, body, r)
					continue
				}
				last := up.Seen("tools/call")[before]
				parent := last.Header.Get("Traceparent")
				if text := string(last.Params) + fmt.Sprint(last.Header); strings.Contains(text, canary) || strings.Contains(text, "Canary") || strings.Contains(text, "a=1,a=1") || strings.Contains(text, "k=v") {
					t.Errorf("%s: the upstream got %.300s", mode, text)
				}
				if mode == "none" {
					if parent != "" || strings.Contains(string(last.Params), "trace") {
						t.Errorf("the upstream got %s and %s", parent, last.Params)
					}
				} else if len(parent) != 55 || strings.Count(string(last.Params), `"traceparent":"`+parent+`"`) != 1 {
					t.Errorf("%s: the upstream got %s and %s", mode, parent, last.Params)
				}
			}
			// Good baggage and a good tracestate go on where that is wanted, and nowhere else.
			meta := `"traceparent":"` + clientSays + `","tracestate":"v=1","baggage":"user=1,region=eu"`
			body := withMembers(alice, meta)
			before := up.Count("tools/call")
			if r := alice.Post(body); !r.OK() {
				t.Fatalf("%s: %s", body, r)
			}
			last := up.Seen("tools/call")[before]
			got := last.Header.Get("Baggage") == "user=1,region=eu" && last.Header.Get("Tracestate") == "v=1" && strings.Contains(string(last.Params), `"tracestate":"v=1","baggage":"user=1,region=eu"`)
			if got != (mode == "all") || !got && (strings.Contains(string(last.Params), "baggage") || strings.Contains(string(last.Params), "tracestate") || last.Header.Get("Tracestate") != "") {
				t.Errorf("%s: of tracestate and baggage the upstream got %v and %s", mode, last.Header, last.Params)
			}
		}
		if _, _, raw := c.Await(t, func([]gatetest.Span, []*metricspb.Metric) bool { return true }); strings.Contains(raw, canary) {
			t.Errorf("%s: it is in a span", mode)
		}
	}
}

// A collector that hangs, or is not there, neither fails a call nor holds one up: the calls
// are over before it has answered anything.
func TestACollectorThatFailsHoldsNothingUp(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	release := sync.OnceFunc(func() { close(hold) })
	hanging := gatetest.Collector(t, hold)
	t.Cleanup(release)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := ln.Addr().String()
	ln.Close()
	g, _ := traced(t, hanging, "")
	alice := g.As("alice", "reader").Open(eras[0])
	for range 50 {
		if r := alice.Call("up__echo", `{}`); !r.OK() {
			t.Fatal(r)
		}
	}
	release()
	if spans, _, _ := hanging.Await(t, func(s []gatetest.Span, _ []*metricspb.Metric) bool { return len(s) >= 100 }); len(spans) < 100 {
		t.Errorf("%d spans of 50 calls", len(spans))
	}
	other := gatetest.Upstream(t, gatetest.Script{Tools: rawTools("echo")})
	h := gatetest.Gateway(t, houseRoles+"telemetry: {otlp: \"http://"+gone+"\"}\n", map[string]*gatetest.UP{"up": other})
	h.Approve("")
	bob := h.As("bob", "reader").Open(eras[1])
	for range 50 {
		if r := bob.Call("up__echo", `{}`); !r.OK() {
			t.Fatal(r)
		}
	}
	h.Stop() // which says what became of them, and waits for nobody
}

// A collector is shown its secrets, which are in nothing else, and one that asks for others
// is none to begin with.
func TestWhatACollectorIsShown(t *testing.T) {
	t.Parallel()
	const token, team = "CANARY-otel-token-4f", "CANARY-otel-team-9c"
	dir := t.TempDir()
	for name, value := range map[string]string{"token": token, "team": team} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(value), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := gatetest.Collector(t, nil)
	up := gatetest.Upstream(t, gatetest.Script{Tools: rawTools("echo")})
	g := gatetest.Gateway(t, houseRoles+fmt.Sprintf(`telemetry: {otlp: %q, token: token, headers: {X-Team: team}, protocol: grpc}
secrets: {token: {from: "file:%s/token"}, team: {from: "file:%s/team"}}
`, c.URL(), dir, dir), map[string]*gatetest.UP{"up": up})
	g.Hide(token)
	g.Hide(team)
	g.Approve("")
	alice := g.As("alice", "reader").Open(eras[1])
	c.Of(t, alice.Call("up__echo", `{}`).Exchange, 2)
	if h := c.Headers()[0]; h.Get("Authorization") != "Bearer "+token || h.Get("X-Team") != team {
		t.Errorf("the collector was shown %v", h)
	}
}
