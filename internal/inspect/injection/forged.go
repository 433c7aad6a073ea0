package injection

import (
	"strings"

	"doorward/internal/gate"
)

// A field says where in a message in JSON the next segment is.
type field uint8

const (
	elsewhere field = iota
	speaking        // the value of "role"
	system          // after a role of the system
	content         // what such a message says
)

// after is where the text is after a segment.
func (f field) after(segment string) field {
	trimmed := strings.TrimRight(segment, " \t\n\\")
	switch {
	case f == speaking:
		switch strings.Trim(strings.ToLower(trimmed), "\"'\\:,} ") {
		case "system", "developer":
			return system
		}
		return elsewhere
	case keyed(trimmed, "role"):
		return speaking
	case f == system && (keyed(trimmed, "content") || keyed(trimmed, "text") || keyed(trimmed, "message")):
		return content
	case f == system && len(trimmed) < 24 && strings.HasSuffix(trimmed, ":"):
		return system
	case speaksToModel(trimmed):
		return content
	}
	return elsewhere
}

// keyed tells whether a segment ends with the key of a member of JSON.
func keyed(segment, key string) bool {
	rest, ok := strings.CutSuffix(strings.TrimRight(segment, ":"), "\"")
	if !ok {
		rest, ok = strings.CutSuffix(strings.TrimRight(segment, ":"), "'")
	}
	return ok && strings.HasSuffix(strings.TrimSuffix(rest, "\\"), key) && strings.HasSuffix(segment, ":")
}

// speaksToModel tells whether a segment ends with a key whose name says that its
// value is for a model: "instructions_for_ai".
func speaksToModel(segment string) bool {
	if !strings.HasSuffix(segment, "\":") && !strings.HasSuffix(segment, "':") {
		return false
	}
	name := segment[:len(segment)-2]
	name = name[strings.LastIndexAny(name, "\"'{, ")+1:]
	if len(name) < 6 || len(name) > 40 {
		return false
	}
	var model, order bool
	for part := range strings.FieldsFuncSeq(strings.ToLower(name), func(r rune) bool { return r == '_' || r == '-' }) {
		switch part {
		case "ai", "llm", "assistant", "agent", "model", "gpt", "claude", "bot":
			model = true
		case "instruction", "instructions", "note", "notes", "directive", "directives", "message", "command", "commands", "guidance", "todo":
			order = true
		}
	}
	return model && order
}

// calls are the marks with which models call tools, in the formats of their makers.
//
//nolint:gochecknoglobals // a table; read-only
var callMarks = []string{"<invoke name=", "<tool_use>", "<|tool_call", "<tool_call>", "\"tool_calls\":", "\"function_call\":", "<function=", "\"type\":\"tool_use\"", "\"type\": \"tool_use\"", "[tool_calls]", "\"functionCall\":"}

// forged judges what imitates a message or a call of a tool in the formats of
// models' makers, and lines that name who speaks.
func (s *sentence) forged() {
	if s.message && (s.bid(0, len(s.words)) >= 0 || s.any.all(you|consent) || s.any.all(user|must)) && len(s.words) > 0 {
		s.found("injection.turn", gate.Medium, 0, 6, "a message that imitates one of the system")
	}
	for i := 0; i < len(s.text); i++ {
		n := strings.IndexAny(s.text[i:], "<[\"")
		if n < 0 {
			return
		}
		i += n
		for _, mark := range callMarks {
			if strings.HasPrefix(s.text[i:], mark) {
				s.span("injection.turn", gate.Medium, gate.Span{Start: i, End: i + len(mark)}, "imitates the call of a tool")
				break
			}
		}
	}
}
