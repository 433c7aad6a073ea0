package injection

import (
	"regexp"
	"strings"
	"sync"

	"doorward/internal/gate"
)

// frameLine finds lines like the two that redact puts around untrusted text: three dashes
// or more, a word for an end, and a boundary in hex.
//
//nolint:gochecknoglobals // compiled once; read-only
var frameLine = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)(?:[-=_*~\x{2010}-\x{2015}\x{2212}\x{2500}\x{2501}][ \t]*){3,}(?:begin|end|start|close)\b[^\n\pN]{0,40}?[0-9a-f]{8,64}\b`)
})

// strokes are three of what such a line begins with, as it is written.
//
//nolint:gochecknoglobals // a table; read-only
var strokes = []string{"---", "- -", "===", "= =", "___", "***", "~~~", "\u2010\u2010", "\u2012\u2012", "\u2013\u2013", "\u2014\u2014", "\u2015\u2015", "\u2212\u2212", "\u2500\u2500", "\u2501\u2501"}

// framed judges what imitates the frame around untrusted text, after which more
// reads as if it were outside. Who speaks about such lines is no exception: a model
// that reads one has no way to tell.
func (s *sentence) framed() {
	why := "imitates the frame around untrusted text"
	for i := 0; i < len(s.text); i++ {
		n := strings.IndexByte(s.text[i:], ':')
		if n < 0 {
			break
		}
		i += n
		if start := signature(s.text, i); start >= 0 {
			s.report("injection.turn", gate.High, gate.Span{Start: start, End: i + 1}, why)
		}
	}
	for _, stroke := range strokes {
		if !strings.Contains(s.text, stroke) {
			continue
		}
		for _, at := range frameLine().FindAllStringIndex(s.text, sameRule) {
			s.report("injection.turn", gate.High, gate.Span{Start: at[0], End: at[1]}, why)
		}
		return
	}
}

// signature is where a bracket begins that names Doorward before the colon at i, as the
// sentence before the frame does; -1 if none does.
func signature(text string, i int) int {
	const name = "doorward"
	rest := strings.TrimRight(text[max(0, i-64):i], " \t")
	if len(rest) < len(name) || !strings.EqualFold(rest[len(rest)-len(name):], name) {
		return -1
	}
	rest = rest[:len(rest)-len(name)]
	open := strings.LastIndexAny(rest, "[({<")
	if open < 0 || strings.ContainsAny(rest[open:], ".\n])}>") {
		return -1
	}
	return max(0, i-64) + open
}
