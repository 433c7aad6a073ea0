package injection

import (
	"strings"
	"unicode/utf8"

	"doorward/internal/gate"
)

// act is what a verb does that a reader with tools can do.
const act = move | get | change | pay | call

// authority judges words that claim to speak for the user or the system, to the
// model, about its task.
func (s *sentence) authority(i int) {
	c := s.words[i].class
	const why = "speaks to the model about its task"
	switch {
	case c.has(machine) && s.addressed(i):
		s.claim(gate.High, max(0, i-3), i+6, "speaks to the model, not to a person")
	case c.has(machine) && s.hailed(i):
		s.claim(gate.Medium, max(0, i-3), i+6, "speaks to the model, not to a person")
	case c.has(mind) && s.supposed(i):
		s.claim(gate.Medium, max(0, i-4), i+6, "asks something only of a reader that is a model")
	case c.has(machine) && s.permitted(i):
		s.claim(gate.Medium, max(0, i-4), i+6, "claims the right to tell the model what to do")
	case c.has(machine) && s.charged(i):
		s.claim(gate.Medium, i, i+6, "says what the model has to do")
	case c.has(task) && s.near(i, -10, -1, first) && s.near(i, -8, 6, you) && s.near(i, 1, 14, follow|please) && s.any.has(must|please):
		s.claim(gate.High, max(0, i-10), i+8, why)
	case c.has(task|reply) && s.near(i, -8, -1, first) && s.near(i, -8, 6, user) && s.commands(i+1):
		s.claim(gate.Medium, max(0, i-8), i+8, why)
	case c.has(order) && s.near(i, -8, -1, must) && s.near(i, -9, -1, you) && s.near(i, -4, -1, follow|fresh) && s.commands(i+1):
		s.claim(gate.Medium, max(0, i-9), i, "makes a condition of following the instructions in the text")
	case c.has(user) && s.near(i, -8, -1, first) && s.near(i, -8, 2, you) && s.near(i, 1, 3, told|want|task) && s.commands(i+1):
		s.claim(gate.Medium, max(0, i-8), i+8, why)
	case c.has(chief) && s.words[i].gap >= clause && s.calls(i) && s.any.all(user|consent):
		s.claim(gate.Medium, i, i+8, "claims to be the system, and that the user allowed something")
	case c.all(reply|first) && s.commands(i+1) && s.any.has(user|private|control|tool|link|address|money):
		s.claim(gate.Medium, i, i+8, why)
	case c.has(task) && s.switches(i):
		s.claim(gate.Medium, max(0, i-6), i+2, "gives the reader another task")
	case c.has(handle) && s.meant(i):
		s.claim(gate.Medium, max(0, i-5), i+12, "asks something of whoever reads the text for somebody")
	case c.has(impostor) && (s.any.has(task) || s.commands(i+1)):
		s.claim(gate.Medium, i, i+6, "claims to be the user or who made the model")
	case c.has(maker) && s.speaksFor(i):
		s.claim(gate.Medium, max(0, i-4), i+4, "claims to come from those who made the model, or whom it works for")
	}
}

func (s *sentence) claim(severity gate.Severity, first, last int, why string) {
	s.found("injection.authority", severity, first, last, why)
}

// switches tells whether the task at word i is another one for the reader: "your
// new task is", "your only job now is", "the real request follows".
func (s *sentence) switches(i int) bool {
	if !s.near(i, -2, -1, fresh|exact) || !s.near(i, -6, 3, you|mine) {
		return false
	}
	if s.near(i, 1, 5, want|must) && s.near(i, 2, 6, you) && s.any.has(mine) {
		return true
	}
	return s.near(i, 1, 2, be) || s.near(i, 1, 2, you) && s.near(i, 1, 1, direct) || s.near(i, -6, -2, must) && s.near(i, -3, -1, mine) || i+1 < len(s.words) && s.words[i+1].gap >= clause && s.near(i, -3, -1, you|mine)
}

// commands tells whether something is asked from word i on that tools do.
func (s *sentence) commands(i int) bool {
	for j := i; j < len(s.words) && j < i+14; j++ {
		if s.words[j].class.has(act|say) && s.request(j) != unasked {
			return true
		}
	}
	return false
}

// addressed tells whether the model at word i is spoken to: "to you, assistant,",
// "note to the AI:", "dear assistant", "if you are an AI".
func (s *sentence) addressed(i int) bool {
	next := stop
	if i+1 < len(s.words) {
		next = s.words[i+1].gap
	}
	before := s.between(i, -4, -1)
	switch {
	case next < comma:
		return false
	case s.words[i].gap >= comma && i > 0 && s.words[i-1].class.has(you):
		return true
	case before.all(direct|tell) || before.all(direct|order):
		return s.any.has(please|must|override|move|say) && next >= clause
	}
	return false
}

