package chunk

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// uncommented is a style with a blank for each comment (CSS Syntax 3, section 4.3.2). One
// without an end goes to the end.
func uncommented(style string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(style, "/*")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		b.WriteByte(' ')
		if _, style, found = strings.Cut(rest, "*/"); !found {
			return b.String()
		}
	}
}

// maxEscape is how many digits an escape of a style has at most.
const maxEscape = 6

// unescaped is a part of a style with its escapes read as browsers read them: a backslash before
// up to six hexadecimal digits and a blank, or before any other character but the end of a line
// (CSS Syntax 3, section 4.3.7).
func unescaped(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			i++
			continue
		}
		i++
		end := i
		for end < len(s) && end < i+maxEscape && strings.IndexByte("0123456789abcdefABCDEF", s[end]) >= 0 {
			end++
		}
		if end == i {
			continue // the character stands for itself
		}
		code, err := strconv.ParseUint(s[i:end], 16, 32)
		r := rune(code) //nolint:gosec // of six digits
		if err != nil || code == 0 || code > unicode.MaxRune || !utf8.ValidRune(r) {
			r = unicode.ReplacementChar
		}
		b.WriteRune(r)
		if strings.HasPrefix(s[end:], "\r\n") {
			end++
		}
		if end < len(s) && strings.IndexByte(" \t\r\n\f", s[end]) >= 0 {
			end++
		}
		i = end
	}
	return b.String()
}
