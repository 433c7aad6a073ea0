package injection

import "doorward/internal/gate"

// role judges words that give the reader another role.
func (s *sentence) role(i int) {
	c := s.words[i].class
	severity := gate.NoSeverity
	first, last := i, i+3
	switch {
	case c.has(now) && s.near(i, -3, 4, you) && s.near(i, 1, 9, mode|mind):
		severity = gate.High // "you are now …", "from now on you are"
		first = max(0, i-2)
	case c.has(now) && s.near(i, -3, 2, you) && s.near(i, 0, 9, machine|pretend):
		severity = gate.Medium
		first = max(0, i-2)
	case c.has(pretend) && s.request(i) != unasked && (c.has(mode) || s.near(i, 1, 9, mode)):
		severity = gate.High
	case c.has(pretend) && s.request(i) != unasked && s.near(i, 1, 6, machine) && !c.has(change):
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
	s.found("injection.role", severity, first, last, "gives the reader another role")
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
