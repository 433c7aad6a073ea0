package mcp

import (
	"slices"

	"doorward/internal/gate"
)

// levels are those of RFC 5424 section 6.2.1 by MCP's names, the least severe
// first.
//
//nolint:gochecknoglobals // a table; read-only
var levels = [...]string{"debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"}

func isLevel(s string) bool { return slices.Contains(levels[:], s) }

// LevelAtLeast tells whether a log message of that level is for somebody who
// asked for least and above. What is no level is for nobody. The upstream
// adapter calls it.
func LevelAtLeast(level, least string) bool {
	from := slices.Index(levels[:], least)
	return from >= 0 && slices.Index(levels[:], level) >= from
}

// LevelOf is the level of a notifications/message, empty when it names none.
func LevelOf(m *gate.Message) string {
	at, _ := m.Field("level")
	level, _ := unquote(m.Bytes(at))
	if !isLevel(level) {
		return ""
	}
	return level
}
