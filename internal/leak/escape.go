package leak

import (
	"bytes"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// piece is a stretch of a text: one escape, or bytes up to the next one.
type piece struct {
	length int // in the text
	shown  int // bytes that it stands for
	escape bool
	text   [utf8.UTFMax]byte // that an escape stands for
}

// escapeOf is an escape of n bytes for a character.
func escapeOf(r rune, n int) piece {
	p := piece{length: n, escape: true}
	p.shown = utf8.EncodeRune(p.text[:], r)
	return p
}

// next is the piece that a text begins with, which is not empty. What is no escape of
// JSON (RFC 8259, section 7) stands for itself.
func next(raw []byte) piece {
	if raw[0] != '\\' {
		n := bytes.IndexByte(raw, '\\')
		if n < 0 {
			n = len(raw)
		}
		return piece{length: n, shown: n}
	}
	r, n := escaped(raw)
	if n == 0 {
		return piece{length: 1, shown: 1}
	}
	return escapeOf(r, n)
}

// escaped reads the escape that a text begins with, and how long it is; 0 for none.
func escaped(raw []byte) (r rune, n int) {
	if len(raw) < 2 {
		return 0, 0
	}
	switch raw[1] {
	case '"', '\\', '/':
		return rune(raw[1]), 2
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	}
	r, ok := unit(raw)
	switch {
	case !ok:
		return 0, 0
	case !utf16.IsSurrogate(r):
		return r, 6
	}
	if low, ok := unit(raw[6:]); ok {
		if whole := utf16.DecodeRune(r, low); whole != utf8.RuneError {
			return whole, 12
		}
	}
	return utf8.RuneError, 6
}

// unit reads \uXXXX.
func unit(raw []byte) (rune, bool) {
	if len(raw) < 6 || raw[0] != '\\' || raw[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(raw[2:6]), 16, 16)
	return rune(n), err == nil
}

// unescaped is a text with its escapes read, as next tells of each.
func unescaped(raw []byte, next func([]byte) piece) []byte {
	out := make([]byte, 0, len(raw))
	for len(raw) > 0 {
		p := next(raw)
		if p.escape {
			out = append(out, p.text[:p.shown]...)
		} else {
			out = append(out, raw[:p.length]...)
		}
		raw = raw[p.length:]
	}
	return out
}

// outer is where spans of unescaped(raw, next) are in raw, whole escapes. They are in order
// and apart.
func outer(raw []byte, spans []span, next func([]byte) piece) []span {
	out := make([]span, 0, len(spans))
	at, shown, begun := 0, 0, -1
	for at < len(raw) && len(spans) > 0 {
		p := next(raw[at:])
		for len(spans) > 0 && spans[0].start < shown+p.shown {
			s := spans[0]
			if begun < 0 {
				begun = at
				if !p.escape {
					begun += s.start - shown
				}
			}
			if s.end > shown+p.shown {
				break
			}
			end := at + p.length
			if !p.escape {
				end = at + s.end - shown
			}
			out, spans, begun = add(out, span{begun, end}), spans[1:], -1
		}
		at, shown = at+p.length, shown+p.shown
	}
	return out
}
