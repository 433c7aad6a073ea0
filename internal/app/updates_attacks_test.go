package app_test

import (
	"fmt"
	"testing"
)

// MHB-17: a stateful client hears of changes to the resources that it subscribed
// to and may read, and of no others, whatever the upstream sends on its stream.
func TestMHB17_UpdatesThatNobodyAskedFor(t *testing.T) {
	t.Parallel()
	for name, stateless := range map[string]bool{"stateless upstream": true, "stateful upstream": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gw, k := docs(t, stateless)
			alice := gw.As("alice", "reader").Open("2025-11-25")
			events := watch(t, gw, alice, "", "")
			k.listening(t, 1)
			if r := alice.Post(alice.Request("1", "resources/subscribe", `"uri":"docs://open"`)); !r.OK() {
				t.Fatalf("subscribing: %s", r)
			}
			for range 2 {
				for _, uri := range []string{"docs://closed", "docs://tenant-b/plan", "docs://new", "docs://open"} {
					k.say(1, updated, fmt.Sprintf(`"uri":%q`, uri))
				}
				if h := next(t, events); h.Method != updated || h.Params.URI != "docs://open" {
					t.Errorf("the client was sent %s", h.raw)
				}
			}
		})
	}
}
