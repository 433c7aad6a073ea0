package mcp_test

import (
	"testing"

	"doorward/internal/mcp"
)

func TestLevelAtLeast(t *testing.T) {
	order := []string{"debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"}
	for i, level := range order {
		for j, least := range order {
			if got := mcp.LevelAtLeast(level, least); got != (i >= j) {
				t.Errorf("%s for %s: %v", level, least, got)
			}
		}
		for _, unknown := range []string{"", "Debug", "warn", "debug "} {
			if mcp.LevelAtLeast(unknown, level) || mcp.LevelAtLeast(level, unknown) {
				t.Errorf("%q beside %s", unknown, level)
			}
		}
	}
	if mcp.LevelAtLeast("x", "x") {
		t.Error("an unknown level for itself")
	}
}

func TestLevelOf(t *testing.T) {
	for params, want := range map[string]string{`{"level":"\u0069nfo"}`: "info", `{"level":"warn"}`: "", `{"level":1}`: "", `{}`: ""} {
		if got := mcp.LevelOf(request(t, "notifications/message", params)); got != want {
			t.Errorf("%s: %q, want %q", params, got, want)
		}
	}
}
