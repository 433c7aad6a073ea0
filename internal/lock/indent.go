package lock

import (
	"fmt"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"doorward/internal/gate"
)

// indentUnit is one level of indentation in the lock file.
const indentUnit = "  "

// Indent renders a definition as the lock file holds it: two spaces a level,
// every hidden character escaped as \uXXXX. It is still JSON with the same
// meaning. What is no JSON is rendered as one escaped string. Used by `trust show` and the console.
func Indent(definition []byte) []byte {
	compact, err := jsontext.AppendFormat(nil, definition)
	if err != nil {
		return appendString(nil, string(definition))
	}
	return appendIndented(nil, compact, 0)
}

// appendIndented appends valid JSON without white space, indented from the
// given level on.
func appendIndented(dst, compact []byte, level int) []byte {
	for i := 0; i < len(compact); {
		switch c := compact[i]; c {
		case '"':
			n := stringLen(compact[i:])
			dst = requote(dst, compact[i:i+n])
			i += n
			continue
		case '{', '[':
			dst = append(dst, c)
			if compact[i+1] == c+2 { // '}' follows '{' by two in ASCII, ']' '['
				dst = append(dst, compact[i+1])
				i += 2
				continue
			}
			level++
			dst = newline(dst, level)
		case '}', ']':
			level--
			dst = append(newline(dst, level), c)
		case ',':
			dst = newline(append(dst, ','), level)
		case ':':
			dst = append(dst, ':', ' ')
		case ' ', '\t', '\r', '\n':
		default:
			dst = append(dst, c)
		}
		i++
	}
	return dst
}

func newline(dst []byte, level int) []byte {
	dst = append(dst, '\n')
	for range level {
		dst = append(dst, indentUnit...)
	}
	return dst
}

// stringLen is the length of the JSON string that b begins with.
func stringLen(b []byte) int {
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(b)
}

// requote appends a JSON string with its hidden characters escaped.
func requote(dst, quoted []byte) []byte {
	text, err := jsontext.AppendUnquote(nil, quoted)
	if err != nil {
		return append(dst, quoted...)
	}
	return appendString(dst, string(text))
}

// appendString appends s as a JSON string in which a reader sees everything:
// hidden characters are \u-escaped, beyond the BMP as a surrogate pair.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			dst = utf8.AppendRune(append(dst, '\\'), r)
		case r == '\n':
			dst = append(dst, '\\', 'n')
		case r == '\t':
			dst = append(dst, '\\', 't')
		case r == '\r':
			dst = append(dst, '\\', 'r')
		case r > 0xffff && gate.Hidden(r):
			hi, lo := utf16.EncodeRune(r)
			dst = fmt.Appendf(dst, `\u%04x\u%04x`, hi, lo)
		case gate.Hidden(r):
			dst = fmt.Appendf(dst, `\u%04x`, r)
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return append(dst, '"')
}
