package review

import (
	"fmt"
	"strings"
)

// Severity says how much a finding matters.
type Severity uint8

// The severities. Errors and warnings make the check fail, hints do not.
const (
	Hint    Severity = iota // worth a look
	Warning                 // the rule does less, or more, than it seems to
	Error                   // what the rule says can never be
)

// String is the severity's word.
func (s Severity) String() string {
	switch s {
	case Error:
		return "error"
	case Warning:
		return "warning"
	case Hint:
	}
	return "hint"
}

// MarshalText implements encoding.TextMarshaler.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Finding is one thing about a policy that people should know.
type Finding struct {
	Severity Severity `json:"severity"`
	Path     string   `json:"path"`           // as faults of the configuration name it: "roles.reader.allow[0].tools[1]"
	Line     int      `json:"line,omitempty"` // of the file; Review leaves it at 0, who has read the file fills it in
	Text     string   `json:"text"`           // what is
	Advice   string   `json:"advice"`         // what to do
	Snippet  string   `json:"snippet,omitempty"`
}

// list is what is shown of many names.
const list = 5

func some(names []string) string {
	if len(names) > list {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:list], ", "), len(names)-list)
	}
	return strings.Join(names, ", ")
}
