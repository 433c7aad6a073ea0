package upstream_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"doorward/internal/gate"
	"doorward/internal/upstream"
)

// asks is a stateful upstream in this process that asks during each call, and has forgotten the session when the
// answer comes.
type asks struct {
	mu    sync.Mutex
	calls int
}

// RoundTrip implements http.RoundTripper.
func (a *asks) RoundTrip(r *http.Request) (*http.Response, error) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	var m struct {
		ID     json.RawMessage
		Method string
	}
	_ = json.Unmarshal(raw, &m) // the gateway's own, or nothing
	switch {
	case m.Method == "initialize":
		return says(200, `{"jsonrpc":"2.0","id":`+string(m.ID)+`,"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"s","version":"1"}}}`, "Mcp-Session-Id", "s")(bare(r))
	case m.Method == "tools/call":
		a.mu.Lock()
		a.calls++
		a.mu.Unlock()
		resp, err := says(200, "", "Content-Type", "text/event-stream")(bare(r))
		if err != nil {
			return nil, err
		}
		body, w := io.Pipe()
		go func() {
			_, _ = io.WriteString(w, `data: {"jsonrpc":"2.0","id":"q","method":"elicitation/create","params":{"message":"?","requestedSchema":{"type":"object","properties":{}}}}`+"\n\n")
			<-r.Context().Done()
			_ = w.CloseWithError(r.Context().Err())
		}()
		resp.Body, resp.ContentLength = body, -1
		return resp, nil
	case m.Method == "" && len(m.ID) > 0:
		return says(http.StatusNotFound, "")(bare(r))
	case r.Method == http.MethodPost:
		return says(http.StatusAccepted, "")(bare(r))
	}
	return says(http.StatusMethodNotAllowed, "")(bare(r))
}

// A parked call whose session the client's answer finds forgotten was taken: it is not made again, nobody knows
// what came of it, and an upstream that asked has answered, so that its breaker stays closed.
func TestRES15_AParkedCallWithoutASession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &asks{}
		p, m, events := wayPool(t, nil, func(c *upstream.Config) { c.Upstreams[0].Wire = w })
		const calls = 8
		for n := range calls {
			args := fmt.Sprintf(`{"n":%d}`, n)
			got, err := forward(t, p, exchange(t, nil, "up", modernCall("ask", args)))
			key, state := inputRequired(t, got, err)
			_, err = forward(t, p, exchange(t, nil, "up", retryOf("ask", args, key, `{"action":"accept"}`, state)))
			wantCode(t, err, gate.CodeUpstreamOutcome)
			_, err = forward(t, p, exchange(t, nil, "up", retryOf("ask", args, key, `{"action":"accept"}`, state)))
			wantCode(t, err, gate.CodeParams) // its state was used
		}
		if w.calls != calls || m.of("retry")+len(events("upstream.retry")) != 0 {
			t.Errorf("%d calls were made, want %d", w.calls, calls)
		}
		if st := p.Status()[0]; st.Breaker != "closed" {
			t.Errorf("its breaker is %s", st.Breaker)
		}
	})
}

// forgets is an upstream of the transport of 2024-11-05 in this process. The first call's POST does not end, and
// that of the second finds no session.
type forgets struct {
	mu     sync.Mutex
	calls  int
	stream chan string // of the newest session
}

// RoundTrip implements http.RoundTripper.
func (f *forgets) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodGet {
		return f.open(r)
	}
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	var m struct {
		ID     json.RawMessage
		Method string
	}
	_ = json.Unmarshal(raw, &m) // the gateway's own
	result := `{"content":[]}`
	f.mu.Lock()
	stream := f.stream
	if m.Method == "tools/call" {
		f.calls++
	}
	calls := f.calls
	f.mu.Unlock()
	switch m.Method {
	case "initialize":
		result = `{"protocolVersion":"2024-11-05","capabilities":{"tools":{}},"serverInfo":{"name":"s","version":"1"}}`
	case "tools/list":
		result = `{"tools":[{"name":"echo","inputSchema":{"type":"object"},"annotations":{"readOnlyHint":true}}]}`
	case "tools/call":
		switch calls {
		case 1:
			<-r.Context().Done()
			return nil, r.Context().Err()
		case 2:
			return says(http.StatusNotFound, "")(bare(r))
		}
	}
	if len(m.ID) > 0 {
		stream <- `data: {"jsonrpc":"2.0","id":` + string(m.ID) + `,"result":` + result + "}\n\n"
	}
	return says(http.StatusAccepted, "")(bare(r))
}

func (f *forgets) open(r *http.Request) (*http.Response, error) {
	resp, err := says(200, "", "Content-Type", "text/event-stream")(bare(r))
	if err != nil {
		return nil, err
	}
	body, w := io.Pipe()
	stream := make(chan string, 16)
	f.mu.Lock()
	f.stream = stream
	f.mu.Unlock()
	go func() {
		_, _ = io.WriteString(w, "event: endpoint\ndata: /post\n\n")
		for {
			select {
			case text := <-stream:
				_, _ = io.WriteString(w, text)
			case <-r.Context().Done():
				_ = w.CloseWithError(r.Context().Err())
				return
			}
		}
	}()
	resp.Body, resp.ContentLength = body, -1
	return resp, nil
}

// A session that one call finds forgotten ends the POST of another one: who knows what became of that, so it is
// not made again, and it says nothing against the upstream. The call that found it is made in a new session.
func TestRES15_APOSTWhoseSessionAnotherEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &forgets{}
		p, _, _ := wayPool(t, nil, func(c *upstream.Config) { c.Upstreams[0].Wire, c.Upstreams[0].Transport = w, overSSE })
		reads := readOnly(t, p)
		var first error
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, first = carry(t, p, exchange(t, newSession("a"), "up", strings.Replace(call("echo", `{}`), `"id":1`, `"id":7`, 1)))
		}()
		synctest.Wait()
		if _, err := carry(t, p, reads); err != nil {
			t.Errorf("the call that found no session: %v", err)
		}
		<-done
		e, _ := errors.AsType[*gate.Error](first)
		if e == nil || e.Code != gate.CodeUpstreamOutcome || !strings.Contains(e.Public, "may have been carried out") {
			t.Errorf("the other one: %v", first)
		}
		if w.calls != 3 {
			t.Errorf("%d calls arrived, want 3", w.calls)
		}
		if st := p.Status()[0]; st.Breaker != "closed" {
			t.Errorf("its breaker is %s", st.Breaker)
		}
	})
}
