package parts_test

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestConfirmedCallRunsOnce: a call that a flow holds, and that its caller confirms
// with a real client that sends it again, reaches its upstream once: each step of
// progress is told once.
func TestConfirmedCallRunsOnce(t *testing.T) {
	t.Parallel()
	for name, upstream := range map[string]func(*testing.T) string{"stateful": nodeStdio("1"), "stateless": nodeHTTP("2")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			up := strings.TrimSuffix(upstream(t), "}") + `, labels: {echo: [untrusted], steps: [acts], "*": []}}`
			g := start(t, fmt.Sprintf("version: 1\nlisten: {address: \"127.0.0.1:0\"}\nupstreams: {up: %s}\ntrust: {first_use: approve}\n", up))
			client, err := filepath.Abs(filepath.Join("testdata", "confirmed.mjs"))
			if err != nil {
				t.Fatal(err)
			}
			r := execute(t, exec.Command(node(t), client, packages(t), g.url, g.key("create", "one").Key))
			var seen struct {
				Asked    int    `json:"asked"`
				Own      int    `json:"own"`
				Progress []int  `json:"progress"`
				Said     string `json:"said"`
			}
			if err := json.Unmarshal([]byte(r.stdout), &seen); err != nil {
				t.Fatalf("the client printed %q and %q: %v", r.stdout, r.stderr, err)
			}
			if seen.Asked != 1 || seen.Own != 1 || !slices.Equal(seen.Progress, []int{1, 2, 3}) || seen.Said != "three steps" {
				t.Errorf("the client saw %+v, want one question and 1, 2, 3", seen)
			}
			called := 0
			for _, rec := range g.records("--kind", "outcome") {
				if rec.Status == "ok" && strings.Contains(rec.Item, "steps") {
					called++
				}
			}
			if called != 1 {
				t.Errorf("the record has %d such calls", called)
			}
		})
	}
}
