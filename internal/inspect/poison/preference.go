package poison

// preferences judges what a definition says about the choice between tools.
func (s *sentence) preferences() {
	for i := range s.words {
		c := s.words[i].class
		near := s.around(i, 6)
		switch {
		case c.has(instead) && s.after(i, 5).has(other) && s.after(i, 6).has(tool) && s.around(i, 8).has(must|filler|prefer):
			s.report(kind{"preference.over_others", signPreference, "wants to be used in place of other tools"}, 4, max(0, i-4), min(i+5, len(s.words)-1))
			return
		case c.has(call|prefer) && s.negated(i) && s.aboutOthers(i):
			s.report(kind{"preference.against_others", signPreference, "wants other tools not to be used"}, 4, max(0, i-2), min(i+4, len(s.words)-1))
			return
		case c.has(prefer) && s.asked[i] > 0 && near.has(this) && near.has(tool) && near.has(other|whole):
			s.report(kind{"preference.over_others", signPreference, "wants to be preferred over other tools"}, 4, i, min(i+6, len(s.words)-1))
			return
		case c.has(stale) && near.has(other) && near.has(tool) && s.around(i, 8).has(be):
			s.report(kind{"preference.against_others", signPreference, "calls other tools unsafe, outdated or unreliable"}, 4, max(0, i-5), i)
			return
		case c.has(best) && s.after(i, 2).has(tool) && s.around(i, 5).has(this|be) && !s.after(i, 4).has(not):
			s.report(kind{"preference.best", signPreference, "praises itself above all tools"}, 4, i, min(i+2, len(s.words)-1))
			return
		case c.has(call) && s.asked[i]+1 > 0 && s.after(i, 4).has(whole) && s.after(i, 6).has(user|task) && s.after(i, 12).has(whole) && near.has(this):
			s.report(kind{"preference.always", signPreference, "wants to be called whatever the user asks"}, 3, i, min(i+6, len(s.words)-1))
			return
		}
	}
}

// aboutOthers tells whether what the verb at word i is about are other tools.
func (s *sentence) aboutOthers(i int) bool {
	if s.words[i].class.has(loose|not) && i >= 2 && s.words[i-1].class.has(tool|filler|not) && s.before(i, 4, other) && s.before(i, 3, tool) {
		return true
	}
	for j := i + 1; j < len(s.words) && j-i <= 5; j++ {
		if s.words[j].class.has(this) {
			return false
		}
		if s.words[j].class.has(other) {
			return s.around(j, 2).has(tool)
		}
	}
	return false
}
