package app_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"doorward/internal/admin"
	"doorward/internal/gatetest"
)

// bench is a judge of the operator's own: it says what a tool's name asks for.
type bench struct {
	mu    sync.Mutex
	asked []string // "kind item"
	down  bool
}

func (b *bench) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var q struct {
		Kind, Item string
	}
	raw, err := io.ReadAll(r.Body)
	b.mu.Lock()
	defer b.mu.Unlock()
	if err != nil || json.Unmarshal(raw, &q) != nil || b.down || r.Header.Get("Authorization") != "" {
		http.Error(w, "not now", http.StatusInternalServerError)
		return
	}
	b.asked = append(b.asked, q.Kind+" "+q.Item)
	verdict := map[string]string{"bad": "block", "odd": "hold"}[q.Item]
	if verdict == "" {
		verdict = "pass"
	}
	fmt.Fprintf(w, `{"verdict":%q,"reason":"because"}`, verdict)
}

func (b *bench) set(down bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.down = down
}

func (b *bench) heard() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.asked)
}

func entryOf(t *testing.T, gw *gatetest.GW, name string) admin.Entry {
	t.Helper()
	entries, err := gw.App.Entries(t.Context(), admin.Review{Upstream: "up", Refresh: true})
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(entries, func(e admin.Entry) bool { return e.Name == name && e.Kind == "tool" })
	if i < 0 {
		t.Fatalf("no tool %s among %d", name, len(entries))
	}
	return entries[i]
}

// TestJudgeOfDefinitionsAndCalls: the judge's opinion of a definition is a finding
// that blocks or asks for a person; no answer blocks, and is asked for again; of a
// held call it refuses before people are asked. Nothing passes because he says so.
func TestJudgeOfDefinitionsAndCalls(t *testing.T) {
	t.Parallel()
	j := &bench{}
	server := httptest.NewServer(j)
	t.Cleanup(server.Close)
	up := gatetest.Upstream(t, gatetest.Script{Tools: []json.RawMessage{
		json.RawMessage(`{"name":"good","inputSchema":{"type":"object"}}`), json.RawMessage(`{"name":"odd","inputSchema":{"type":"object"}}`),
		json.RawMessage(`{"name":"bad","inputSchema":{"type":"object"}}`),
	}})
	gw := gatetest.Gateway(t, fmt.Sprintf(`
upstreams: {up: {url: "${up}"}}
trust: {judge: {url: "%s/v1"}}
roles:
  user:
    allow:
      - {tools: ["up/*"], mode: approve, approvers: {roles: [lead]}}
  lead: {}
`, server.URL), map[string]*gatetest.UP{"up": up})

	j.set(true)
	if e := entryOf(t, gw, "good"); !slices.Equal(e.Blocks, []string{"judge.unavailable"}) {
		t.Errorf("without an answer: %+v", e)
	}
	j.set(false)
	for name, want := range map[string]struct {
		blocks []string
		holds  bool
	}{"good": {}, "odd": {nil, true}, "bad": {[]string{"judge.block"}, true}} {
		e := entryOf(t, gw, name)
		if !slices.Equal(e.Blocks, want.blocks) || e.Holds != want.holds {
			t.Errorf("%s: blocks %v, holds %v", name, e.Blocks, e.Holds)
		}
	}
	if n := len(j.heard()); n < 4 {
		t.Errorf("asked about %v", j.heard())
	}
	first := len(j.heard())
	entryOf(t, gw, "good")
	if n := len(j.heard()); n != first {
		t.Errorf("asked again: %v", j.heard()[first:])
	}

	gw.ApproveClean("up")
	alice := gw.As("alice", "user").Open("2025-11-25")
	if r := alice.Call("up__bad", `{}`); r.Refusal != "tool.held" {
		t.Errorf("a tool that the judge blocks: %s", r)
	}
	if r := alice.Call("up__good", `{}`); r.Refusal != "approval.required" {
		t.Errorf("a call that waits, and that the judge lets pass, still waits: %s", r)
	}
	gw.Approve("up")
	if r := alice.Call("up__bad", `{}`); r.Refusal != "judge.refused" {
		t.Errorf("a call that the judge refuses: %s", r)
	}
	if n := up.Count("tools/call"); n != 0 {
		t.Errorf("%d calls went upstream", n)
	}
}
