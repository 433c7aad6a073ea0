package app_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"doorward/internal/audit"
	"doorward/internal/gatetest"
)

// apiKey is a secret of the configuration in these tests.
const apiKey = "CANARY-up-7f3a91c2+d0/e5"

// spelled are ways in which an upstream returns it.
func spelled() map[string]string {
	escaped := ""
	for _, c := range apiKey {
		escaped += fmt.Sprintf(`\u%04x`, c)
	}
	return map[string]string{
		"plain": apiKey, "base64": base64.StdEncoding.EncodeToString([]byte("key=" + apiKey)), "hex": hex.EncodeToString([]byte(apiKey)),
		"percent": "CANARY-up-7f3a91c2%2Bd0%2Fe5", "escaped": escaped,
	}
}

func keyFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, []byte(apiKey), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// everywhere is the secret in all its spellings, for nowhere.
func everywhere() map[string]string {
	all := spelled()
	all["base64"] = strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(apiKey)), "=")[:20]
	return all
}

func leaks(g *gatetest.GW) (details []string) {
	for _, r := range g.Records(audit.Query{}) {
		if r.Event == "secret.leaked" {
			details = append(details, r.Detail)
		}
	}
	return details
}

// An upstream that returns its credential in results and errors: the client reads a
// mark, and it is on record which secret it was.
func TestLeakInResults(t *testing.T) {
	t.Parallel()
	for _, version := range eras {
		script := gatetest.Script{Answers: map[string]json.RawMessage{}, Errors: map[string]json.RawMessage{}}
		for name, text := range spelled() {
			script.Tools = append(script.Tools, loose(name))
			script.Answers[name] = fmt.Appendf(nil, `{"resultType":"complete","content":[{"type":"text","text":"I was sent %s."}],"structuredContent":{"k":"%s"}}`, text, text)
		}
		script.Tools = append(script.Tools, loose("fails"))
		script.Errors["fails"] = fmt.Appendf(nil, `{"code":-32000,"message":"bad key %s","data":{"header":"Bearer %s"}}`, apiKey, apiKey)
		up := gatetest.Upstream(t, script)
		g := gatetest.Gateway(t, leaking(keyFile(t), ""), map[string]*gatetest.UP{"up": up})
		g.Approve("")
		c := g.As("alice", "reader").Open(version)
		for name, text := range spelled() {
			r := c.Call("up__"+name, `{}`)
			if !r.OK() || strings.Contains(string(r.Body), text) || strings.Count(string(r.Body), "[secret]") != 2 {
				t.Errorf("%s, %s: %s", version, name, r)
			}
		}
		if r := c.Call("up__fails", `{}`); strings.Contains(string(r.Body), "CANARY") {
			t.Errorf("%s, an error: %s", version, r)
		}
		if got := leaks(g); len(got) != 1 || got[0] != "secret api in the answer to tools/call" {
			t.Errorf("%s: on record %q", version, got)
		}
		nowhere(t, g, everywhere())
	}
}

// leaking is a gateway that hands the secret api to its upstream.
func leaking(key, more string) string {
	return strings.Replace(houseRoles, `"${up}"`, `"${up}", credential: {bearer: api}`, 1) +
		fmt.Sprintf("secrets: {api: {from: %q}}\n%s", "file:"+key, more)
}

// What an upstream says of itself and of its tools is pinned, and shown to people: with
// a secret in it, it is held and never comes to the lock.
func TestLeakInDefinitions(t *testing.T) {
	t.Parallel()
	for _, version := range eras {
		clean := gatetest.Script{Tools: []json.RawMessage{loose("echo")}}
		boasting := clean
		boasting.Tools = append([]json.RawMessage{fmt.Appendf(nil, `{"name":"boast","description":"Uses %s.","inputSchema":{"type":"object"}}`, apiKey)}, clean.Tools...)
		named := clean
		named.Info = fmt.Appendf(nil, `{"name":"recorder","version":"1+%s"}`, apiKey)
		told := clean
		told.Instructions = "My key is " + apiKey

		up := gatetest.Upstream(t, boasting)
		g := gatetest.Gateway(t, leaking(keyFile(t), ""), map[string]*gatetest.UP{"up": up})
		g.Approve("")
		c := g.As("alice", "reader").Open(version)
		if list := c.Post(c.Request("9", "tools/list", "")); !strings.Contains(string(list.Body), "up__echo") || strings.Contains(string(list.Body), "boast") {
			t.Errorf("%s: listed %s", version, list)
		}
		if r := c.Call("up__boast", `{}`); r.OK() {
			t.Errorf("%s: called what leaks: %s", version, r)
		}
		if r := c.Call("up__echo", `{}`); !r.OK() {
			t.Errorf("%s: what does not leak: %s", version, r)
		}
		for what, script := range map[string]gatetest.Script{"serverInfo": named, "instructions": told} {
			other := gatetest.Upstream(t, script)
			g := gatetest.Gateway(t, leaking(keyFile(t), ""), map[string]*gatetest.UP{"up": other})
			if n := g.Approve(""); n > 1 { // how it is reached, and nothing that it says
				t.Errorf("%s, %s: %d definitions were approved", version, what, n)
			}
			c := g.As("alice", "reader").Open(version)
			if r := c.Call("up__echo", `{}`); r.OK() {
				t.Errorf("%s, %s: %s", version, what, r)
			}
			if len(leaks(g)) == 0 {
				t.Errorf("%s, %s: nothing is on record", version, what)
			}
			nowhere(t, g, everywhere())
		}
		if got := leaks(g); len(got) != 1 || got[0] != "secret api in the answer to tools/list" {
			t.Errorf("%s: on record %q", version, got)
		}
		nowhere(t, g, everywhere())
	}
}

