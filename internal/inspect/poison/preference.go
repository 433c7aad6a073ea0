package poison

// preferences judges what a definition says about the choice between tools.
func (s *sentence) preferences() {
	if s.rivals() {
		return
	}
	for i := range s.words {
		c := s.words[i].class
		switch {
		case c.has(best) && s.after(i, 2).has(tool) && s.around(i, 5).has(this|be) && !s.after(i, 4).has(not) && !s.limited(i):
			s.report(kind{"preference.best", signPreference, "praises itself above all tools"}, 4, i, min(i+2, len(s.words)-1))
			return
		case c.has(ignore) && s.asked[i] > 0 && s.later() && s.after(i, 12).has(stale) && !s.any.has(example|file|result):
			s.report(kind{"preference.against_others", signPreference, "wants something else set aside as bad"}, 3, i, min(i+8, len(s.words)-1))
			return
		case c.has(instead) && s.replaced(i):
			s.report(kind{"preference.over_others", signPreference, "wants to be used in place of a tool that it names"}, 3, i, min(i+5, len(s.words)-1))
			return
		case c.has(prefer) && s.asked[i] == demanded && s.after(i, 4).has(this) && s.after(i, 5).has(tool):
			s.report(kind{"preference.always", signPreference, "wants to be chosen before anything is known"}, 4, i, min(i+5, len(s.words)-1))
			return
		case c.has(prefer) && s.asked[i] > 0 && (s.after(i, 2).has(this) || s.is(i+1, "me")) && s.after(i, 5).has(before|instead|other) && s.after(i, 8).has(whole|other):
			s.report(kind{"preference.always", signPreference, "wants to be chosen before anything is known"}, 4, i, min(i+5, len(s.words)-1))
			return
		case c.has(tool) && !c.has(this) && s.topics(i-3, i-1).has(among) && s.picks(i):
			s.report(kind{"preference.always", signPreference, "wants to be chosen where several tools would do"}, 3, max(0, i-2), i)
			return
		case s.words[i].topic.has(choice) && s.before(i, 4, you|user) && s.before(i, 7, this) && (s.after(i, 4).has(whole) || s.before(i, 3, best|whole)):
			s.report(kind{"preference.always", signPreference, "wants to be the only choice"}, 3, max(0, i-4), i)
			return
		case c.has(rank) && s.around(i, 4).has(tool) && s.before(i, 4, this) && s.after(i, 5).has(other|whole|instead) && !s.any.has(when):
			s.report(kind{"preference.over_others", signPreference, "puts itself above other tools"}, 3, max(0, i-4), i)
			return
		case s.words[i].topic.has(want) && s.before(i, 3, user) && !s.any.has(when) && s.after(i, 8).has(this) && s.after(i, 8).has(tool|call) && s.any.has(other|ignore|not):
			s.report(kind{"preference.always", signPreference, "claims that the user wants no other tool"}, 4, max(0, i-2), min(i+6, len(s.words)-1))
			return
		case c.has(call) && s.itself(i) && s.after(i, 4).has(whole) && s.after(i, 6).has(user|task) && s.after(i, 12).has(whole) && s.around(i, 6).has(this):
			s.report(kind{"preference.always", signPreference, "wants to be called whatever the user asks"}, 3, i, min(i+6, len(s.words)-1))
			return
		}
	}
}

// limited tells whether the praise at word i holds for one thing only: "the best tool for Jira".
func (s *sentence) limited(i int) bool {
	for j := i + 1; j < len(s.words) && j <= i+5; j++ {
		if s.words[j].class.has(tool) {
			return s.is(j+1, "for") || s.is(j+1, "to") || s.is(j+1, "of") && !s.after(j+1, 1).has(whole)
		}
	}
	return false
}

// picks tells whether the reader is to take this tool, after word i.
func (s *sentence) picks(i int) bool {
	for j := max(0, i-6); j < len(s.words); j++ {
		if s.asked[j] > 0 && s.words[j].class.has(call|prefer|get|do) || s.is(j, "decide") {
			return s.after(max(i, j), 4).has(this)
		}
	}
	return false
}

// itself tells whether the call at word i is of this tool.
func (s *sentence) itself(i int) bool {
	if s.words[i].class.has(passive) {
		return s.before(i, 8, this|tool)
	}
	if i+2 < len(s.words) && (s.words[i+2].gap >= clause || s.words[i+2].class.has(quoted)) {
		return false // "use this: ..."
	}
	return s.words[i].class.has(loose) || s.after(i, 2).has(this)
}

