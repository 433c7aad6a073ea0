package app_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"doorward/internal/audit"
	"doorward/internal/gate"
	"doorward/internal/gatetest"
)

// RES-31: where the answer to a tool's question makes the client's model call the tool again, three calls get through,
// whatever the eras; the next is refused, on record, and never sent. With that each of the three gets its
// answer, and nothing is left that would stand in the way of the next.
func TestRES31_ATurnThatLeadsToItself(t *testing.T) {
	t.Parallel()
	for _, p := range pairs() {
		t.Run(p.String(), func(t *testing.T) {
			t.Parallel()
			k := talking(t, p.stateless, gatetest.Script{Tools: rawTools("ask", "echo")})
			k.question = `"method":"sampling/createMessage","params":{"messages":[{"role":"user","content":{"type":"text","text":"?"}}],"maxTokens":1}`
			if p.stateless {
				k.question = `"theirs":{` + k.question + `}`
			}
			gw := gatetest.Gateway(t, `upstreams: {up: {url: "`+k.URL()+`"}}`, nil)
			gw.Approve("")
			c := gw.As("alice")
			if c.Version = p.version; !c.Stateless() {
				begin(t, c, canAsk)
			}
			for round := range 2 {
				a := &agent{t: t, gw: gw, client: c, first: 100 * round}
				first := a.call()
				if strings.Contains(string(a.refused), string(gate.CodeSampling)) != (a.depth == 4) || a.depth != 4 {
					t.Fatalf("round %d: call %d ended the chain: %s", round, a.depth, a.refused)
				}
				if a.answers != 3 || !strings.Contains(string(first), "went on") {
					t.Errorf("round %d: %d calls of the chain were answered, the first with %s", round, a.answers, first)
				}
			}
			if got := len(k.told()); got != 6 {
				t.Errorf("the upstream was answered %d times, want 6", got)
			}
			refused := 0
			for _, r := range gw.Records(audit.Query{Kind: audit.KindOutcome}) {
				if r.Code == string(gate.CodeSampling) {
					refused++
				}
			}
			if refused != 2 {
				t.Errorf("%d refusals are on record, want 2", refused)
			}
		})
	}
}

// agent is a client whose model answers what a tool asks by calling that tool.
type agent struct {
	t       *testing.T
	gw      *gatetest.GW
	client  *gatetest.Client
	first   int // what the ids of its requests begin behind: each is used once in a session
	depth   int
	answers int    // of calls that were not refused
	refused []byte // what the call got that was not sent
}

const turn = `{"role":"assistant","content":{"type":"text","text":"."},"model":"m"}`

// call calls the tool, and answers what it asks once another such call has ended. It returns the answer.
func (a *agent) call() []byte {
	a.t.Helper()
	if a.depth++; a.depth > 8 {
		a.t.Fatal("the chain does not end")
	}
	answer := a.turn(a.depth, "")
	var m struct {
		Result struct {
			ResultType    string
			InputRequests map[string]json.RawMessage
			RequestState  json.RawMessage
		}
	}
	if err := json.Unmarshal(answer, &m); err != nil {
		a.t.Fatalf("%s: %v", answer, err)
	}
	if m.Result.ResultType == "input_required" {
		a.call()
		for key := range m.Result.InputRequests {
			answer = a.turn(a.depth, fmt.Sprintf(`,"inputResponses":{%q:%s},"requestState":%s`, key, turn, m.Result.RequestState))
		}
	}
	if strings.Contains(string(answer), "went on") {
		a.answers++
	} else if a.refused == nil {
		a.refused = answer
	}
	return answer
}

// turn makes one request and answers what is asked on its stream; it returns the final message.
func (a *agent) turn(id int, more string) []byte {
	a.t.Helper()
	params := `"name":"up__ask","arguments":{}` + more
	body := a.client.Request(fmt.Sprint(a.first+id), "tools/call", params)
	if a.client.Stateless() {
		body = asking("tools/call", params, canAsk)
	}
	req, err := http.NewRequestWithContext(a.t.Context(), http.MethodPost, a.gw.URL(), bytes.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	req.Header = a.client.Headers(body)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		a.t.Fatal(err)
	}
	defer resp.Body.Close()
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		data := strings.TrimPrefix(lines.Text(), "data: ")
		var m struct {
			ID     json.RawMessage
			Method string
		}
		switch {
		case json.Unmarshal([]byte(data), &m) != nil: // a field of the stream
		case m.Method == "":
			return []byte(data)
		default:
			a.call()
			if r := a.client.Post(fmt.Appendf(nil, `{"jsonrpc":"2.0","id":%s,"result":%s}`, m.ID, turn)); r.Status != http.StatusAccepted {
				a.t.Errorf("the model's turn: %s", r)
			}
		}
	}
	a.t.Fatal("no answer")
	return nil
}
