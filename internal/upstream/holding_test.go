package upstream_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"doorward/internal/ceiling"
	"doorward/internal/gate"
	"doorward/internal/upstream"
)

// TestRES36_AnswersThatFindNoRoom: an answer over its principal's half of the ceiling reaches nobody, says that the call may have
// been carried out, and leaves nothing held; one within it passes, however it comes.
func TestRES36_AnswersThatFindNoRoom(t *testing.T) {
	t.Parallel()
	c := ceiling.New(ceiling.Most{Messages: 10, Bytes: 300 << 10})
	p := httpPool(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		id, _, _ := strings.Cut(string(body)[strings.Index(string(body), `"id":`)+len(`"id":`):], ",")
		w.Header().Set("Content-Type", "application/json")
		result := `"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}}`
		if r.Header.Get("Mcp-Method") == "tools/call" {
			size := 100 << 10
			if strings.HasPrefix(r.Header.Get("Mcp-Name"), "large") {
				size = 300 << 10
			}
			result = `"resultType":"complete","content":[{"type":"text","text":"` + strings.Repeat("x", size) + `"}]`
		}
		answer := fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":{%s}}`, id, result)
		if strings.HasSuffix(r.Header.Get("Mcp-Name"), "stream") {
			w.Header().Set("Content-Type", "text/event-stream")
			answer = "data: " + answer + "\n\n"
		}
		fmt.Fprint(w, answer)
	}), func(cfg *upstream.Config) { cfg.Ceiling = c })
	for _, how := range []string{"", "stream"} {
		if answers, err := forward(t, p, exchange(t, nil, "up", modernCall("small"+how, `{}`))); err != nil || len(answers) != 1 {
			t.Errorf("an answer for which there is room: %v", err)
		}
		answers, err := forward(t, p, exchange(t, nil, "up", modernCall("large"+how, `{}`)))
		if gate.CodeOf(err) != gate.CodeUpstreamOutcome || len(answers) != 0 || !strings.Contains(err.(*gate.Error).Public, "may have been carried out") { //nolint:errorlint,forcetypeassert // CodeOf says so
			t.Errorf("an answer for which there is none: %v", err)
		}
		if got := c.Held(); got != (ceiling.Most{}) {
			t.Errorf("%+v are held afterwards", got)
		}
	}
}
