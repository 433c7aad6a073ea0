package app_test

import (
	"fmt"
	"strings"
	"testing"

	"doorward/internal/audit"
	"doorward/internal/gatetest"
)

// bad is a question that no client may be asked.
type bad struct {
	can    string // what the client declares
	method string
	params string
	times  int // questions at once; one unless it says so
}

func badQuestions() map[string]bad {
	elicit := func(params string) bad {
		return bad{canAsk, "elicitation/create", `{"message":"canary-question",` + params + `}`, 1}
	}
	site := func(url string) bad { return elicit(`"mode":"url","url":"` + url + `"`) }
	return map[string]bad{
		"elicitation, not declared": {`{}`, "elicitation/create", `{"message":"canary-question","requestedSchema":{"type":"object","properties":{}}}`, 1},
		"sampling, not declared":    {canElicit, "sampling/createMessage", `{"messages":[{"role":"user","content":{"type":"text","text":"canary-question"}}],"maxTokens":1}`, 1},
		"roots, not declared":       {canElicit, "roots/list", `{"_meta":{"canary-question":1}}`, 1},
		"a URL, form declared":      {canElicit, "elicitation/create", `{"mode":"url","message":"canary-question","url":"https://example.com/"}`, 1},
		"a tool call":               {canAsk, "tools/call", `{"name":"canary-question"}`, 1},
		"script":                    site("javascript:alert(1)"),
		"a file":                    site("file:///etc/passwd"),
		"plain http elsewhere":      site("http://example.com/"),
		"a user in the URL":         site("https://bank.example@evil.example/"),
		"a form for a password":     elicit(`"requestedSchema":{"type":"object","properties":{"password":{"type":"string"}}}`),
		"a mode that is none":       elicit(`"mode":"FORM","requestedSchema":{"type":"object","properties":{}}`),
	}
}

// MHB-15, POL-49: what the client did not say that it can be asked, and what nobody may
// be asked, is not asked, whatever the eras, and is on record.
func TestMHB15_QuestionsThatNobodyIsAsked(t *testing.T) {
	t.Parallel()
	for name, q := range badQuestions() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, p := range pairs() {
				t.Run(p.String(), func(t *testing.T) { unasked(t, p, q) })
			}
		})
	}
}

// MHB-15, RES-32: so are more questions at once than there may be.
func TestMHB15_RES32_ElevenQuestions(t *testing.T) {
	t.Parallel()
	q := bad{canAsk, "elicitation/create", `{"message":"canary-question","requestedSchema":{"type":"object","properties":{}}}`, 11}
	for _, version := range eras {
		t.Run(version, func(t *testing.T) { unasked(t, pair{version, true}, q) })
	}
}

// unasked lets an upstream of the pair ask the question.
func unasked(t *testing.T, p pair, q bad) {
	t.Helper()
	k := talking(t, p.stateless, gatetest.Script{Tools: rawTools("ask", "echo")})
	k.question = fmt.Sprintf(`"method":%q,"params":%s`, q.method, q.params)
	if p.stateless {
		var all []string
		for i := range q.times {
			all = append(all, fmt.Sprintf(`"q%d":{%s}`, i, k.question))
		}
		k.question = strings.Join(all, ",")
	}
	gw := gatetest.Gateway(t, `upstreams: {up: {url: "`+k.URL()+`"}}`, nil)
	gw.Approve("")
	c := gw.As("alice")
	c.Version = p.version
	body := asking("tools/call", `"name":"up__ask","arguments":{}`, q.can)
	if !c.Stateless() {
		begin(t, c, q.can)
		body = c.Request("2", "tools/call", `"name":"up__ask","arguments":{}`)
	}
	r := c.Post(body)
	if strings.Contains(string(r.Body), "canary-question") || strings.Contains(string(r.Body), "input_required") {
		t.Errorf("the client was asked: %s", r)
	}
	if p.stateless {
		if r.OK() || r.Refusal != "reply.invalid" && r.Refusal != "upstream.protocol" || len(k.told()) != 0 {
			t.Errorf("got %s, and the upstream was told %q", r, k.told())
		}
		found := false
		for _, rec := range gw.Records(audit.Query{Exchange: r.Exchange}) {
			found = found || rec.Kind == audit.KindOutcome && rec.Code == r.Refusal
		}
		if !found {
			t.Errorf("A1: the refusal %s is not on record", r.Refusal)
		}
	} else if got := k.told(); !r.OK() || len(got) != 1 || !strings.Contains(got[0], `"code":-`) {
		t.Errorf("got %s, and the upstream was told %q, want an error and a call that goes on", r, got)
	}
	if r := c.Call("up__echo", `{}`); !r.OK() {
		t.Errorf("G7: the next call: %s", r)
	}
}

// begin does the handshake of a stateful client that declares what it can.
func begin(t *testing.T, c *gatetest.Client, can string) {
	t.Helper()
	r := c.Post(fmt.Appendf(nil, `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":%q,"capabilities":%s,"clientInfo":{"name":"test","version":"1"}}}`, c.Version, can))
	if c.Session = r.Header.Get("Mcp-Session-Id"); c.Session == "" {
		t.Fatalf("handshake: %s", r)
	}
	c.Post([]byte(`{"jsonrpc":"2.0","method":"notifications/initialized"}`))
}
