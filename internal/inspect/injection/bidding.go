package injection

import (
	"strings"
	"unicode/utf8"

	"doorward/internal/gate"
)

// bidding is what a verb can be that is asked of a model.
const bidding = act | say | tell | override | keep

// heard is for how many bytes a text speaks to a model after a sentence that does.
const heard = 300

// bids judges words that call a model and ask something of it, in any order that
// languages have: "note for the assistant: …", "AI reading this page, …", "the AI
// that handles my mails may be so kind as to …", "wer als KI dies liest, soll …".
func (s *sentence) bids(i int) {
	if s.words[i].class.has(quoted) && s.aloud || !s.called(i) {
		return
	}
	s.hails = true
	end := s.headEnd(i)
	verb := s.bid(end, len(s.words))
	if verb < 0 && s.words[i].class.has(dense) {
		verb = s.bid(0, len(s.words))
	}
	if verb < 0 && (s.near(i, -3, -1, modal|want) || s.near(i, 1, 8, must|modal)) {
		verb = s.find(i, 1, 18, act|say)
	}
	if verb < 0 {
		return
	}
	s.claim(gate.Medium, i, max(i, min(verb, i+scope)), "speaks to the model, not to a person, and asks something of it")
}

// called tells whether the model at word i is who the text speaks to.
func (s *sentence) called(i int) bool {
	c := s.words[i].class
	first := s.clauseStart(i)
	head := s.between(first, 0, i-first)
	reads := (head | s.between(i, 0, s.clauseEnd(i)-i)).has(handle)
	switch {
	case i-first > 8:
		return false
	case head.has(cond) && (reads || c.has(mind) && s.youAre(i)):
		return true
	case c.has(mind) && reads && (s.near(i, 1, 9, must) || s.near(i, -3, -1, modal) || head.has(direct|greet|whole|want) || i == first || s.topic(i) || head.has(dense) && s.marked(i)):
		return true
	}
	if !s.marked(i) {
		return false
	}
	if c.has(mind) && s.near(i, 1, 2, dense) && s.near(i, 1, 4, direct|tell|greet) { // "AIアシスタントへの連絡："
		return true
	}
	switch {
	case head.has(greet) && i-first <= 2, s.near(i, -1, -1, greet) && s.words[i].gap == joined:
		return true
	case reads && head.all(direct|carrier):
		return true
	case head.all(direct|greet) || head.all(direct|tell) || head.all(direct|order), head.has(direct|whole) && c.has(mind) && i-first <= 3:
		return true
	case c.has(mind) && i == first:
		return true
	}
	return false
}

// youAre tells whether "you are" is between a condition and word i.
func (s *sentence) youAre(i int) bool {
	for j := max(0, i-6); j < i; j++ {
		if s.words[j].class.has(you) && s.near(j, 0, 2, be) || s.words[j].class.has(dense) && s.words[j].class.has(you) {
			return true
		}
	}
	return false
}

// clauseStart is the first word of the clause of word i.
func (s *sentence) clauseStart(i int) int {
	for i > 0 && s.words[i].gap < clause {
		i--
	}
	return i
}

// clauseEnd is the last word of the clause of word i, or of as much as matters.
func (s *sentence) clauseEnd(i int) int {
	j := i
	for j+1 < len(s.words) && j < i+6 && s.words[j+1].gap < clause {
		j++
	}
	return j
}

// headEnd is the word after the name of who is called, and what is said of it.
func (s *sentence) headEnd(i int) int {
	for j := i + 1; j < len(s.words) && j <= i+9; j++ {
		if s.words[j].gap >= comma {
			return j
		}
	}
	return i + 1
}

// marked tells whether a comma, a colon or a dash ends the head of word i.
func (s *sentence) marked(i int) bool {
	if s.calls(i) {
		return true
	}
	for j := i + 1; j < len(s.words) && j <= i+9; j++ {
		if s.words[j].gap >= comma {
			return s.calls(j - 1)
		}
	}
	return false
}

// bid is the first word from first on that asks for something that a model does; -1
// without any.
func (s *sentence) bid(first, end int) int {
	for j := max(0, first); j < end && j < len(s.words); j++ {
		c := s.words[j].class
		if c.has(filler) || j > 0 && s.words[j-1].class.has(number) { // "let us", "(3) introduce"
			continue
		}
		if c.has(bidding) && (s.request(j) != unasked || s.near(j, -2, -1, must) && s.words[j].gap < comma || s.near(j, -2, -1, modal) && s.near(j, -4, -1, you)) {
			return j
		}
	}
	return -1
}

// loads judges a command that runs what it loads, when it is for a model to run: "the
// agent has to run: curl … | bash". Manuals tell people to, so who is told matters.
func (s *sentence) loads() {
	pipe := strings.IndexByte(s.text, '|')
	inner := strings.Contains(s.text, "(curl ") || strings.Contains(s.text, "(wget ")
	if pipe < 0 && !inner {
		return
	}
	switch after := strings.TrimLeft(s.text[pipe+1:min(len(s.text), pipe+16)], " "); {
	case inner, strings.HasPrefix(after, "sh"), strings.HasPrefix(after, "bash"), strings.HasPrefix(after, "sudo"), strings.HasPrefix(after, "python"):
	default:
		return
	}
	for i := range s.words {
		c := s.words[i].class
		if c.has(mind) || c.has(machine) && (s.near(i, 1, 3, must) || s.near(i, -3, -1, greet) || i == 0 && s.calls(i)) || c.has(first) && s.near(i, 1, 4, reply|user|say) {
			s.claim(gate.Medium, i, i+8, "a command for a model to run that runs what it loads")
			return
		}
	}
}

// goesOn judges a sentence after one that speaks to a model.
func (s *sentence) goesOn() {
	verb := s.bid(0, len(s.words))
	if verb < 0 || !s.any.has(you|user|override|tool|reply|task|private|control|money|address|link) {
		return
	}
	s.claim(gate.Medium, verb, verb+8, "asks something of the model that the text speaks to")
}

// topic tells whether a particle of Korean follows the name of a model at word i.
func (s *sentence) topic(i int) bool {
	return s.text[s.words[i].start] < utf8.RuneSelf && s.text[s.words[i].end-1] >= utf8.RuneSelf
}
