package parts_test

import (
	"fmt"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// TestServerThatRemembers has the server of sequential thinking in the sandbox that a
// command has when nothing is written of one. It keeps what it was told in its process,
// one for each session, and in both eras each call adds to what was there.
func TestServerThatRemembers(t *testing.T) {
	t.Parallel()
	g := start(t, fmt.Sprintf("version: 1\nlisten: {address: \"127.0.0.1:0\"}\nupstreams:\n  thinking: {command: %s}\n", server(t, "sequential-thinking")))
	g.must("trust", "approve", "thinking")
	k := g.key("create", "me").Key
	for _, version := range []string{stateful, stateless} {
		cs := goClientOf(t, version, g.url, k)
		before := 0.0
		for n := 1; n <= 3; n++ {
			r, err := cs.CallTool(t.Context(), &mcp.CallToolParams{Name: "thinking__sequentialthinking", Arguments: map[string]any{
				"thought": "Which drawer is the key in?", "nextThoughtNeeded": n < 3, "thoughtNumber": n, "totalThoughts": 3,
			}})
			if err != nil || r.IsError {
				t.Fatalf("%s: thought %d: %+v, %v", version, n, r, err)
			}
			said, _ := r.StructuredContent.(map[string]any)
			length, _ := said["thoughtHistoryLength"].(float64)
			if said["thoughtNumber"] != float64(n) || length <= before {
				t.Errorf("%s: thought %d is answered with %v, want a longer history than %v", version, n, said, before)
			}
			before = length
		}
	}
	g.must("audit", "verify")
}
