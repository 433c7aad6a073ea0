package upstream_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"doorward/internal/gate"
	"doorward/internal/mcp"
	"doorward/internal/upstream"
)

// What a shared upstream says to all of its principals may be about one of them:
// all learn that a list changed, and no more.
func TestListChangedOfASharedChannelSaysNoMore(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	got := map[string]string{}
	p := newPool(t, upstream.Config{
		Upstreams: []upstream.Settings{{Name: "up", Command: childCommand("echo"), Shared: true}},
		Unsolicited: func(session *gate.Session, _ string, m *gate.Message) {
			mu.Lock()
			defer mu.Unlock()
			got[session.ID] = string(m.Raw)
		},
	})
	a, b := newSession("a"), newSession("b")
	for session, tool := range map[*gate.Session]string{a: "echo", b: "echo"} {
		if _, err := forward(t, p, exchange(t, session, "up", call(tool, `{}`))); err != nil {
			t.Fatal(err)
		}
	}
	answers, err := forward(t, p, exchange(t, a, "up", call("changed", `{}`)))
	if err != nil || len(answers) != 1 {
		t.Fatalf("answers %v, error %v", answers, err)
	}
	eventually(t, 5*time.Second, "both sessions are told", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(got) == 2
	})
	mu.Lock()
	defer mu.Unlock()
	for id, raw := range got {
		if want := `{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}`; raw != want {
			t.Errorf("session %s got %s", id, raw)
		}
	}
}

// The same on a listen, where the client still learns which of its listens it is.
func TestListenOfASharedChannelSaysNoMore(t *testing.T) {
	t.Parallel()
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
		fmt.Fprintf(w, "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\",\"params\":{\"text\":\"secret\",\"_meta\":{%q:%s,\"x/y\":\"secret\"}}}\n\n", mcp.MetaSubscription, id)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	p := httpPool(t, h, func(cfg *upstream.Config) { cfg.Upstreams[0].Shared = true })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ex := exchange(t, nil, "up", `{"jsonrpc":"2.0","id":"l","method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true},`+meta+`}}`)
	var last string
	_ = p.Forward(ctx, ex, func(_ context.Context, m *gate.Message) error {
		if m.Method == "notifications/tools/list_changed" {
			last = string(mcp.ForClient(ex, m))
			cancel()
		}
		return nil
	})
	if !strings.Contains(last, `"`+mcp.MetaSubscription+`":"l"`) || strings.Contains(last, "secret") {
		t.Errorf("got %s", last)
	}
}

// A bad entry of a list does not take the good ones with it (security case
// MHB-12); of a list over its bound there is what comes before (RES-06).
func TestBadEntriesAreLeftOut(t *testing.T) {
	t.Parallel()
	list := func(entries string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"jsonrpc":"2.0","id":2,"result":{"tools":[%s]}}`, entries)
		}
	}
	const good = `{"name":"good","inputSchema":{"type":"object"}}`
	for entries, want := range map[string]int{
		good: 1,
		`1,` + good + `,null,"x",[],true,{},{"name":3},{"name":""},{"name":"a\u202eb"},{"inputSchema":{}}`: 1,
		strings.Repeat("0,", 9_999) + good:  1,
		strings.Repeat("0,", 10_000) + good: 0,
	} {
		p := hostile(t, list(entries))
		items, _, err := p.Items(t.Context(), exchange(t, nil, "up", modernCall("good", `{}`)), "up", gate.Tool)
		if err != nil || len(items) != want || want > 0 && items[0].Name != "good" {
			t.Errorf("%.80s: items %v, error %v", entries, items, err)
		}
	}
}
