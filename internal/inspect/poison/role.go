package poison

import "strings"

// marks are what chat templates put between turns.
//
//nolint:gochecknoglobals // a table; read-only
var marks = []string{"<|im_start|>", "<|im_end|>", "<|system|>", "<|user|>", "<|assistant|>", "<|endoftext|>", "<|eot_id|>", "<|start_header_id|>", "[inst]", "[/inst]", "<<sys>>", "<</sys>>", "<start_of_turn>"}

// roles judges imitated turns, and texts that call themselves something else than a
// description.
func (s *sentence) roles() {
	first, last := &s.words[0], &s.words[len(s.words)-1]
	run := s.text[max(0, first.start-14):min(len(s.text), last.end+14)]
	if strings.ContainsAny(run, "<[") {
		for _, m := range marks {
			if containsFold(run, m) {
				s.report(kind{"poison.role", signRole, "imitates the turns of a conversation"}, 6, 0, len(s.words)-1)
				return
			}
		}
	}
	for i := range s.words {
		s.role(i)
	}
}

// role judges a heading at word i that speaks to the reader.
func (s *sentence) role(i int) {
	w := &s.words[i]
	opens := byte(0)
	if w.start > 0 {
		opens = s.text[w.start-1]
	}
	closes := byte(0)
	if w.end < len(s.text) {
		closes = s.text[w.end]
	}
	switch word := strings.ToLower(s.literally(i)); {
	case opens == '<' && closes == '>':
		switch word {
		case "system", "assistant", "secret", "hidden", "admin", "override", "internal":
			s.report(kind{"poison.role", signRole, "imitates a turn of the system or of the assistant"}, 4, i, i)
		case "important", "information", "instruction", "instructions", "critical", "note", "mandatory":
			s.have(signRole)
		}
	case (opens == '[' || w.gap >= stop || s.text[max(0, w.start-2):w.start] == "# ") && w.class.has(chief|model|order|standing) && i == 0:
		if strings.HasPrefix(word, "system") && (closes == ':' || closes == ']') {
			s.report(kind{"poison.role", signRole, "imitates a turn of the system"}, 4, i, i)
		} else if s.heading(i) {
			s.have(signRole)
		}
	case s.is(i, "from") && i > 0 && i+2 < len(s.words) && s.words[i-1].class.has(message|order|step) && s.after(i, 2).has(user|chief|model) && s.after(i, 7).has(you|model):
		s.report(kind{"poison.role", signRole, "says that somebody else speaks"}, 3, i-1, i+2)
	case s.is(i, "end") && s.is(i+1, "of") && (s.is(i+2, "description") || s.is(i+2, "documentation") || s.is(i+3, "description")):
		s.report(kind{"poison.role", signRole, "pretends that the description ends"}, 4, i, i+2)
	case w.class.has(model) && i > 0 && s.before(i, 4, step|order|message) && (s.is(i-1, "to") || s.is(i-2, "to") || s.is(i-1, "for") || s.is(i-2, "for")) && !s.before(i, 2, verb) && (closes == ':' || i+1 < len(s.words) && s.words[i+1].gap >= comma) && s.anyAsked():
		s.report(kind{"poison.role", signRole, "speaks to the model beside the description"}, 3, max(0, i-3), i)
	}
}

// heading tells whether a colon follows word i within four words.
func (s *sentence) heading(i int) bool {
	for j := i; j < len(s.words) && j < i+5; j++ {
		if s.words[j].end < len(s.text) && s.text[s.words[j].end] == ':' {
			return true
		}
	}
	return false
}

// containsFold tells whether text has part, which is small, in any case of ASCII.
func containsFold(text, part string) bool {
	return strings.Contains(strings.ToLower(text), part)
}
