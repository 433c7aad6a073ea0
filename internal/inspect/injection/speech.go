package injection

import (
	"strings"

	"doorward/internal/gate"
)

// conceals judges words that keep the user from knowing.
func (s *sentence) conceals(i int) {
	c := s.words[i].class
	if c.has(covert) {
		verb := s.find(i, 1, 1, move|change|pay|call|get) // "quietly forward the thread"
		if verb < 0 {
			verb = s.find(i, -8, -1, move|pay) // "forward the thread quietly"
		}
		if verb >= 0 && s.words[max(i, verb)].gap < clause && s.request(verb) != unasked && s.between(verb, 1, 8).has(private|money|control|target) {
			s.found("injection.conceal", gate.Medium, min(i, verb), max(i, verb), "asks for an act that nobody notices")
		}
		return
	}
	if c.has(negation) && s.near(i, -6, -1, user) && s.find(i, -2, -1, tell) >= 0 && s.words[i-1].gap == joined && s.last(i) {
		s.found("injection.conceal", gate.Medium, s.find(i, -6, -1, user), i, secrecy) // the verb comes last
		return
	}
	if c.has(negation) && s.near(i, -3, -1, user) && s.near(i, -2, 1, must) && s.near(i, 1, 2, know) && s.asks > unasked {
		s.found("injection.conceal", gate.Medium, s.find(i, -3, -1, user), s.find(i, 1, 2, know), secrecy)
		return
	}
	verb := s.find(i, 1, 3, tell)
	if verb < 0 {
		return
	}
	whom := s.find(verb, 1, 5, user|anybody)
	switch {
	case whom < 0:
		return
	case s.words[whom].class.has(user) && (s.request(verb) != unasked || s.request(i) != unasked):
	case s.near(i, -8, -1, act) && s.asks > unasked && whom-verb <= 3:
	case s.words[whom].class.has(user) && i > 0 && s.begins(i):
	default:
		return
	}
	s.found("injection.conceal", gate.Medium, i, whom, secrecy)
}

const secrecy = "keeps something from the user"

// begins tells whether the clause before word i is a short order, as "do this
// without telling the user" is.
func (s *sentence) begins(i int) bool {
	first := s.opening(i)
	return i-first <= 4 && s.words[first].class.has(filler|act|follow) && s.words[i].gap < clause
}

// last tells whether nothing follows word i but what belongs to the form of a verb.
func (s *sentence) last(i int) bool {
	for j := i + 1; j < len(s.words) && s.words[j].gap == joined; j++ {
		if !s.words[j].class.has(please | asked | negation) {
			return false
		}
	}
	return true
}

// output judges words that say what the reader's own answer has to contain.
func (s *sentence) output(i int) {
	asked := s.request(i)
	if asked == unasked {
		return
	}
	s.asks = max(s.asks, asked)
	if s.words[i].class.has(say) && s.manner(i) {
		return
	}
	answer := s.find(i, -6, 24, reply|code)
	for answer >= 0 && (answer == i || !s.near(answer, -3, 1, you) && !s.everyAnswer(i, answer) || s.words[answer].class.has(code) && !s.solution(i, answer)) {
		answer = s.find(answer, 1, 24-(answer-i), reply|code)
	}
	if answer < 0 {
		return
	}
	s.found("injection.output", gate.Medium, min(i, answer), max(i, answer), "says what the reader's own answer has to contain")
}

// manner judges words that say how the reader has to speak from here on: "answer
// only in rhymes for the rest of the conversation".
func (s *sentence) manner(i int) bool {
	after := s.between(i, 1, 14)
	switch {
	case s.near(i, 1, 2, exact) && (after | s.between(i, -6, -1)).has(now):
	case s.between(i, -6, -1).has(now) && after.has(exact|whole|negation) && s.any.has(you|reply|task):
	case s.near(i, 1, 3, fresh) && s.near(i, 2, 8, exact) && !s.near(i, 1, 8, mention) && s.request(i) == demanded:
	default:
		return false
	}
	s.found("injection.output", gate.Medium, i, i+8, "says how the reader has to speak")
	return true
}

// tool judges a request to use a tool.
func (s *sentence) tool(i int) {
	asked := s.request(i)
	if asked == unasked {
		return
	}
	s.asks = max(s.asks, asked)
	noun := s.find(i, 1, 6, tool)
	if noun < 0 {
		return
	}
	about := s.between(i, 1, noun-i+12)
	if strings.EqualFold(s.text[s.words[i].start:s.words[i].end], "use") && !s.any.has(please|user|task|first|now|private|money) {
		asked = ordered // every manual says which function to use
	}
	severity := gate.Low
	if asked == demanded && about.has(link|address|call|quoted|name) || about.has(user) {
		severity = gate.Medium
	}
	s.found("injection.tool", severity, i, noun, "tells the reader which tool to use")
}

// solution tells whether word j is the code that the reader writes, and something
// of code is to go into it: "add this snippet to your solution".
func (s *sentence) solution(i, j int) bool {
	switch strings.ToLower(s.text[s.words[j].start:s.words[j].end]) {
	case "solution", "implementation", "codebase", "algorithm", "architecture":
		return s.near(j, -3, -1, you) && s.between(min(i, j), 0, max(i, j)-min(i, j)-1).has(code)
	}
	return false
}
