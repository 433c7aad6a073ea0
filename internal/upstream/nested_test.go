package upstream_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"doorward/internal/gate"
	"doorward/internal/upstream"
)

const sampling = `"method":"sampling/createMessage","params":{"messages":[],"maxTokens":1}`

// asksModel answers every call with a question for the client's model, and a call that brings an answer with done.
func asksModel() *script {
	s := &script{results: []string{`{"resultType":"input_required","inputRequests":{"q":{` + sampling + `}},"requestState":"s"}`}}
	return s
}

// RES-31: a tool whose question leads to itself again is called three times, in a session and without one.
func TestRES31_RecursionOfASession(t *testing.T) {
	t.Parallel()
	s, m := asksModel(), &meter{}
	p := httpPool(t, statelessOnly(s), func(cfg *upstream.Config) { cfg.Meter = m })
	session := newSession("a")
	session.Capabilities = []byte(`{"sampling":{}}`)
	depth, refused := 0, error(nil)
	var again func()
	again = func() {
		depth++
		raw := fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"t","arguments":{}}}`, depth)
		err := p.Forward(t.Context(), exchange(t, session, "up", raw), func(_ context.Context, m *gate.Message) error {
			if m.Kind == gate.Request && refused == nil && depth < 10 {
				again()
			}
			return errors.New("its client leaves")
		})
		if refused == nil {
			refused = err
		}
	}
	again()
	wantCode(t, refused, gate.CodeSampling)
	var fault *gate.Error
	errors.As(refused, &fault)
	if public := fault.Public; depth != 4 || len(s.asked) != 3 || !strings.Contains(public, "sampling/createMessage") || !strings.Contains(public, "up") {
		t.Errorf("call %d was refused with %q, and the upstream had %d", depth, public, len(s.asked))
	}
	if got := m.of("nested"); got != 1 {
		t.Errorf("counted %d times, want 1", got)
	}
	_, err := forward(t, p, exchange(t, newSession("b"), "up", call("t", `{}`)))
	if gate.CodeOf(err) == gate.CodeSampling {
		t.Error("another session's call was refused")
	}
	refused, depth = nil, 0 // all of it is over
	err = p.Forward(t.Context(), exchange(t, session, "up", call("t", `{}`)), func(context.Context, *gate.Message) error { return errors.New("its client leaves") })
	if gate.CodeOf(err) == gate.CodeSampling {
		t.Errorf("a call was refused when nothing was asked any more: %v", err)
	}
}

func TestRES31_RecursionWithoutASession(t *testing.T) {
	t.Parallel()
	s := asksModel()
	p := httpPool(t, statelessOnly(s), nil)
	able := strings.Replace(meta, `"elicitation":{}`, `"sampling":{}`, 1)
	request := func(more string) *gate.Exchange {
		return exchange(t, nil, "up", fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":{},%s%s}}`, more, able))
	}
	var states []string
	for range 3 {
		got, err := forward(t, p, request(""))
		if err != nil || len(got) != 1 {
			t.Fatalf("got %v, error %v", got, err)
		}
		states = append(states, field(t, got[0], "requestState"))
	}
	_, err := forward(t, p, request(""))
	wantCode(t, err, gate.CodeSampling)
	var fault *gate.Error
	if !errors.As(err, &fault) || fault.Wait <= 0 || fault.Wait > 2*time.Minute {
		t.Errorf("it may be tried again after %v", fault)
	}
	for name, other := range map[string]func(*gate.Exchange){
		"another principal":  func(ex *gate.Exchange) { ex.Principal.Subject = "other" },
		"another credential": func(ex *gate.Exchange) { ex.Principal.Credential = "other" },
		"another trace":      func(ex *gate.Exchange) { ex.Trace.Remote = &gate.Remote{ID: [16]byte{1}} },
	} {
		ex := request("")
		other(ex)
		if got, err := forward(t, p, ex); err != nil || len(got) != 1 {
			t.Errorf("%s: got %v, error %v", name, got, err)
		}
	}
	if _, err := forward(t, p, request(`"inputResponses":{"q":{"role":"assistant","content":{"type":"text","text":"."},"model":"m"}},"requestState":`+states[2]+",")); err != nil {
		t.Errorf("the answer to the last question: %v", err)
	}
	// That call asks again, as this upstream always does, and stands where it stood.
	_, err = forward(t, p, request(""))
	wantCode(t, err, gate.CodeSampling)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.asked) != 7 {
		t.Errorf("the upstream had %d calls, want 7", len(s.asked))
	}
}