// Where credentials in results are refused, so are one's own.
func TestLeakBlocked(t *testing.T) {
	t.Parallel()
	script := gatetest.Script{Tools: []json.RawMessage{loose("echo")}, Answers: map[string]json.RawMessage{"echo": fmt.Appendf(nil, `{"content":[{"type":"text","text":%q}]}`, apiKey)}}
	up := gatetest.Upstream(t, script)
	g := gatetest.Gateway(t, leaking(keyFile(t), "trust: {results: {secrets: block}}\n"), map[string]*gatetest.UP{"up": up})
	g.Approve("")
	for _, version := range eras {
		c := g.As("alice"+version, "reader").Open(version)
		if r := c.Call("up__echo", `{}`); r.Refusal != "result.refused" || strings.Contains(string(r.Body), "CANARY") {
			t.Errorf("%s: %s", version, r)
		}
	}
	nowhere(t, g, everywhere())
}

// A key of the client's own is looked for in what comes back to that client's call.
func TestLeakOfOwnKey(t *testing.T) {
	t.Parallel()
	const own = "CANARY-own-key-of-alice"
	script := gatetest.Script{Tools: rawTools("echo"), Answers: map[string]json.RawMessage{"echo": fmt.Appendf(nil, `{"content":[{"type":"text","text":%q}]}`, own)}}
	up := gatetest.Upstream(t, script)
	g := gatetest.Gateway(t, bringing, map[string]*gatetest.UP{"up": up})
	g.Approve("")
	c := g.As("alice").Open(modern)
	if r := c.Call("up__echo", `{}`, "X-Gemini-Key", own); !r.OK() || !strings.Contains(string(r.Body), "[secret]") || strings.Contains(string(r.Body), own) {
		t.Errorf("%s", r)
	}
	if r := c.Call("up__echo", `{}`, "X-Gemini-Key", "CANARY-another-key"); !r.OK() || !strings.Contains(string(r.Body), own) {
		t.Errorf("with another key: %s", r)
	}
	if got := leaks(g); len(got) != 1 || got[0] != "secret a client's own key in the answer to tools/call" {
		t.Errorf("on record %q", got)
	}
}

// echoing is a stdio server that returns its variable KEY wherever it can.
const echoing = `
while read -r line; do
  id=$(printf '%s' "$line" | sed -n 's/.*"id":\([0-9]*\).*/\1/p')
  say() { printf '{"jsonrpc":"2.0","id":%s,%s}\n' "$id" "$1"; }
  case "$line" in
  *'"method":"initialize"'*) say '"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{},"logging":{}},"serverInfo":{"name":"echo","version":"1"}}' ;;
  *'"method":"tools/list"'*) say '"result":{"tools":[{"name":"echo","inputSchema":{"type":"object"}},{"name":"boast","description":"'"$KEY"'","inputSchema":{"type":"object"}}]}' ;;
  *'"method":"tools/call"'*)
    echo "my key is $KEY" >&2
    echo "and no message: $KEY"
    printf '{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"error","data":"%s"}}\n' "$KEY"
    printf '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":%s,"progress":1,"message":"%s"}}\n' "$id" "$KEY"
    say '"result":{"content":[{"type":"text","text":"it is '"$KEY"'"}]}' ;;
  *'"id":'*) say '"error":{"code":-32601,"message":"Method not found"}' ;;
  esac
done
`

// The same over stdio, with what a command writes beside its messages.
func TestLeakOfCommand(t *testing.T) {
	t.Parallel()
	server := filepath.Join(t.TempDir(), "echoing.sh")
	if err := os.WriteFile(server, []byte(echoing), 0o600); err != nil {
		t.Fatal(err)
	}
	yaml := strings.Replace(leaking(keyFile(t), ""), `url: "${up}", credential: {bearer: api}`, fmt.Sprintf("command: [sh, %q], env: {KEY: api}, sandbox: {kind: none}", server), 1)
	g := gatetest.Gateway(t, yaml, nil)
	g.Approve("")
	g.Approve("") // what it offers, once it may be started
	c := g.As("alice", "reader").Open(eras[0])
	r := c.Post(c.Request("7", "tools/call", `"name":"up__echo","arguments":{},"_meta":{"progressToken":1}`))
	if body := string(r.Body); !strings.Contains(body, "it is [secret]") || !strings.Contains(body, `"message":"[secret]"`) || strings.Contains(body, "CANARY") {
		t.Errorf("the client was sent %s", r)
	}
	if r := c.Call("up__boast", `{}`); r.OK() {
		t.Errorf("what leaks was called: %s", r)
	}
	got := strings.Join(leaks(g), "\n")
	for _, where := range []string{"the answer to tools/call", "the answer to tools/list", "notifications/progress"} {
		if !strings.Contains(got, "secret api in "+where) {
			t.Errorf("on record is nothing about %s: %s", where, got)
		}
	}
	g.Stop()
	if log := g.Log(); !strings.Contains(log, "my key is [secret]") || !strings.Contains(log, "and no message: [secret]") {
		t.Errorf("the log is %s", log)
	}
	nowhere(t, g, everywhere())
}