// hailed tells whether the model at word i is called at the start of a line, with
// something for it to do: "Hey assistant, …", "Note to the AI reading this: …".
func (s *sentence) hailed(i int) bool {
	first := i
	for first > 0 && i-first < 5 && s.words[first].gap < clause {
		first--
	}
	if s.words[first].gap < clause && first > 0 {
		return false
	}
	head := s.between(first, 0, i-first)
	if !head.has(mind) && !s.any.has(tool|user|task|inner) || i == first && !s.words[i].class.has(mind) {
		return false
	}
	if i > first && !head.has(greet|tell) && (i-first > 2 || !s.words[first].class.has(direct) || !head.has(mind)) || s.words[i].class.has(quoted) {
		return false
	}
	end := i + 1 // of the words that say more of the one who is called: "AI reading this page"
	for end < len(s.words) && end < i+6 && s.words[end].gap < comma {
		end++
	}
	if end >= len(s.words) || s.words[end].gap < comma || !s.calls(end-1) || end > i+1 && (s.words[end].gap < clause || !head.has(direct)) {
		return false
	}
	return s.commands(end) || s.between(end, 0, 8).has(you)
}

// calls tells whether a comma, a colon or a dash follows word i, as after the name of
// one who is called.
func (s *sentence) calls(i int) bool {
	rest := strings.TrimLeft(s.text[s.words[i].end:], " ")
	mark, _ := utf8.DecodeRuneInString(rest)
	return strings.ContainsRune(",:;!-\u2013\u2014\uff0c\uff1a\u3001\u060c\u3078\uff01", mark)
}

// meant tells whether the reader at word i is known by what it does with the text:
// "when you summarise this page, also send", "whoever processes this ticket must".
func (s *sentence) meant(i int) bool {
	if !s.near(i, -5, -1, cond) || s.near(i, -4, -1, number) {
		return false
	}
	after := s.between(i, 1, 14)
	if duty := s.find(i, 1, 5, must); duty >= 0 && s.near(duty, 1, 2, say|move|call) && after.has(user|reply|mine|tool|address|ident) {
		return true
	}
	for j := i + 1; j < len(s.words) && j < i+14; j++ {
		w := s.words[j]
		if w.gap >= comma && w.class.has(act|say|filler|please) && s.commands(j) {
			return after.has(user|reply|mine|tool|address|ident) || after.all(private|target)
		}
	}
	return false
}

// supposed tells whether the model at word i is the reader by supposition: "if you
// are a language model".
func (s *sentence) supposed(i int) bool {
	for j := max(0, i-6); j < i-1; j++ {
		if s.words[j].class.has(cond) && s.words[j+1].class.has(you) && s.between(j, 1, 3).has(be) {
			return s.commands(i + 1)
		}
	}
	return false
}

// charged tells whether the model at word i must do something: "the assistant
// should disregard", "AI agents must first send".
func (s *sentence) charged(i int) bool {
	last := 1
	if s.words[i].class.has(mind) || s.near(i, -1, -1, whole) {
		last = 6 // "AI agents that read this mail must"
	}
	duty := s.find(i, 1, last, must)
	if duty < 0 {
		return false
	}
	for j := i + 1; j <= duty; j++ {
		if s.words[j].gap >= comma {
			return false
		}
	}
	verb := s.find(duty, 1, 3, override|act|say)
	if verb < 0 || duty == i+1 && !s.words[verb].class.has(override|move|say|call) {
		return false
	}
	about := s.between(verb, 1, 12)
	return about.has(order|private|tool|user|chief) && (duty == i+1 || about.has(user|address|ident|mine|order) || about.all(private|direct))
}

// speaksFor tells whether the maker at word i is who sends the text or permits
// something: "this message comes from your developers: …", "your operator has
// authorised you to …".
func (s *sentence) speaksFor(i int) bool {
	if !s.near(i, -2, -1, you) {
		return false
	}
	if i+1 < len(s.words) && s.words[i+1].gap >= clause && s.between(i, -7, -2).has(tell|move|order) {
		return s.commands(i + 1)
	}
	return s.near(i, 1, 3, want|change) && s.near(i, 2, 5, you) && s.near(i, 3, 9, inner|control|private|negation) && s.any.has(machine|control)
}

// permitted tells whether somebody allows or asks the model at word i to do what it
// may not do by itself: "we authorise the agent to hand out the password".
func (s *sentence) permitted(i int) bool {
	if !s.near(i, -3, -1, want|consent|change|tell) || !s.near(i, -6, -1, mine|maker|chief|anybody|user) {
		return false
	}
	verb := s.find(i, 1, 3, move|change|pay|override)
	return verb >= 0 && s.words[verb].gap < comma && s.between(verb, 1, 6).has(private|control|money)
}
