package reveal

import (
	"html"
	"strconv"
	"strings"
	"unicode/utf8"

	"doorward/internal/gate"
)

// minEscapes is how many escapes in a row are read: fewer stand for characters
// that could not be written otherwise.
const minEscapes = 6

// escapes finds rows of escaped letters: percent, character references, escapes
// of programming languages, quoted-printable.
func escapes(text string) []reading {
	var rs []reading
	for _, form := range [...]struct {
		method string
		mark   byte
		read   func(s string) (rune, int)
	}{
		{"percent", '%', percent},
		{"entity", '&', reference},
		{"escape", '\\', escape},
		{"quoted_printable", '=', quoted},
	} {
		if strings.IndexByte(text, form.mark) < 0 {
			continue
		}
		var found kept
		for i := 0; i < len(text); {
			n := strings.IndexByte(text[i:], form.mark)
			if n < 0 {
				break
			}
			start := i + n
			plain, end, count := escapeRow(text, start, form.read)
			i = max(end, start+1)
			if count < minEscapes || !utf8.ValidString(plain) {
				continue
			}
			if r := encoded(form.method, gate.Span{Start: start, End: end}, plain); count*3 >= len(plain) || r.severity == gate.High && count*8 >= len(plain) {
				if form.method == "percent" && linked(text, start) {
					r.severity = gate.NoSeverity
				}
				found.add(r)
			}
		}
		rs = append(rs, found.readings()...)
	}
	return rs
}

// escapeRow reads escapes that follow each other with at most a few plain letters
// between: a word may be escaped in part.
func escapeRow(text string, i int, read func(string) (rune, int)) (plain string, end, count int) {
	var b strings.Builder
	for end = i; i < len(text) && i-end < 16; {
		r, size := read(text[i:])
		if size == 0 {
			if c := text[i]; c == '\n' || c < ' ' {
				break
			}
			i++
			continue
		}
		b.WriteString(text[end:i])
		if r > 0xff || size > 4 && r > 0x7f {
			b.WriteRune(r)
		} else {
			b.WriteByte(byte(r & 0xff))
		}
		i += size
		end = i
		count++
	}
	for end < len(text) && i-end < 16 && asciiLetter(text[end]) { // the rest of the word
		b.WriteByte(text[end])
		end++
	}
	return b.String(), end, count
}

// linked tells whether the percent sign at i stands in an address, where it is
// what addresses need.
func linked(text string, i int) bool {
	for n := 0; i > 0 && n < 2048 && text[i-1] > ' ' && text[i-1] != '"' && text[i-1] != '<'; n++ {
		i--
		if text[i] == ':' && strings.HasPrefix(text[i:], "://") {
			return true
		}
	}
	return false
}

// pair is the byte that two hexadecimal digits after a mark stand for.
func pair(high, low byte) (rune, int) {
	h, l := strings.IndexByte(hexDigits, high|0x20), strings.IndexByte(hexDigits, low|0x20)
	if h < 0 || l < 0 || high < '0' || low < '0' {
		return 0, 0
	}
	return rune(byte(h<<4 | l)), 3 //nolint:gosec // both are below 16
}

const hexDigits = "0123456789abcdef"

func percent(s string) (rune, int) {
	if len(s) > 2 && s[0] == '%' {
		return pair(s[1], s[2])
	}
	return 0, 0
}

func quoted(s string) (rune, int) {
	if len(s) > 2 && s[0] == '=' && (s[1] < 'a' || s[1] > 'f') {
		return pair(s[1], s[2])
	}
	return 0, 0
}

func reference(s string) (rune, int) {
	if len(s) < 4 || s[0] != '&' || s[1] != '#' {
		return 0, 0
	}
	n := strings.IndexByte(s[:min(len(s), 12)], ';')
	if n < 0 {
		return 0, 0
	}
	plain := html.UnescapeString(s[:n+1])
	r, size := utf8.DecodeRuneInString(plain)
	if size != len(plain) {
		return 0, 0
	}
	return r, n + 1
}

func escape(s string) (rune, int) {
	if len(s) < 4 || s[0] != '\\' {
		return 0, 0
	}
	width, from, radix := 0, 2, 16
	switch c := s[1]; {
	case c == 'x':
		width = 2
	case c == 'u' && s[2] == '{':
		n := strings.IndexByte(s[:min(len(s), 12)], '}')
		if n < 0 {
			return 0, 0
		}
		v, err := strconv.ParseUint(s[3:n], 16, 21)
		if err != nil {
			return 0, 0
		}
		return rune(v), n + 1
	case c == 'u':
		width = 4
	case c == 'U':
		width = 8
	case c >= '0' && c <= '3':
		width, from, radix = 3, 1, 8
	}
	if width == 0 || len(s) < from+width {
		return 0, 0
	}
	v, err := strconv.ParseUint(s[from:from+width], radix, 21)
	if err != nil {
		return 0, 0
	}
	return rune(v), from + width
}
