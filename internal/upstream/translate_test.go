package upstream_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"doorward/internal/gate"
	"doorward/internal/mcp"
	"doorward/internal/upstream"
)

// field is the text of a member of the message's result.
func field(t *testing.T, m *gate.Message, name string) string {
	t.Helper()
	at, _ := m.Field(name)
	return string(m.Bytes(at))
}

// inputRequired is what a stateless client that was asked brings back.
func inputRequired(t *testing.T, got []*gate.Message, err error) (key, state string) {
	t.Helper()
	if err != nil || len(got) == 0 {
		t.Fatalf("asking: %v, error %v", got, err)
	}
	list, token, required, err := mcp.InputRequests(got[len(got)-1])
	if err != nil || !required || len(list) != 1 || list[0].Method != "elicitation/create" {
		t.Fatalf("got %s, error %v", got[len(got)-1].Raw, err)
	}
	return list[0].Key, string(token)
}

func retryOf(tool, args, key, answer, state string) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":%q,"arguments":%s,"inputResponses":{%q:%s},"requestState":%s,%s}}`,
		tool, args, key, answer, state, meta)
}

// What a stateful upstream asks during a call is a stateless client's
// input_required, and the answer goes on with the very same call.
func TestAskReachesAStatelessClient(t *testing.T) {
	t.Parallel()
	p := stdioPool(t, "legacy", nil)
	got, err := forward(t, p, exchange(t, nil, "up", modernCall("ask", `{"a":1}`)))
	key, state := inputRequired(t, got, err)
	got, err = forward(t, p, exchange(t, nil, "up", retryOf("ask", `{ "a" : 1 }`, key, `{"action":"accept"}`, state)))
	if err != nil || len(got) != 1 || field(t, got[0], "answer") != `{"action":"accept"}` || field(t, got[0], "resultType") != `"complete"` {
		t.Fatalf("got %v, error %v", got, err)
	}
	_, err = forward(t, p, exchange(t, nil, "up", retryOf("ask", `{"a":1}`, key, `{"action":"accept"}`, state)))
	wantCode(t, err, gate.CodeParams) // the call has ended
}

