package validate

import "strings"

// Bounds of what a refusal tells, in bytes.
const (
	maxText    = 1024
	maxPointer = 160
	maxWord    = 64
)

// pointer is the JSON Pointer of a location (RFC 6901), bounded and printable.
func pointer(tokens []string) string {
	if len(tokens) == 0 {
		return "the value"
	}
	var b strings.Builder
	for _, t := range tokens {
		b.WriteString("/" + pointerToken(t))
		if b.Len() > maxPointer {
			return b.String()[:maxPointer] + "…"
		}
	}
	return b.String()
}

func pointerToken(t string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(word(t))
}

func quoted(s string) string { return `"` + word(s) + `"` }

// word bounds a name and replaces what is not plain printable text.
func word(s string) string {
	cut := len(s) > maxWord
	if cut {
		s = s[:maxWord]
	}
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' {
			return '?'
		}
		return r
	}, s)
	if cut {
		s += "…"
	}
	return s
}

// bounded cuts a text that a client reads.
func bounded(s string) string {
	if len(s) <= maxText {
		return s
	}
	return strings.ToValidUTF8(s[:maxText-len("…")], "") + "…"
}
