package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"doorward/internal/gatetest"
)

const transportRoles = `
upstreams: {up: {url: "%s"}}
roles:
  reader: {allow: [{tools: ["up/**"]}], deny: [{tools: [up/delete_all]}]}
`

// hello is the first message of a client of a version.
func hello(version string) []byte {
	if version == modern {
		return asking("server/discover", `"x":1`, `{}`)
	}
	return fmt.Appendf(nil, `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":%q,"capabilities":{},"clientInfo":{"name":"test","version":"1"}}}`, version)
}

// asks is a request of a client of a version.
func asks(version, method, params string) string {
	if version == modern {
		return string(asking(method, params, `{}`))
	}
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":2,"method":%q,"params":{%s}}`, method, params)
}

// attempt is what must be refused the same way over every transport.
type attempt struct {
	name    string
	key     string // "none" or "revoked"; alice's otherwise
	profile string
	early   bool                        // before the handshake
	body    func(version string) string // nil: to open the connection
	code    int
	refusal string
	other   map[string]string // a transport's own answer, where it has no room for a message; "-" where there is no such attempt
}

func attempts() []attempt {
	call := func(tool, args string) func(string) string {
		return func(version string) string {
			return asks(version, "tools/call", `"name":"up__`+tool+`","arguments":`+args)
		}
	}
	noKeys := map[string]string{"stdio": "-"} // whoever runs the process is its user
	return []attempt{
		{name: "no key", key: "none", code: 4010, refusal: "identity.missing", other: noKeys},
		{name: "revoked key", key: "revoked", code: 4010, refusal: "identity.invalid", other: noKeys},
		{name: "unknown profile", profile: "nosuch", code: 4040, refusal: "profile.unknown", other: noKeys},
		{name: "unknown tool", body: call("nosuch", `{}`), code: -32602, refusal: "tool.unknown"},
		{name: "denied tool", body: call("delete_all", `{}`), code: 4030, refusal: "policy.denied"},
		{name: "held tool", body: call("held", `{}`), code: 4031, refusal: "tool.held"},
		{name: "changed tool", body: call("turned", `{}`), code: 4031, refusal: "tool.changed"},
		{name: "bad arguments", body: call("strict", `{"n":"x"}`), refusal: "arguments.invalid"}, // a tool error
		{name: "unknown method", body: func(v string) string { return asks(v, "frob", `"x":1`) }, code: -32601, refusal: "method.unknown"},
		{name: "another era's method", body: func(v string) string {
			if v == modern {
				return asks(v, "ping", `"x":1`)
			}
			return asks(v, "server/discover", `"x":1`)
		}, code: -32601, refusal: "method.unknown"},
		{name: "duplicate keys", body: func(v string) string {
			return strings.Replace(call("echo", `{}`)(v), `{"jsonrpc"`, `{"method":"ping","jsonrpc"`, 1)
		}, code: -32600, refusal: "message.invalid"},
		{name: "no JSON", body: func(v string) string { return call("echo", `{}`)(v)[1:] }, code: -32700, refusal: "message.parse"},
		{name: "batch", body: func(v string) string { return "[" + call("echo", `{}`)(v) + "]" }, code: -32600, refusal: "message.batch"},
		{
			name: "too large", body: call("echo", `{"x":"`+strings.Repeat("x", 4<<20)+`"}`), code: -32600, refusal: "message.too_large",
			other: map[string]string{"websocket": "closed 1009"},
		}, // RFC 6455, section 7.4.1
		{name: "before the handshake", early: true, body: func(v string) string {
			return asks("2025-11-25", "tools/list", `"x":1`)
		}, code: -32600, refusal: "session.missing"},
	}
}

// Every refusal is the same over every transport, in either era, reaches no
// upstream and is on record.
func TestRefusalsOverEveryTransport(t *testing.T) {
	t.Parallel()
	strict := json.RawMessage(`{"name":"strict","inputSchema":{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}}`)
	up := gatetest.Upstream(t, gatetest.Script{Tools: append(rawTools("echo", "delete_all", "turned"), strict)})
	roles := fmt.Sprintf(transportRoles, up.URL())
	gw := gatetest.Gateway(t, "version: 1\ndata_dir: data\nlisten: {address: \"127.0.0.1:0\", legacy_sse: true, websocket: true}\n"+roles, nil)
	gw.Approve("")
	up.Set(gatetest.Script{Tools: append(rawTools("echo", "delete_all", "held"), strict, shaped("turned", "x", "string"))})
	keys := map[string]string{"none": "", "": gw.Key("alice", "reader"), "revoked": gw.Key("mallory", "reader")}
	gw.Revoke("mallory")
	logged := func(t *testing.T, code string) int { return refusals(t, gw.AuditDir(), code) }
	for name, tr := range map[string]transport{
		"http":      {openHTTP(gw), logged, ""},
		"sse":       {openSSE(gw), logged, ""},
		"websocket": {openSocket(gw), logged, ""},
		"stdio":     overStdio(t, gw, roles),
	} {
		t.Run(name, func(t *testing.T) {
			for _, version := range eras {
				if name == "sse" && version == modern { // it ended with the era that had it
					continue
				}
				for _, a := range attempts() {
					if a.other[name] == "-" || a.early && version == modern {
						continue
					}
					t.Run(version+" "+a.name, func(t *testing.T) {
						before, calls := tr.records(t, a.refusal), up.Count("tools/call")
						want := told{code: a.code, refusal: a.refusal}
						if own := a.other[name]; own != "" {
							want = told{refusal: own}
						}
						v, got := tr.open(t, opening{keys[a.key], a.profile, version})
						if (v == nil) != (a.body == nil) && a.key != "revoked" {
							t.Fatalf("opening: %+v", got)
						}
						if v != nil {
							got = attack(t, v, a, version)
						}
						if got.code != want.code || got.refusal != want.refusal {
							t.Errorf("got %.500s (%d %s), want %d %s", got.raw, got.code, got.refusal, want.code, want.refusal)
						}
						if n := up.Count("tools/call") - calls; n != 0 {
							t.Errorf("U0: %d calls reached the upstream", n)
						}
						if n := tr.records(t, a.refusal) - before; n != 1 && a.other[name] == "" {
							t.Errorf("A1: %d refusals with code %s are on record", n, a.refusal)
						}
						if v != nil && a.body != nil && a.other[name] == "" && !a.early {
							if r := v.say(t, []byte(asks(version, "tools/call", `"name":"up__echo","arguments":{}`))); r.refusal != "" || r.code != 0 || !strings.Contains(r.raw, `"ok"`) {
								t.Errorf("G7: the next call: %+v", r)
							}
						}
					})
				}
			}
		})
	}
}

// attack makes the attempt on an open connection, after the handshake.
func attack(t *testing.T, v voice, a attempt, version string) told {
	t.Helper()
	if a.body == nil { // http, where each message signs in for itself
		return v.say(t, hello(version))
	}
	if !a.early && version != modern {
		shake(t, v, version)
	}
	return v.say(t, []byte(a.body(version)))
}

// shake does the handshake.
func shake(t *testing.T, v voice, version string) {
	t.Helper()
	if h, ok := v.(overHTTP); ok {
		h.client.Open(version)
		return
	}
	if r := v.say(t, hello(version)); r.refusal != "" || !bytes.Contains([]byte(r.raw), []byte("protocolVersion")) {
		t.Fatalf("the handshake: %+v", r)
	}
}
