package listen

import (
	"strings"
	"testing"
)

// FuzzPathOf: a path that is served is written in exactly one way.
func FuzzPathOf(f *testing.F) {
	for _, seed := range []string{"/mcp", "/mcp/review", "/sse/a-b_C", "/messages", "/ws/", "/wss", "/mcp%2fa", "/sse/../mcp", "//ws", "/messages/x?y", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, escaped string) {
		at, profile, found := pathOf(escaped)
		if !found {
			if at != "" || profile != "" {
				t.Errorf("%q is not found, and is %q with %q", escaped, at, profile)
			}
			return
		}
		again := string(at)
		if profile != "" {
			again += "/" + profile
		}
		if again != escaped || len(profile) > maxNameLength || strings.ContainsAny(profile, "/%.?#") {
			t.Errorf("%q is %q with %q", escaped, at, profile)
		}
	})
}