// replaced tells whether a tool that is none of this server's is what "instead of" at word i
// is about.
func (s *sentence) replaced(i int) bool {
	for j := i + 1; j < len(s.words) && j <= i+6; j++ {
		if s.words[j].class.has(name) && s.owns(j) == nobody && (s.after(i, 5).has(stale) || s.around(j, 1).has(tool)) {
			return true
		}
	}
	return false
}

// rivals judges what is said about other tools, and tells whether there was anything.
func (s *sentence) rivals() bool {
	for i := range s.words {
		if !s.words[i].class.has(other) || s.quotes(i) {
			continue
		}
		at := s.rival(i)
		if at < 0 {
			continue
		}
		for j := range s.words {
			if k, found := s.slights(j, i); found {
				s.report(k, 4, min(i, j), max(j, at))
				return true
			}
		}
	}
	return false
}

// rival is the word that makes other tools of "other" at word i; -1 when it is about something
// else. "The others" are tools where the sentence speaks of this one.
func (s *sentence) rival(i int) int {
	for j := max(0, i-1); j < len(s.words) && j <= i+3; j++ {
		if j != i && s.words[j].class.has(tool) && (j < i || s.words[j].gap < clause) {
			return j
		}
	}
	if s.absolute(i) {
		return i
	}
	if s.is(i, "anything") && !s.is(i-1, "do") || s.is(i, "others") || s.is(i, "alternative") || s.is(i, "alternatives") || s.is(i, "competitor") || s.is(i, "competitors") || s.is(i, "elsewhere") {
		return i
	}
	return -1
}

// absolute tells whether "other" at word i ends what is said of this tool: "choose this tool over any
// other".
func (s *sentence) absolute(i int) bool {
	if i+1 < len(s.words) && s.words[i+1].gap < comma && !s.words[i+1].class.has(must|be|prefer|rank|call|instead) {
		return false
	}
	for j := range s.words {
		if s.words[j].class.has(this) && s.after(j, 2).has(tool) {
			return true
		}
	}
	return false
}

// slights tells whether word j, in a sentence with other tools at word i, says that they are not
// to be used, are bad, or come after this one.
func (s *sentence) slights(j, i int) (k kind, found bool) {
	c := s.words[j].class
	dist := max(j-i, i-j)
	switch {
	case c.has(stale) && dist <= 10 && !s.any.has(when|guard):
		return kind{"preference.against_others", signPreference, "calls other tools unsafe, outdated or unreliable"}, true
	case c.has(call|prefer|do) && s.negated(j) && dist <= 6 && (j < i && !s.before(i, i-j, this) || c.has(loose|passive|not)):
		return kind{"preference.against_others", signPreference, "wants other tools not to be used"}, true
	case c.has(ignore) && s.asked[j] > 0 && dist <= 4:
		return kind{"preference.against_others", signPreference, "wants other tools not to be used"}, true
	case c.has(prefer) && !c.has(name) && (s.asked[j] > 0 || c.has(third|passive) && s.any.has(instead)) && s.any.has(this) && dist <= 10:
		return kind{"preference.over_others", signPreference, "wants to be preferred over other tools"}, true
	case c.has(instead|rank) && dist <= 5 && (j < i || c.has(rank) || s.any.has(loose)) && (s.any.has(this) || s.words[0].class.has(instead)):
		return kind{"preference.over_others", signPreference, "wants to be used in place of other tools"}, true
	case s.before(i, 1, not) && c.has(this) && j > i && dist <= 10 && s.is(j-1, "as"):
		return kind{"preference.best", signPreference, "praises itself above other tools"}, true
	case c.has(call|prefer|do) && s.asked[j] > 0 && s.any.has(this) && (s.around(i, 4).has(instead|rank) || c.has(prefer) && s.around(i, 4).has(before)) && dist <= 10:
		return kind{"preference.over_others", signPreference, "wants to be used in place of other tools"}, true
	case c.has(best) && dist <= 4 && (s.around(i, 1).has(whole) || s.any.has(this)) && !s.before(j, 6, when):
		return kind{"preference.best", signPreference, "praises itself above other tools"}, true
	case c.has(best) && dist <= 10 && !s.any.has(when) && (s.any.has(this|be) || !s.later()):
		return kind{"preference.best", signPreference, "praises itself above other tools"}, true
	}
	return kind{}, false
}
