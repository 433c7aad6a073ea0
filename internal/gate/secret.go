package gate

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
)

// hidden is what every way of printing a Value prints.
const hidden = "[secret]"

// Secret is the text of one credential: of the configuration, or a key that a
// client brings with one request. It prints as [secret] whatever prints it:
// fmt with any verb, log/slog, JSON, YAML, errors. Only Reveal gives the text.
//
// The text is behind a pointer, because fmt follows none below the top level:
// it prints the unexported fields of a struct without asking their methods.
type Secret struct{ text *string }

// NewSecret takes a text in. The caller keeps no copy.
func NewSecret(text string) Secret { return Secret{text: &text} }

// Reveal is the text itself. Whoever calls it sends it where it is meant to go
// and keeps no copy.
func (v Secret) Reveal() string {
	if v.text == nil {
		return ""
	}
	return *v.text
}

// Header is the text for a header's value. One that holds a control character
// is refused (RFC 9110, 5.5): a line break in it would begin a header of its own.
func (v Secret) Header() (string, error) {
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
func (v Secret) String() string { return hidden }

// GoString is [secret].
func (v Secret) GoString() string { return hidden }

// Format writes [secret] for every verb and flag.
func (v Secret) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(hidden)) }

// MarshalText is [secret]; encoders of JSON, YAML and XML ask it.
func (v Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// MarshalJSON is "[secret]".
func (v Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + hidden + `"`), nil }

// LogValue is [secret].
func (v Secret) LogValue() slog.Value { return slog.StringValue(hidden) }
