package secret

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
)

// hidden is what every way of printing a Value prints.
const hidden = "[secret]"

// Value is the text of one secret. It prints as [secret] whatever prints it:
// fmt with any verb, log/slog, JSON, YAML, errors. Only Reveal gives the text.
//
// The text is behind a pointer, because fmt follows none below the top level:
// it prints the unexported fields of a struct without asking their methods.
type Value struct{ text *string }

func newValue(text string) Value { return Value{text: &text} }

// Reveal is the text itself. Whoever calls it sends it where it is meant to go
// and keeps no copy.
func (v Value) Reveal() string {
	if v.text == nil {
		return ""
	}
	return *v.text
}

// Header is the text for a header's value. One that holds a control character
// is refused (RFC 9110, 5.5): a line break in it would begin a header of its own.
func (v Value) Header() (string, error) {
	text := v.Reveal()
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
		return "", errors.New("the secret holds a control character, such as a line break, and cannot be sent in a header")
	}
	if text == "" || strings.TrimSpace(text) != text {
		return "", errors.New("the secret is empty or begins or ends with a space, and cannot be sent in a header")
	}
	return text, nil
}

// String is [secret].
func (v Value) String() string { return hidden }

// GoString is [secret].
func (v Value) GoString() string { return hidden }

// Format writes [secret] for every verb and flag.
func (v Value) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(hidden)) }

// MarshalText is [secret]; encoders of JSON, YAML and XML ask it.
func (v Value) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// MarshalJSON is "[secret]".
func (v Value) MarshalJSON() ([]byte, error) { return []byte(`"` + hidden + `"`), nil }

// LogValue is [secret].
func (v Value) LogValue() slog.Value { return slog.StringValue(hidden) }
