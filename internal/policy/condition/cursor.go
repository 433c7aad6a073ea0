package condition

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// sound tells whether raw is one JSON object, strictly: no duplicate names, no
// invalid UTF-8, nothing after it.
func sound(raw []byte) bool {
	c := cursor{text: raw}
	return c.peek() == '{' && jsontext.Value(raw).IsValid()
}

// cursor reads a text that is known to be sound JSON, without a decoder's tables:
// most conditions want one member of a small object. Of any other text it reads
// nonsense, and stops.
type cursor struct {
	text []byte
	pos  int
}

// peek skips blanks and is the byte that follows, 0 at the end.
func (c *cursor) peek() byte {
	for c.pos < len(c.text) {
		switch b := c.text[c.pos]; b {
		case ' ', '\t', '\r', '\n':
			c.pos++
		default:
			return b
		}
	}
	return 0
}

// skip skips the next byte if it is b, with the blanks before it.
func (c *cursor) skip(b byte) {
	if c.peek() == b {
		c.pos++
	}
}

// written is the text of the value that follows.
func (c *cursor) written() []byte { return c.value().of(c.text) }

// value is where the value that follows is; it is empty at the end.
func (c *cursor) value() span {
	first := c.peek()
	start := c.pos
	switch first {
	case 0:
	case '"':
		c.quoted()
	case '{', '[':
		c.nested()
	default:
		for c.pos < len(c.text) && bytes.IndexByte([]byte(",:]} \t\r\n"), c.text[c.pos]) < 0 {
			c.pos++
		}
	}
	return span{from: int32(start), to: int32(c.pos)} //nolint:gosec // affordable bounds the text
}

// quoted skips a string: fast up to its first escape, and byte by byte from there.
func (c *cursor) quoted() {
	c.pos++
	rest := c.text[c.pos:]
	end := bytes.IndexByte(rest, '"')
	if end < 0 {
		c.pos = len(c.text)
		return
	}
	escape := bytes.IndexByte(rest[:end], '\\')
	if escape < 0 {
		c.pos += end + 1
		return
	}
	for c.pos += escape; c.pos < len(c.text); c.pos++ {
		switch c.text[c.pos] {
		case '\\':
			c.pos++
		case '"':
			c.pos++
			return
		}
	}
	c.pos = len(c.text)
}

func (c *cursor) nested() {
	for depth := 0; c.pos < len(c.text); {
		switch c.text[c.pos] {
		case '"':
			c.quoted()
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		c.pos++
		if depth == 0 {
			return
		}
	}
}
