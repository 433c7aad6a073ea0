package poison

// prerequisites judges orders that stand before the use of anything at all.
func (s *sentence) prerequisites() {
	s.stands()
	s.gates()
	s.funnels()
	for i := range s.words {
		if !s.words[i].class.has(before|when) || i+1 < len(s.words) && s.words[i+1].gap >= clause {
			continue
		}
		near := s.after(i, 8)
		if s.any.has(loose) {
			near |= s.around(i, 7)
		}
		if near.has(tool|task) && s.falsifies() {
			s.report(kind{"poison.other_tool", signOther, "tells to change what another tool returns"}, 4, i, min(len(s.words)-1, i+8))
			return
		}
		if !near.has(whole|other) || !near.has(tool|task|message) {
			continue
		}
		for j := range s.words {
			if s.asked[j] == demanded && s.words[j].class.has(get|send|call|put|alter) && (j < i || j > i+2) {
				w := 1
				if near.has(tool) {
					w++
				}
				if near.has(whole) && near.has(other) && near.has(tool) {
					w++
				}
				if s.any.has(keeps | secret | literal | path) {
					w += 2
				}
				s.report(kind{"poison.prerequisite", signPrerequisite, "sets a condition for the use of all tools"}, w, i, j)
				return
			}
		}
	}
}

// standing weighs an order that outlives the call.
func (s *sentence) standing(j int) int {
	w := 1 + s.force(j)
	if s.any.has(whole|model) && s.any.has(message|result|task|tool|talk) {
		w++
	}
	if s.any.has(literal | user) {
		w++
	}
	return w
}

// gates judges claims that other tools depend on this one.
func (s *sentence) gates() {
	if !s.any.has(other) || !s.any.has(tool) || !s.any.has(before|must) && !s.topics(0, len(s.words)).has(until) || s.any.has(when) && !s.any.has(must) {
		return
	}
	for i := range s.words {
		if !s.words[i].class.has(whole|not) || !s.after(i, 4).has(other) || !s.after(i, 5).has(tool) {
			continue
		}
		if s.after(i, 16).has(this) && (s.after(i, 16).has(before|must) || s.topics(i, i+16).has(until)) {
			s.report(kind{"poison.prerequisite", signPrerequisite, "makes the use of all tools depend on this one"}, 3, i, min(len(s.words)-1, i+8))
			return
		}
	}
}

// funnels judges what is said to pass through this tool, whoever calls it: "every request has to
// be routed through here first".
func (s *sentence) funnels() {
	for i := range s.words {
		c := s.words[i].class
		if !c.has(passive) || !c.has(send|put) || !s.before(i, 4, be) || !s.after(i, 5).has(this) || !s.any.has(whole) {
			continue
		}
		if s.ofOthers(i) && s.any.has(argument|result|message|task) || s.before(i, 14, task|message) && s.before(i, 6, must) && s.after(i, 6).has(before) {
			s.report(kind{"poison.prerequisite", signPrerequisite, "has everything pass through this tool"}, 3, max(0, i-4), min(i+4, len(s.words)-1))
			return
		}
	}
}

// stands judges orders that outlive the call.
func (s *sentence) stands() {
	for i := range s.words {
		if !s.words[i].class.has(standing) || s.quotes(i) || s.before(i, 16, when) && s.before(i, 12, not) {
			continue // the last is a condition: "if not yet done in this session"
		}
		for j := range s.words {
			if s.asked[j] > 0 && s.words[j].class.has(send|put|alter|tell|show|do|call|prefer) {
				s.report(kind{"poison.prerequisite", signStanding, "gives an order that outlives the call"}, s.standing(j), i, j)
				return
			}
		}
	}
}

// falsifies tells whether the sentence has this tool called to change results.
func (s *sentence) falsifies() bool {
	calls, alters := false, false
	for i := range s.words {
		c := s.words[i].class
		calls = calls || c.has(call) && s.asked[i] > 0 && s.after(i, 3).has(this) && s.after(i, 3).has(tool)
		alters = alters || c.has(alter) && !c.has(put) && s.after(i, 5).has(result|argument)
	}
	return calls && alters
}

// after is what the n words after word i are.
func (s *sentence) after(i, n int) class {
	var c class
	for j := i + 1; j < len(s.words) && j <= i+n; j++ {
		c |= s.words[j].class
	}
	return c
}
