package mcp

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"doorward/internal/gate"
)

// Text is one string of a message, as Strings finds it.
type Text struct {
	At    gate.Span // the token in the message, quotes included
	Value string    // decoded
	Key   string    // the name of the member that it is the value of, also within lists; of a name, itself
	Name  bool      // it is a member's name, not a value
	path  []step
}

// step is one container on the way to a string.
type step struct {
	key   string
	index int // of an element; -1 in an object
}

// Pointer says where the string stands below the value that was walked (RFC 6901).
func (t *Text) Pointer() string {
	var b strings.Builder
	for _, s := range t.path {
		b.WriteByte('/')
		switch {
		case s.index >= 0:
			b.WriteString(strconv.Itoa(s.index))
		case strings.ContainsAny(s.key, "~/"):
			b.WriteString(pointerEscapes().Replace(s.key))
		default:
			b.WriteString(s.key)
		}
	}
	return b.String()
}

func pointerEscapes() *strings.Replacer { return strings.NewReplacer("~", "~0", "/", "~1") }

// Depth is how many containers the string is in.
func (t *Text) Depth() int { return len(t.path) }

// Within tells whether some member on the way to the string has this name.
func (t *Text) Within(name string) bool {
	for _, s := range t.path {
		if s.index < 0 && s.key == name {
			return true
		}
	}
	return false
}

// Strings calls yield for every string of the value at the span of raw, names of
// members included, in order. The value is part of a message that was parsed. An
// error of yield ends the walk and is returned as it is. yield keeps no *Text.
func Strings(raw []byte, at gate.Span, yield func(*Text) error) error {
	if !at.Present() {
		return nil
	}
	dec := jsontext.NewDecoder(bytes.NewBuffer(raw[at.Start:at.End:at.End]), jsontext.AllowDuplicateNames(true))
	w := walkStrings{dec: dec, raw: raw, base: at.Start, yield: yield}
	for {
		kind := dec.PeekKind()
		if err := w.token(kind); err != nil {
			return err
		}
		if dec.StackDepth() == 0 {
			return nil
		}
	}
}

type walkStrings struct {
	dec   *jsontext.Decoder
	raw   []byte
	base  int
	path  []step
	yield func(*Text) error
}

// token reads one token; a string is yielded.
func (w *walkStrings) token(kind jsontext.Kind) error {
	if kind == '}' || kind == ']' {
		w.path = w.path[:len(w.path)-1]
		return w.read()
	}
	name := false
	if n := len(w.path); n > 0 {
		s := &w.path[n-1]
		_, length := w.dec.StackIndex(n)
		switch {
		case s.index < 0:
			name = length%2 == 0
		default:
			s.index = int(length)
		}
	}
	if kind == '"' {
		return w.text(name)
	}
	if err := w.read(); err != nil {
		return err
	}
	switch kind {
	case '{':
		w.path = append(w.path, step{index: -1})
	case '[':
		w.path = append(w.path, step{})
	}
	return nil
}

func (w *walkStrings) read() error {
	if _, err := w.dec.ReadToken(); err != nil {
		return fmt.Errorf("walking a message: %w", err)
	}
	return nil
}

func (w *walkStrings) text(name bool) error {
	tok, err := w.dec.ReadValue()
	if err != nil {
		return fmt.Errorf("walking a message: %w", err)
	}
	value, ok := unquote(tok)
	if !ok {
		return fmt.Errorf("walking a message: a string that cannot be read at byte %d", w.dec.InputOffset())
	}
	end := w.base + int(w.dec.InputOffset())
	if name {
		w.path[len(w.path)-1].key = value
	}
	return w.yield(&Text{
		At: gate.Span{Start: end - len(tok), End: end}, Value: value, Key: w.key(), Name: name, path: w.path,
	})
}

// key is the name of the nearest member on the way.
func (w *walkStrings) key() string {
	for _, step := range slices.Backward(w.path) {
		if step.index < 0 {
			return step.key
		}
	}
	return ""
}