// The state of a parked call is good for one try, of the same principal, with the
// same request (security case MHB-14).
func TestMHB14_StateIsBoundAndUsedUp(t *testing.T) {
	t.Parallel()
	p := stdioPool(t, "legacy", nil)
	got, err := forward(t, p, exchange(t, nil, "up", modernCall("ask", `{"a":1}`)))
	key, state := inputRequired(t, got, err)
	accept := `{"action":"accept"}`
	foreign := exchange(t, nil, "up", retryOf("ask", `{"a":1}`, key, accept, state))
	foreign.Principal.Subject = "other"
	tenant := exchange(t, nil, "up", retryOf("ask", `{"a":1}`, key, accept, state))
	tenant.Principal.Tenant = "other"
	flipped := []byte(state)
	flipped[len(flipped)/2] ^= 1
	other := upstream.Config{Upstreams: []upstream.Settings{{Name: "up", Command: childCommand("legacy")}}}
	for name, ex := range map[string]*gate.Exchange{
		"another principal": foreign,
		"another tenant":    tenant,
		"other arguments":   exchange(t, nil, "up", retryOf("ask", `{"a":2}`, key, accept, state)),
		"another tool":      exchange(t, nil, "up", retryOf("echo", `{"a":1}`, key, accept, state)),
		"a flipped bit":     exchange(t, nil, "up", retryOf("ask", `{"a":1}`, key, accept, string(flipped))),
		"cut short":         exchange(t, nil, "up", retryOf("ask", `{"a":1}`, key, accept, state[:len(state)-5]+`"`)),
		"no text":           exchange(t, nil, "up", retryOf("ask", `{"a":1}`, key, accept, `7`)),
		"nothing of ours":   exchange(t, nil, "up", retryOf("ask", `{"a":1}`, key, accept, `"state"`)),
		"the empty text":    exchange(t, nil, "up", retryOf("ask", `{"a":1}`, key, accept, `""`)),
	} {
		if _, err := forward(t, p, ex); gate.CodeOf(err) != gate.CodeParams {
			t.Errorf("%s: error %v", name, err)
		}
	}
	// Another replica with the same key does not have the call.
	_, err = forward(t, newPool(t, other), exchange(t, nil, "up", retryOf("ask", `{"a":1}`, key, accept, state)))
	wantCode(t, err, gate.CodeParams)
	// All of them at once: one goes on.
	var wg sync.WaitGroup
	var mu sync.Mutex
	won := 0
	for range 8 {
		wg.Go(func() {
			ex := exchange(t, nil, "up", retryOf("ask", `{"a":1}`, key, accept, state))
			if err := p.Forward(t.Context(), ex, func(context.Context, *gate.Message) error { return nil }); err == nil {
				mu.Lock()
				won++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if won != 1 {
		t.Errorf("%d tries went on with the call, want 1", won)
	}
}

// A try without the answer is asked again; what was not asked is ignored.
func TestMissingAnswerIsAskedAgain(t *testing.T) {
	t.Parallel()
	p := stdioPool(t, "legacy", nil)
	got, err := forward(t, p, exchange(t, nil, "up", modernCall("ask", `{}`)))
	key, state := inputRequired(t, got, err)
	got, err = forward(t, p, exchange(t, nil, "up", retryOf("ask", `{}`, "unasked", `{"action":"accept"}`, state)))
	again, next := inputRequired(t, got, err)
	if again != key || next == state {
		t.Errorf("asked for %s with the same state %v, want %s and another", again, next == state, key)
	}
	got, err = forward(t, p, exchange(t, nil, "up", retryOf("ask", `{}`, key, `{"action":"decline"}`, next)))
	if err != nil || len(got) != 1 || field(t, got[0], "answer") != `{"action":"decline"}` {
		t.Fatalf("got %v, error %v", got, err)
	}
}

// A principal parks a bounded number of calls; one more is refused.
func TestParkedCallsAreBounded(t *testing.T) {
	t.Parallel()
	s := sdkServer()
	s.AddTool(&sdk.Tool{Name: "ask", InputSchema: json.RawMessage(`{"type":"object"}`)}, func(ctx context.Context, req *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
		_, err := req.Session.Elicit(ctx, &sdk.ElicitParams{Message: "?", RequestedSchema: json.RawMessage(`{"type":"object","properties":{}}`)})
		return nil, err
	})
	p := httpPool(t, sdk.NewStreamableHTTPHandler(func(*http.Request) *sdk.Server { return s }, nil), nil)
	for range 32 {
		got, err := forward(t, p, exchange(t, nil, "up", modernCall("ask", `{}`)))
		inputRequired(t, got, err)
	}
	_, err := forward(t, p, exchange(t, nil, "up", modernCall("ask", `{}`)))
	wantCode(t, err, gate.CodeUpstreamBusy)
	// Another principal has places of its own.
	ex := exchange(t, nil, "up", modernCall("ask", `{}`))
	ex.Principal.Subject = "other"
	got, err := forward(t, p, ex)
	inputRequired(t, got, err)
}

// A client that leaves ends its call at the upstream, also while nobody is asked
// (security case MHB-18).
func TestMHB18_LeavingEndsATranslatedCall(t *testing.T) {
	t.Parallel()
	p := stdioPool(t, "legacy", nil)
	ctx, cancel := context.WithCancel(t.Context())
	begun := make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		ex := exchange(t, nil, "up", strings.Replace(modernCall("hang", `{}`), `"_meta":{`, `"_meta":{"progressToken":"t",`, 1))
		ended <- p.Forward(ctx, ex, func(context.Context, *gate.Message) error { close(begun); return nil })
	}()
	<-begun
	cancel()
	select {
	case err := <-ended:
		if err == nil {
			t.Error("the call ended well")
		}
	case <-time.After(time.Minute):
		t.Error("the call goes on")
	}
}

// script is a stateless HTTP upstream that answers tools/call with one result
// after another, and keeps what it was asked.
type script struct {
	results []string

	mu    sync.Mutex
	asked []map[string]json.RawMessage
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, _ := io.ReadAll(r.Body)
	var m struct {
		ID     json.RawMessage            `json:"id"`
		Method string                     `json:"method"`
		Params map[string]json.RawMessage `json:"params"`
	}
	_ = json.Unmarshal(raw, &m)
	result, status := `{}`, http.StatusOK
	switch m.Method {
	case "server/discover":
		result = `{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{},"logging":{}},"ttlMs":60000,"cacheScope":"public"}`
	case "tools/list":
		result = `{"resultType":"complete","tools":[{"name":"t","inputSchema":{"type":"object"}}],"ttlMs":60000,"cacheScope":"public"}`
	case "tools/call":
		s.mu.Lock()
		s.asked = append(s.asked, m.Params)
		result = s.results[min(len(s.asked), len(s.results))-1]
		s.mu.Unlock()
	default:
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"error":{"code":-32601,"message":"no"}}`, m.ID)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":%s}`, m.ID, result)
}

// What a stateless upstream needs to know is asked of a stateful client during
// its call; the call is made again with the answers and the upstream's state.
func TestInputRequiredAsksAStatefulClient(t *testing.T) {
	t.Parallel()
	s := &script{results: []string{
		`{"resultType":"input_required","inputRequests":{"q":{"method":"elicitation/create","params":{"message":"?","requestedSchema":{"type":"object","properties":{}}}}},"requestState":"st\u0061te"}`,
		`{"resultType":"complete","content":[{"type":"text","text":"done"}],"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"x","version":"1"},"vendor/y":1}}`,
	}}
	p := httpPool(t, statelessOnly(s), nil)
	session := newSession("a")
	var last *gate.Message
	err := p.Forward(t.Context(), exchange(t, session, "up", call("t", `{"n":9007199254740993}`)), func(_ context.Context, m *gate.Message) error {
		last = m
		if m.Kind != gate.Request {
			return nil
		}
		if m.Method != "elicitation/create" || m.ShownID == nil {
			t.Errorf("asked %s", m.Raw)
		}
		_, err := forward(t, p, exchange(t, newSession("b"), "up", fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":{"action":"accept"}}`, m.ShownID)))
		wantCode(t, err, gate.CodeAnswer) // another session's
		_, err = forward(t, p, exchange(t, session, "up", fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":{"action":"accept","content":{}}}`, m.ShownID)))
		return err
	})
	if err != nil || !bytes.Contains(last.Raw, []byte("done")) {
		t.Fatalf("got %v, error %v", last, err)
	}
	for _, gone := range []string{"resultType", "serverInfo"} {
		if bytes.Contains(last.Raw, []byte(gone)) {
			t.Errorf("the client was shown %s: %s", gone, last.Raw)
		}
	}
	if !bytes.Contains(last.Raw, []byte(`"vendor/y":1`)) {
		t.Errorf("a vendor's member is gone: %s", last.Raw)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.asked) != 2 {
		t.Fatalf("%d calls were made", len(s.asked))
	}
	second := s.asked[1]
	if got := string(second["requestState"]); got != `"st\u0061te"` {
		t.Errorf("requestState %s", got)
	}
	if got := string(second["inputResponses"]); got != `{"q":{"action":"accept","content":{}}}` {
		t.Errorf("inputResponses %s", got)
	}
	if got := string(second["arguments"]); got != `{"n":9007199254740993}` {
		t.Errorf("arguments %s", got)
	}
	if got := string(second["_meta"]); !strings.Contains(got, `"io.modelcontextprotocol/logLevel":"info"`) || !strings.Contains(got, `{"elicitation":{}}`) || strings.Contains(got, "tasks") {
		t.Errorf("_meta %s", got)
	}
}

// An upstream may not ask without end, nor for what the client did not declare
// or must not be asked (security case MHB-15).
func TestMHB15_QuestionsHaveBounds(t *testing.T) {
	t.Parallel()
	ask := func(method, params string) string {
		return fmt.Sprintf(`{"resultType":"input_required","inputRequests":{"q":{"method":%q,"params":%s}}}`, method, params)
	}
	for _, tc := range []struct {
		name, result string
		want         gate.Code
		calls        int
	}{
		{"for ever", ask("elicitation/create", `{"message":"?","requestedSchema":{"type":"object","properties":{}}}`), gate.CodeUpstreamProtocol, 11},
		{"with nothing for ever", `{"resultType":"input_required","requestState":"x"}`, gate.CodeUpstreamBusy, 4},
		{"sampling", ask("sampling/createMessage", `{"messages":[],"maxTokens":1}`), gate.CodeUpstreamProtocol, 1},
		{"roots", ask("roots/list", `{}`), gate.CodeUpstreamProtocol, 1},
		{"a URL", ask("elicitation/create", `{"mode":"url","message":"?","url":"javascript:alert(1)"}`), gate.CodeUpstreamProtocol, 1},
		{"a password", ask("elicitation/create", `{"message":"?","requestedSchema":{"type":"object","properties":{"password":{"type":"string"}}}}`), gate.CodeUpstreamProtocol, 1},
		{"a tool call", ask("tools/call", `{"name":"t"}`), gate.CodeUpstreamProtocol, 1},
		{"a task", `{"resultType":"task","taskId":"1"}`, gate.CodeUpstreamProtocol, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := &script{results: []string{tc.result}}
			p := httpPool(t, statelessOnly(s), nil)
			session := newSession("a")
			err := p.Forward(t.Context(), exchange(t, session, "up", call("t", `{}`)), func(_ context.Context, m *gate.Message) error {
				if m.Kind != gate.Request {
					t.Errorf("the client was sent %s", m.Raw)
					return nil
				}
				_, err := forward(t, p, exchange(t, session, "up", fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":{"action":"accept","content":{}}}`, m.ShownID)))
				return err
			})
			wantCode(t, err, tc.want)
			s.mu.Lock()
			defer s.mu.Unlock()
			if len(s.asked) != tc.calls {
				t.Errorf("%d calls were made, want %d", len(s.asked), tc.calls)
			}
		})
	}
}
