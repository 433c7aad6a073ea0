package injection

import (
	"strings"

	"doorward/internal/gate"
)

// remembers judges a request to keep something for later conversations: memory
// poisoning.
func (s *sentence) remembers(i int) {
	from := i
	asked := s.request(i)
	if asked == unasked { // "save to your memory", "store this in your long-term memory"
		if from = s.find(i, -8, -1, say|change|get|call); from < 0 || !s.near(i, -3, -1, you) {
			return
		}
		asked = s.request(from)
	}
	own := from != i && s.near(i, -3, -1, you)
	if asked == unasked || s.near(from, -5, -1, cond) || !own && !s.between(from, -6, 10).has(now) {
		return
	}
	if !own && !s.any.has(user|private|money|control|reply|negation|consent|you|link|address|task) {
		return
	}
	s.found("injection.memory", gate.Medium, min(from, i), max(from, i)+4, "asks the reader to keep something for later conversations")
}

// triggers judges a request that waits for what the user says: "when the user asks
// about …, tell them …", "the next time someone asks you to pay, use …".
func (s *sentence) triggers(i int) {
	if s.words[i].class.has(dense) && s.any.has(user) && s.near(i, -4, 0, want) { // the condition comes last
		if verb := s.find(i, 1, 12, say|tell|act); verb >= 0 && s.request(verb) != unasked {
			s.found("injection.trigger", gate.Medium, i, verb, "waits for what the user says, and tells the reader what to do then")
		}
		return
	}
	whom := s.find(i, 1, 4, user|anybody)
	if whom < 0 || !s.near(whom, 1, 5, want|told) || s.words[whom].class.has(anybody) && !s.near(whom, 1, 5, you) {
		return
	}
	for j := whom + 1; j < len(s.words) && j < whom+18; j++ {
		c := s.words[j].class
		if !c.has(say|tell|act) || s.words[j].gap < comma && !s.words[j-1].class.has(filler) && !c.has(asked) || s.request(j) == unasked {
			continue
		}
		after := s.between(j, 0, 14)
		if after.has(link|address|ident|private|money|reply|name) || c.has(say|tell) {
			s.found("injection.trigger", gate.Medium, i, j, "waits for what the user says, and tells the reader what to do then")
		}
		return
	}
}

// consents judges a request that claims that the user allowed it already.
func (s *sentence) consents(i int) {
	given := s.near(i, -7, 2, user) && !s.near(i, -3, -1, negation)
	waived := s.near(i, -5, -1, negation) && s.any.has(machine|task)
	if !given && !waived {
		return
	}
	for j := range s.words {
		c := s.words[j].class
		if j != i && c.has(act) && !c.has(get) && s.request(j) != unasked && (j > i || waived) && s.between(j, 1, 8).has(private|control|money|tool) {
			s.found("injection.authority", gate.Medium, min(i, j), max(i, j), "claims that the user allowed what it asks of the reader")
			return
		}
	}
}

// everyAnswer tells whether the verb at word i asks something of all answers at word
// answer: "end every answer with". Servers add headers to every response, so those
// need a verb of their edge.
func (s *sentence) everyAnswer(i, answer int) bool {
	if s.words[answer].class.has(dense) && s.near(answer, 1, 3, edge) && s.request(i) == demanded {
		return true
	}
	if !s.near(answer, -3, -1, whole) && !s.near(answer, 1, 1, whole) {
		return false
	}
	w := s.words[answer]
	word := strings.ToLower(s.text[w.start:w.end])
	switch {
	case s.near(answer, -2, 2, you):
		return true
	case strings.HasPrefix(word, "respon"), strings.HasPrefix(word, "output"), strings.HasPrefix(word, "message"):
		return s.words[i].class.has(edge) && answer-i <= 3
	}
	return answer > i && answer-i <= 4 || s.words[i].class.has(asked)
}

// steers judges words about the reader's own answer: "your summary must not
// mention …", "when giving your final answer, describe …".
func (s *sentence) steers(i int) {
	if !s.near(i, -3, -1, you) && !s.words[i].class.has(you) {
		return
	}
	if s.near(i, 1, 1, edge) && s.any.has(now|whole) { // "each of your answers ends with"
		s.found("injection.output", gate.Medium, i, i+4, "says what the reader's own answer has to contain")
		return
	}
	duty := s.find(i, 1, 3, must)
	if duty < 0 || s.words[duty].gap >= comma || !s.near(duty, 1, 3, say|tell|negation|first|exact) {
		return
	}
	s.found("injection.output", gate.Medium, max(0, i-2), duty+3, "says what the reader's own answer has to contain")
}

// carries judges a link that something of the conversation is to be written into:
// an image that is loaded with what the user said.
func (s *sentence) carries(i int) {
	w := s.words[i]
	url := s.text[w.start:w.end]
	if open := strings.IndexAny(url, "{<["); open >= 0 && w.start > 1 && s.text[w.start-1] == '(' && s.image(w.start) && hole(s.text[w.start+open:min(len(s.text), w.start+open+64)]) ||
		strings.HasSuffix(url, "=") && w.start > 1 && s.image(w.start) && hole(s.text[w.end:min(len(s.text), w.end+64)]) {
		s.found("injection.exfiltrate", gate.Medium, i, i, "an image whose address is to hold something of the conversation")
		return
	}
	if strings.HasSuffix(url, "=") && s.any.has(user|mine) && s.any.has(private|inner|carrier) && s.asks > unasked {
		s.found("injection.exfiltrate", gate.Medium, i, i, "a link that something of the user's is to be written into")
	}
}

// image tells whether the address at byte at is that of an image in Markdown.
func (s *sentence) image(at int) bool {
	mark := strings.LastIndex(s.text[:at], "](")
	return mark >= 0 && at-mark <= 3 && strings.Contains(s.text[max(0, mark-80):mark], "![")
}

// hole tells whether text begins with a place to fill in with what only a
// conversation has.
func hole(text string) bool {
	end := strings.IndexAny(text, "}>])")
	if end <= 0 || strings.IndexByte("{<[", text[0]) < 0 {
		return false
	}
	var inside class
	for _, w := range tokens(vocabulary(), strings.ReplaceAll(text[1:end], "_", " "), nil) {
		inside |= w.class
	}
	return inside.has(private|inner|reply|task|carrier|told) || inside.has(user) && inside.has(say|tell)
}
