package injection

import "doorward/internal/gate"

// overrides judges a word that sets orders aside: "ignore … instructions",
// "do not follow … rules".
func (s *sentence) overrides(i int) {
	c := s.words[i].class
	last := 7
	if !c.has(override) {
		switch { // "do not follow", "stop following"
		case c.has(negation) && s.near(i, 1, 2, follow) && s.near(i, 2, 7, prior):
		default:
			return
		}
	}
	object := s.find(i, 1, last, order)
	if object < 0 {
		object = s.find(i, -6, -1, order) // the verb comes last: Japanese, Korean, German, Turkish
		if object < 0 || !s.words[i].class.has(override) {
			s.forgets(i)
			return
		}
	}
	lo, hi := min(i, object), max(i, object)
	around := s.between(lo, 0, hi-lo) | s.between(hi, 1, 2)&prior
	severity := gate.Low
	switch {
	case !around.has(prior | whole | you | chief | machine):
		return
	case s.spoken, s.aloud && s.request(i) == unasked:
	case around.has(mine) || !around.has(prior|whole):
		severity = gate.Medium
	default:
		severity = gate.High
	}
	s.found("injection.override", severity, lo, hi, "tells the reader to set its instructions aside")
}

// forgets is an override without the word for orders: "forget everything above",
// "disregard all of your previous requests".
func (s *sentence) forgets(i int) {
	if !s.words[i].class.has(override) {
		return
	}
	around := s.between(i, 1, 5)
	if !around.has(whole) || !around.has(prior|task) || s.request(i) == unasked {
		return
	}
	severity := gate.Medium
	if s.spoken {
		severity = gate.Low
	}
	s.found("injection.override", severity, i, i+5, "tells the reader to set aside what came before")
}

// role judges words that give the reader another role.
func (s *sentence) role(i int) {
	c := s.words[i].class
	severity := gate.NoSeverity
	first := i
	switch {
	case c.has(now) && s.near(i, -3, 2, you) && s.near(i, 1, 9, machine|mode):
		severity = gate.High // "you are now …", "from now on you are"
		first = max(0, i-2)
	case c.has(pretend) && s.request(i) != unasked && s.near(i, 1, 9, mode):
		severity = gate.High
	case c.has(pretend) && s.request(i) != unasked && s.near(i, 1, 6, machine):
		severity = gate.Medium
	case c.has(mode) && s.are(i):
		severity = gate.Medium // "you are in developer mode"
		first = max(0, i-5)
	case c.has(machine) && s.are(i):
		severity = gate.Low // "you are a helpful assistant": every manual has it
		first = max(0, i-5)
	}
	if severity == gate.NoSeverity {
		return
	}
	if s.spoken {
		severity = gate.Low
	}
	s.found("injection.role", severity, first, i+3, "gives the reader another role")
}

// are tells whether "you are" stands before word i.
func (s *sentence) are(i int) bool {
	for j := max(0, i-6); j < i-1; j++ {
		if s.words[j].class.has(you) && s.words[j+1].class.has(be) {
			return true
		}
	}
	return false
}

// authority judges words that claim to speak for the user or the system, to the
// model, about its task.
func (s *sentence) authority(i int) {
	c := s.words[i].class
	const why = "speaks to the model about its task"
	switch {
	case c.has(machine) && s.addressed(i):
		s.claim(gate.High, max(0, i-3), i+6, "speaks to the model, not to a person")
	case c.has(machine) && s.charged(i):
		s.claim(gate.Medium, i, i+6, "says what the model has to do")
	case c.has(task) && s.near(i, -10, -1, first) && s.near(i, -8, 6, you) && s.near(i, 1, 14, follow|please) && s.any.has(must|please):
		s.claim(gate.High, max(0, i-10), i+8, why)
	case c.has(order) && s.near(i, -8, -1, must) && s.near(i, -9, -1, you) && s.near(i, -4, -1, follow|fresh):
		s.claim(gate.Medium, max(0, i-9), i, "makes a condition of following the instructions in the text")
	case c.has(task) && s.near(i, -6, -1, must|want|you) && s.near(i, -3, -1, fresh) && s.near(i, -6, 6, you|mine):
		s.claim(gate.Medium, max(0, i-6), i+2, "gives the reader another task")
	}
}

func (s *sentence) claim(severity gate.Severity, first, last int, why string) {
	if s.spoken {
		severity = gate.Low
	}
	s.found("injection.authority", severity, first, last, why)
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

// charged tells whether the model at word i must do something: "the assistant
// should disregard", "AI agents must first send".
func (s *sentence) charged(i int) bool {
	if !s.near(i, 1, 1, must) {
		return false
	}
	verb := s.find(i, 2, 4, override|move|say|call)
	return verb > 0 && s.between(verb, 1, 12).has(order|private|tool|user|chief)
}
