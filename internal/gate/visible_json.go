package gate

import (
	"fmt"
	"unicode/utf16"
	"unicode/utf8"
)

// VisibleJSON is Visible for a JSON text: in its strings every character that a reader
// would not see, or a terminal would obey, becomes \uXXXX (RFC 8259, section 7), and a
// byte that is no UTF-8 \ufffd. The text means the same as before. Line breaks and tabs
// stand between values alone and stay.
func VisibleJSON(text []byte) []byte {
	i := clean(text)
	if i == len(text) {
		return text
	}
	out := append(make([]byte, 0, len(text)+32), text[:i]...)
	for i < len(text) {
		r, size := utf8.DecodeRune(text[i:])
		high, low := utf16.EncodeRune(r)
		switch {
		case r == '\n' || r == '\t' || r == '\r' || (r != utf8.RuneError || size > 1) && !Hidden(r):
			out = append(out, text[i:i+size]...)
		case high != utf8.RuneError:
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		i += size
	}
	return out
}

// clean is how long text is printable ASCII, and line breaks and tabs, from its start.
func clean(text []byte) int {
	for i, c := range text {
		if (c < ' ' || c > '~') && c != '\n' && c != '\t' && c != '\r' {
			return i
		}
	}
	return len(text)
}
