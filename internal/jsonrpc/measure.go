package jsonrpc

import (
	"bytes"
	"fmt"
)

// measure bounds the depth, the elements, the messages and the length of numbers before anything is decoded, so
// that a hostile input costs one flat scan: no recursion, no memory. It does not judge syntax: on bytes that
// are not JSON it may report any fault or none, and the decoder refuses them.
func measure(raw []byte, lim Limits) *Fault {
	depth, elements, messages := 0, 0, 1
	for i := 0; i < len(raw); {
		switch c := raw[i]; c {
		case '"':
			i = skipString(raw, i)
			continue
		case '{', '[':
			if depth++; depth > lim.Depth {
				return invalid("", fmt.Sprintf("nested deeper than %d", lim.Depth))
			}
			i = skipSpace(raw, i+1)
			if i < len(raw) && raw[i] != '}' && raw[i] != ']' {
				elements++
			}
		case '}', ']':
			depth--
			i++
		case ',':
			elements++
			i++
			if depth == 1 && lim.messages > 0 {
				if messages++; messages > lim.messages {
					return invalid("", fmt.Sprintf("batch of more than %d messages", lim.messages))
				}
			}
		case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
			end := skipNumber(raw, i)
			if end-i > lim.Number {
				return invalid("", fmt.Sprintf("number longer than %d bytes", lim.Number))
			}
			i = end
		default:
			i++
		}
		if elements > lim.Elements {
			return invalid("", fmt.Sprintf("more than %d elements and keys", lim.Elements))
		}
	}
	return nil
}

// skipSpace returns the offset of the first byte at or after i that is not RFC 8259 whitespace.
func skipSpace(raw []byte, i int) int {
	for i < len(raw) && (raw[i] == ' ' || raw[i] == '\n' || raw[i] == '\r' || raw[i] == '\t') {
		i++
	}
	return i
}

// skipNumber returns the offset after the run of bytes that a number may contain.
func skipNumber(raw []byte, i int) int {
	for i < len(raw) {
		c := raw[i]
		if (c < '0' || c > '9') && c != '-' && c != '+' && c != '.' && c != 'e' && c != 'E' {
			break
		}
		i++
	}
	return i
}

// near is how far, in bytes, a string is walked before its end is searched for: most strings are short.
const near = 32

// skipString returns the offset after the string whose opening quote is at i, len(raw) if it has no end.
// Every byte is looked at a bounded number of times, whatever the backslashes.
func skipString(raw []byte, i int) int {
	i++
	for i < len(raw) {
		for end := min(i+near, len(raw)); i < end; i++ {
			switch raw[i] {
			case '"':
				return i + 1
			case '\\':
				i++
			}
		}
		if i >= len(raw) {
			break
		}
		quote := bytes.IndexByte(raw[i:], '"')
		if quote < 0 {
			break
		}
		esc := bytes.IndexByte(raw[i:i+quote], '\\')
		if esc < 0 {
			return i + quote + 1
		}
		i = skipEscapes(raw, i+esc, i+quote)
	}
	return len(raw)
}

// skipEscapes walks a string from i, a backslash, to the offset end of a quote, and returns the first offset
// not yet walked: end, or the one after it when that quote is escaped.
func skipEscapes(raw []byte, i, end int) int {
	for i < end {
		if raw[i] == '\\' {
			i++
		}
		i++
	}
	return i
}

// skipValue returns the offset after the value that starts at i, and false if there is none. It follows
// quotes and brackets and does not judge what is inside; it neither recurses nor allocates.
func skipValue(raw []byte, i int) (int, bool) {
	if i >= len(raw) {
		return i, false
	}
	switch raw[i] {
	case '"':
		end := skipString(raw, i)
		return end, end-i >= 2 && raw[end-1] == '"'
	case '{', '[':
		return skipContainer(raw, i)
	}
	end := i
	for end < len(raw) && bytes.IndexByte([]byte(",:]}{[\" \t\r\n"), raw[end]) < 0 {
		end++
	}
	return end, end > i
}

func skipContainer(raw []byte, i int) (int, bool) {
	for depth := 0; i < len(raw); {
		switch raw[i] {
		case '"':
			i = skipString(raw, i)
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1, true
			}
		}
		i++
	}
	return i, false
}
