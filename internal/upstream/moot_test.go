package upstream_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"doorward/internal/gate"
)

// hasty is a stateful upstream that asks its client something during a call, and answers the call at once: with the question
// before the answer, or behind it on the stream of its session.
type hasty struct {
	behind bool
	stream chan http.ResponseWriter // of the session, for whoever writes
	told   chan string              // what answers the question
}

const hastily = `{"jsonrpc":"2.0","id":"q","method":"elicitation/create","params":{"message":"?","requestedSchema":{"type":"object","properties":{}}}}`

func (s *hasty) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, _ := io.ReadAll(r.Body)
	has := func(text string) bool { return strings.Contains(string(raw), text) }
	_, id, _ := strings.Cut(string(raw), `"id":`)
	id, _, _ = strings.Cut(id, ",")
	id = strings.TrimSuffix(id, "}")
	answer := func(result string) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":%s}`, id, result)
	}
	switch {
	case r.Method == http.MethodGet:
		w.Header().Set("Content-Type", "text/event-stream")
		_ = http.NewResponseController(w).Flush()
		s.stream <- w
		<-r.Context().Done()
	case has(`"method":"initialize"`):
		w.Header().Set("Mcp-Session-Id", "s")
		answer(`{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"up","version":"1"}}`)
	case has(`"method":"tools/list"`):
		answer(`{"tools":[{"name":"t","inputSchema":{"type":"object"}}]}`)
	case has(`"method":"tools/call"`):
		w.Header().Set("Content-Type", "text/event-stream")
		if !s.behind {
			fmt.Fprintf(w, "data: %s\n\n", hastily)
		}
		fmt.Fprintf(w, "data: {\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{\"content\":[]}}\n\n", id)
		if s.behind {
			g := <-s.stream
			fmt.Fprintf(g, "data: %s\n\n", hastily)
			_ = http.NewResponseController(g).Flush()
		}
	case has(`"method":`):
		w.WriteHeader(http.StatusAccepted)
	default:
		s.told <- string(raw)
		w.WriteHeader(http.StatusAccepted)
	}
}

// A question that comes as its call ends is answered, so that the upstream does not wait for it: nobody is asked any more.
func TestAQuestionAsItsCallEndsIsAnswered(t *testing.T) {
	t.Parallel()
	for name, behind := range map[string]bool{"before the answer": false, "behind the answer": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &hasty{behind: behind, stream: make(chan http.ResponseWriter, 4), told: make(chan string, 4)}
			p := httpPool(t, s, nil)
			got, err := forward(t, p, exchange(t, nil, "up", modernCall("t", `{}`)))
			if err != nil || len(got) == 0 || got[len(got)-1].Kind != gate.Result || strings.Contains(string(got[len(got)-1].Raw), "input_required") {
				t.Fatalf("got %v, error %v", got, err)
			}
			select {
			case told := <-s.told:
				if !strings.Contains(told, `"id":"q"`) || !strings.Contains(told, `"error"`) {
					t.Errorf("the upstream is told %s", told)
				}
			case <-time.After(time.Minute):
				t.Error("the upstream waits for an answer")
			}
		})
	}
}
