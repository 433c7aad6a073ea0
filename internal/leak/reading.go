package leak

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"
)

// reading is a way to read a text that stands for another.
type reading struct {
	hint func(raw []byte) bool  // whether it reads anything in a text otherwise
	next func(raw []byte) piece // what a text begins with, which is not empty
}

// readings are those that are tried on a text, and on what JSON makes of it, each by itself: the
// escapes of HTML, of URLs and of programs, which may be mixed; and quoted-printable.
func readings() [2]reading {
	return [...]reading{
		{func(raw []byte) bool {
			return bytes.Contains(raw, []byte("&#")) || hexAfter(raw, '%') || bytes.Contains(raw, []byte(`\x`))
		}, nextEscape},
		{func(raw []byte) bool {
			return hexAfter(raw, '=') || bytes.Contains(raw, []byte("=\n")) || bytes.Contains(raw, []byte("=\r\n")) || bytes.Contains(raw, []byte(`=\n`)) || bytes.Contains(raw, []byte(`=\r\n`))
		}, nextQuoted},
	}
}

// hexAfter tells whether two hexadecimal digits stand behind a byte anywhere.
func hexAfter(raw []byte, mark byte) bool {
	for {
		at := bytes.IndexByte(raw, mark)
		if at < 0 {
			return false
		}
		raw = raw[at+1:]
		if _, ok := hexByte(raw); ok {
			return true
		}
	}
}

// hexByte reads two hexadecimal digits.
func hexByte(raw []byte) (b byte, ok bool) {
	if len(raw) < 2 {
		return 0, false
	}
	high, low := hexDigit(raw[0]), hexDigit(raw[1])
	return high<<4 | low, high < 16 && low < 16
}

func hexDigit(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 16
}

// upTo is the piece of a text that stands for itself: its first byte, and all up to the next of
// some marks.
func upTo(raw []byte, marks string) piece {
	n := bytes.IndexAny(raw[1:], marks) + 1
	if n == 0 {
		n = len(raw)
	}
	return piece{length: n, shown: n}
}

// nextEscape reads &#65; and &#x41; (HTML), %41 (RFC 3986, section 2.1) and \x41.
func nextEscape(raw []byte) piece {
	switch raw[0] {
	case '&':
		if r, n := entity(raw); n > 0 {
			return escapeOf(r, n)
		}
	case '%':
		if b, ok := hexByte(raw[1:]); ok {
			return piece{length: 3, shown: 1, escape: true, text: [utf8.UTFMax]byte{b}}
		}
	default:
		for _, mark := range [...]string{`\x`, `\\x`} { // the second one is how JSON has the first
			if rest, ok := bytes.CutPrefix(raw, []byte(mark)); !ok {
				continue
			} else if b, ok := hexByte(rest); ok {
				return piece{length: len(mark) + 2, shown: 1, escape: true, text: [utf8.UTFMax]byte{b}}
			}
		}
	}
	return upTo(raw, `&%\`)
}

// maxEntity is how long a numeric reference may be that is read, in bytes: the longest that is
// needed is &#1114111;, and zeros may stand before it.
const maxEntity = 16

// entity reads the numeric reference that a text begins with, and how long it is; 0 for none. The
// semicolon may be missing (HTML, 13.2.5.80).
func entity(raw []byte) (r rune, n int) {
	if len(raw) < 3 || raw[1] != '#' {
		return 0, 0
	}
	at, base, digits := 2, 10, "0123456789"
	if raw[2]|0x20 == 'x' {
		at, base, digits = 3, 16, "0123456789abcdefABCDEF"
	}
	end := at
	for end < len(raw) && end < maxEntity && strings.IndexByte(digits, raw[end]) >= 0 {
		end++
	}
	code, err := strconv.ParseUint(string(raw[at:end]), base, 31)
	if err != nil || !utf8.ValidRune(rune(code)) {
		return 0, 0
	}
	if end < len(raw) && raw[end] == ';' {
		end++
	}
	return rune(code), end
}

// nextQuoted reads =41 and the ends of lines that are none (RFC 2045, section 6.7), as they stand
// in a text and in JSON.
func nextQuoted(raw []byte) piece {
	if raw[0] == '=' {
		if b, ok := hexByte(raw[1:]); ok {
			return piece{length: 3, shown: 1, escape: true, text: [utf8.UTFMax]byte{b}}
		}
		for _, end := range [...]string{"\n", "\r\n", `\n`, `\r\n`} {
			if bytes.HasPrefix(raw[1:], []byte(end)) {
				return piece{length: 1 + len(end), escape: true}
			}
		}
	}
	return upTo(raw, "=")
}
