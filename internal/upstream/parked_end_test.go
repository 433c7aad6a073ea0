package upstream_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"doorward/internal/gate"
	"doorward/internal/upstream"
)

// curious is a stateful upstream in this process that asks some questions at once during each call, which it answers never.
type curious struct {
	questions int
	hangsUp   bool // behind them, in place of an answer
	refuses   bool // every answer that a client gave

	mu   sync.Mutex
	told []string // what answers the questions
}

// RoundTrip implements http.RoundTripper.
func (c *curious) RoundTrip(r *http.Request) (*http.Response, error) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	var m struct {
		ID     json.RawMessage
		Method string
		Error  json.RawMessage
	}
	_ = json.Unmarshal(raw, &m) // the gateway's own, or nothing
	switch {
	case m.Method == "initialize":
		return says(200, `{"jsonrpc":"2.0","id":`+string(m.ID)+`,"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"s","version":"1"}}}`, "Mcp-Session-Id", "s")(bare(r))
	case m.Method == "tools/call":
		return c.ask(r)
	case m.Method == "" && m.ID != nil && m.Error == nil && c.refuses:
		return says(http.StatusBadRequest, "")(bare(r))
	case m.Method == "" && m.ID != nil:
		c.mu.Lock()
		c.told = append(c.told, string(raw))
		c.mu.Unlock()
		return says(http.StatusAccepted, "")(bare(r))
	case r.Method == http.MethodPost:
		return says(http.StatusAccepted, "")(bare(r))
	}
	return says(http.StatusMethodNotAllowed, "")(bare(r))
}

func (c *curious) ask(r *http.Request) (*http.Response, error) {
	resp, err := says(200, "", "Content-Type", "text/event-stream")(bare(r))
	if err != nil {
		return nil, err
	}
	body, w := io.Pipe()
	go func() {
		for n := range c.questions {
			fmt.Fprintf(w, `data: {"jsonrpc":"2.0","id":"q%d","method":"elicitation/create","params":{"message":"?","requestedSchema":{"type":"object","properties":{}}}}`+"\n\n", n)
		}
		if !c.hangsUp {
			<-r.Context().Done()
		}
		_ = w.Close() // a pipe's cannot fail
	}()
	resp.Body, resp.ContentLength = body, -1
	return resp, nil
}

// disowned tells which questions are answered with an error.
func (c *curious) disowned(t *testing.T) (ids []string) {
	t.Helper()
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, told := range c.told {
		_, id, _ := strings.Cut(told, `"id":"`)
		if id, _, _ = strings.Cut(id, `"`); strings.Contains(told, `"error"`) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// The questions of a parked call that nobody will answer are answered with an error: of a client that leaves as they
// come, of one whose answer the upstream does not take, and of an upstream that hangs up behind them, whose client is not asked.
func TestQuestionsOfAParkedCallThatEnds(t *testing.T) {
	t.Parallel()
	both := []string{"q0", "q1"}
	for _, tc := range []struct {
		name string
		up   *curious
		run  func(*testing.T, *upstream.Pool)
	}{
		{"the client leaves", &curious{questions: 2}, func(t *testing.T, p *upstream.Pool) {
			t.Helper()
			ctx, leave := context.WithCancel(t.Context())
			over := make(chan error, 1)
			go func() {
				over <- p.Forward(ctx, exchange(t, nil, "up", modernCall("ask", `{}`)), func(context.Context, *gate.Message) error { return nil })
			}()
			synctest.Wait() // for more questions
			leave()
			if err := <-over; err == nil {
				t.Error("a client that left was answered")
			}
		}},
		{"the answer is not taken", &curious{questions: 2, refuses: true}, func(t *testing.T, p *upstream.Pool) {
			t.Helper()
			got, err := forward(t, p, exchange(t, nil, "up", modernCall("ask", `{}`)))
			if err != nil || len(got) != 1 {
				t.Fatalf("got %v, error %v", got, err)
			}
			if _, err := forward(t, p, exchange(t, nil, "up", retryOf("ask", `{}`, "ask-2", `{"action":"accept"}`, field(t, got[0], "requestState")))); err == nil {
				t.Error("an answer that the upstream did not take was passed on")
			}
		}},
		{"the upstream hangs up", &curious{questions: 2, hangsUp: true}, func(t *testing.T, p *upstream.Pool) {
			t.Helper()
			got, err := forward(t, p, exchange(t, nil, "up", modernCall("ask", `{}`)))
			if wantCode(t, err, gate.CodeUpstreamOutcome); len(got) != 0 {
				t.Errorf("the client is asked in vain: %s", got[0].Raw)
			}
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p, _, _ := wayPool(t, nil, func(c *upstream.Config) { c.Upstreams[0].Wire = tc.up })
				tc.run(t, p)
				if got := tc.up.disowned(t); !slices.Equal(got, both) {
					t.Errorf("%q are answered with an error, want %q", got, both)
				}
			})
		})
	}
}
