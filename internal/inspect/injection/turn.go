package injection

import (
	"strings"

	"doorward/internal/gate"
)

// templates are the marks with which chat templates part turns (ChatML, Llama,
// Mistral, Gemma, Phi, DeepSeek, Command R). No text has them by chance.
//
//nolint:gochecknoglobals // a table; read-only
var templates = []string{
	"<|im_start|>", "<|im_end|>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>", "<|eot_id|>",
	"<|start_header_id|>", "<|end_header_id|>", "<|begin_of_text|>", "<|endoftext|>", "<|start|>", "<|channel|>",
	"<start_of_turn>", "<end_of_turn>", "<<sys>>", "<</sys>>", "[inst]", "[/inst]",
	"<|start_of_turn_token|>", "<|end_of_turn_token|>", "<\uff5cuser\uff5c>", "<\uff5cassistant\uff5c>",
}

// wrappers are the names of tags that part what a model has to obey from what it
// has to read.
//
//nolint:gochecknoglobals // a table; read-only
var wrappers = map[string]bool{
	"system": true, "information": true, "instructions": true, "instruction": true, "important": true,
	"assistant": true, "system_prompt": true, "system-prompt": true, "systemprompt": true,
	"system_message": true, "system-message": true, "system_instruction": true, "system_instructions": true,
	"system-reminder": true, "system_reminder": true, "user_query": true, "user_input": true,
	"developer": true, "human": true, "admin": true, "override": true, "secret": true, "function_calls": true, "tool_call": true,
	"tool_result": true, "tool_results": true, "tool_response": true, "tool_output": true, "function_result": true, "function_results": true,
	"function_response": true, "untrusted": true, "untrusted_content": true,
}

// markup are those of the wrappers that pages of documentation have too, in small
// letters: <important> in the references of AWS.
//
//nolint:gochecknoglobals // a table; read-only
var markup = map[string]bool{
	"information": true, "important": true, "instructions": true, "instruction": true, "developer": true, "human": true,
	"admin": true, "override": true, "secret": true, "untrusted": true,
}

// turns looks for imitations of turns in a segment.
func (s *sentence) turns() {
	for i := 0; i < len(s.text); {
		n := strings.IndexAny(s.text[i:], "<[#")
		if n < 0 {
			return
		}
		i += n
		switch c := s.text[i]; {
		case c != '#' && s.template(i):
		case c == '<':
			s.wrapper(i)
		case c == '#' || c == '[':
			s.header(i)
		}
		i++
	}
}

func (s *sentence) template(at int) bool {
	rest := s.text[at:]
	for _, mark := range templates {
		if len(rest) >= len(mark) && rest[1]|0x20 == mark[1]|0x20 && rest[2]|0x20 == mark[2]|0x20 && strings.EqualFold(rest[:len(mark)], mark) {
			s.span("injection.turn", gate.High, gate.Span{Start: at, End: at + len(mark)}, "a mark with which chat templates begin or end a turn")
			return true
		}
	}
	return false
}

// wrapper judges a tag at byte at that stands alone: no attributes.
func (s *sentence) wrapper(at int) {
	rest := strings.TrimPrefix(s.text[at+1:min(len(s.text), at+32)], "/")
	end := strings.IndexByte(rest, '>')
	if end <= 0 {
		return
	}
	switch name := strings.ToLower(rest[:end]); {
	case wrappers[name]:
	case (name == "user" || name == "assistant") && end+1 < len(rest) && letterAt(rest, end+1) && s.bid(0, len(s.words)) >= 0:
	default:
		return
	}
	severity := gate.Medium
	if markup[strings.ToLower(rest[:end])] && rest[:end] != strings.ToUpper(rest[:end]) {
		severity = gate.Low
	}
	s.span("injection.turn", severity, gate.Span{Start: at, End: at + strings.IndexByte(s.text[at:], '>') + 1}, "a tag that parts instructions from data")
}

// header judges a heading or bracket that names a speaker: "### System:",
// "[SYSTEM]", "###(system_message)".
func (s *sentence) header(at int) {
	if at > 0 && s.text[at-1] == s.text[at] {
		return // only the first of a run begins a heading
	}
	i := at
	for i < len(s.text) && i < at+12 && strings.IndexByte("#[( ", s.text[i]) >= 0 {
		i++
	}
	end := i
	for end < len(s.text) && end-i < 40 && (s.text[end]|0x20 >= 'a' && s.text[end]|0x20 <= 'z' || s.text[end] == '_' || s.text[end] == ' ') {
		end++
	}
	if end == len(s.text) && s.text[at] == '[' || at > 0 && s.text[at-1] == '#' {
		return
	}
	words := strings.FieldsFunc(strings.ToLower(s.text[i:end]), func(r rune) bool { return r == ' ' || r == '_' })
	if len(words) == 0 || len(words) > 3 || !speaker(words) || end < len(s.text) && (s.text[end] == '-' || s.text[end] == '/' || alphanumeric[s.text[end]&0x7f]) {
		return
	}
	s.span("injection.turn", gate.Medium, gate.Span{Start: at, End: end}, "a heading that imitates a message of the system")
}

// speaker tells whether the words of a heading are those of a message's sender.
func speaker(words []string) bool {
	switch words[0] {
	case "system", "developer", "admin", "administrator", "new", "updated", "urgent", "important":
	default:
		return false
	}
	if len(words) == 1 {
		return words[0] == "system"
	}
	switch words[len(words)-1] {
	case "message", "prompt", "instruction", "instructions", "override", "directive", "directives", "command", "commands", "note":
		return true
	}
	return false
}

// edges judges a line that says where a turn begins or ends, in capitals: "END OF
// TOOL OUTPUT", "BEGIN SYSTEM PROMPT".
func (s *sentence) edges(i int) {
	w := s.words[i]
	if w.gap < clause || s.text[w.start:w.end] != strings.ToUpper(s.text[w.start:w.end]) {
		return
	}
	who := s.find(i, 1, 2, tool|chief|machine|user|inner)
	if who < 0 || !s.words[who].class.all(inner|order) && !s.near(who, 1, 1, reply|order|task|tell) {
		return
	}
	s.found("injection.turn", gate.Medium, i, who+1, "a line that imitates the edge of a turn")
}
