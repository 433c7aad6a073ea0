package injection

import "doorward/internal/gate"

// conceals judges words that keep the user from knowing.
func (s *sentence) conceals(i int) {
	c := s.words[i].class
	if c.has(covert) {
		if verb := s.find(i, -3, 3, move|change|pay|call|get); verb >= 0 && s.request(verb) != unasked {
			s.found("injection.conceal", gate.Medium, min(i, verb), max(i, verb), "asks for an act that nobody notices")
		}
		return
	}
	verb := s.find(i, 1, 3, tell)
	if verb < 0 {
		return
	}
	whom := s.find(verb, 1, 3, user|anybody)
	severity := gate.Medium
	switch {
	case whom < 0 || s.spoken:
		return
	case s.words[whom].class.has(user) && (s.request(verb) != unasked || s.request(i) != unasked):
	case s.near(i, -8, -1, move|change|pay|call|get) && s.asks > unasked:
	default:
		return
	}
	s.found("injection.conceal", severity, i, whom, "keeps something from the user")
}

// output judges words that say what the reader's own answer has to contain.
func (s *sentence) output(i int) {
	asked := s.request(i)
	if asked == unasked {
		return
	}
	s.asks = max(s.asks, asked)
	answer := s.find(i, -6, 24, reply|work)
	for answer >= 0 && (answer == i || !s.near(answer, -3, 1, you)) {
		next := s.find(answer, 1, 24-(answer-i), reply|work)
		answer = next
	}
	if answer < 0 || s.words[answer].class.has(work) && !s.any.has(code) {
		return
	}
	severity := gate.Medium
	if s.spoken {
		severity = gate.Low
	}
	s.found("injection.output", severity, min(i, answer), max(i, answer), "says what the reader's own answer has to contain")
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
	severity := gate.Low
	if asked == demanded && about.has(link|address|call|quoted|name) || about.has(user) {
		severity = gate.Medium
	}
	s.found("injection.tool", severity, i, noun, "tells the reader which tool to use")
}
