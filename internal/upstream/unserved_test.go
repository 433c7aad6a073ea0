package upstream_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"doorward/internal/gate"
	"doorward/internal/mcp"
	"doorward/internal/upstream"
)

// TEN-14: a listen of an upstream that is for the client's tenant no more is completed: at
// once when a reload says so, and else before anything more of the upstream is told.
func TestTEN14_ListensOfWhatIsAnothersNow(t *testing.T) {
	t.Parallel()
	change := make(chan struct{}, 1)
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, rest, _ := strings.Cut(string(body), `"id":`)
		id, _, _ := strings.Cut(rest, ",")
		if r.Header.Get("Mcp-Method") == "server/discover" {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":{"supportedVersions":["2026-07-28"],"capabilities":{"tools":{"listChanged":true}}}}`, id)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprintf(w, "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/subscriptions/acknowledged\",\"params\":{\"notifications\":{\"toolsListChanged\":true},\"_meta\":{%q:%s}}}\n\n", mcp.MetaSubscription, id)
		w.(http.Flusher).Flush()
		for {
			select {
			case <-change:
				fmt.Fprintf(w, "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\",\"params\":{\"_meta\":{%q:%s}}}\n\n", mcp.MetaSubscription, id)
				w.(http.Flusher).Flush()
			case <-r.Context().Done():
				return
			}
		}
	})
	for name, tc := range map[string]struct{ serves, reloads, changes bool }{
		"its own still":         {serves: true, reloads: true, changes: true},
		"another's, a reload":   {reloads: true},
		"another's, and a word": {changes: true},
	} {
		var serves atomic.Bool
		serves.Store(true)
		p := httpPool(t, h, func(cfg *upstream.Config) {
			cfg.Serves = func(who *gate.Principal, name string) bool {
				return who.Subject == "someone" && name == "up" && serves.Load()
			}
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		ex := exchange(t, nil, "up", `{"jsonrpc":"2.0","id":"l","method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true},`+meta+`}}`)
		var got []string
		err := p.Forward(ctx, ex, func(_ context.Context, m *gate.Message) error {
			switch {
			case m.Method == "notifications/subscriptions/acknowledged":
				serves.Store(tc.serves)
				if tc.reloads {
					p.CloseUnserved()()
				}
				if tc.changes {
					change <- struct{}{}
				}
			case m.Method != "":
				got = append(got, m.Method)
				cancel()
			default:
				got = append(got, string(m.Raw))
			}
			return nil
		})
		cancel()
		if tc.serves != (err != nil) || len(got) != 1 || strings.Contains(got[0], "list_changed") != tc.serves || strings.Contains(got[0], `"resultType":"complete"`) == tc.serves {
			t.Errorf("%s: %q, error %v", name, got, err)
		}
	}
}
