package chunk

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// uncommented is a style with a blank for each comment (CSS Syntax 3, section 4.3.2). One
// without an end goes to the end. In a string, and in an address without quotes, none begins.
func uncommented(style string) string {
	var b strings.Builder
	for i := 0; i < len(style); {
		rest, end := style[i:], i+1
		switch {
		case strings.HasPrefix(rest, "/*"):
			b.WriteByte(' ')
			_, after, found := strings.Cut(rest[len("/*"):], "*/")
			if !found {
				return b.String()
			}
			i = len(style) - len(after)
			continue
		case rest[0] == '\\':
			end = min(i+2, len(style))
		case rest[0] == '"', rest[0] == '\'':
			end += closed(rest[1:], rest[0])
		case rest[0] == '(' && beforeAddress(style[:i], rest[1:]):
			end += closed(rest[1:], ')')
		}
		b.WriteString(style[i:end])
		i = end
	}
	return b.String()
}

// closed is how long what a quote or a bracket has opened is, the end of it included: all where
// it has none. A string ends at the end of its line, too (CSS Syntax 3, section 4.3.5).
func closed(s string, by byte) int {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			i++
		case c == by, by != ')' && (c == '\n' || c == '\r' || c == '\f'):
			return i + 1
		}
	}
	return len(s)
}

// beforeAddress tells whether a bracket between two parts of a style opens an address without
// quotes (CSS Syntax 3, section 4.3.4).
func beforeAddress(before, after string) bool {
	name := before[strings.LastIndexFunc(before, func(r rune) bool {
		return r < utf8.RuneSelf && r != '-' && r != '_' && r != '\\' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})+1:]
	after = strings.TrimLeft(after, " \t\r\n\f")
	return strings.EqualFold(unescaped(name), "url") && !strings.HasPrefix(after, `"`) && !strings.HasPrefix(after, "'")
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
			b.WriteByte(s[i]) // it stands for itself, be it a backslash
			i++
			continue
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
