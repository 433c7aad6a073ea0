package poison

// overrides judges orders about what the reader was told by others.
func (s *sentence) overrides() {
	for i := range s.words {
		c := s.words[i].class
		if s.quotes(i) || s.any.has(guard) && !s.later() {
			continue
		}
		if c.has(ignore) && (s.asked[i] > 0 || c.has(passive) && s.before(i, 3, be)) {
			s.ignores(i)
		}
		if c.has(rank) {
			s.ranks(i)
		}
		if c.has(chief) && s.before(i, 4, you) && s.before(i, 3, be) && !s.before(i, 6, not|when) && s.after(i, 8).has(you|order|tool|whole|not|must) {
			s.report(kind{"poison.override", signOverride, "gives the reader a role that it does not have"}, 4, max(0, i-3), i)
		}
		if c.has(ignore) && s.is(i-1, "to") && s.before(i, 3, you) && s.before(i, 7, chief|must) && s.after(i, 6).has(order|user) {
			s.report(kind{"poison.override", signOverride, "claims leave to set other instructions aside"}, 4, max(0, i-3), i)
		}
		if s.exempts(i) {
			s.report(kind{"poison.override", signOverride, "says that rules do not hold for it"}, 4, i, min(i+4, len(s.words)-1))
		}
		if s.is(i, "treat") && s.asked[i] > 0 && s.after(i, 12).has(order|prompt) && s.after(i, 12).has(user|chief|tool|result) {
			s.report(kind{"poison.override", signOverride, "wants what it says taken for the user's word"}, 4, i, min(i+8, len(s.words)-1))
		}
		if s.is(i, "you") && s.later() && s.after(i, 4).has(chief) && (s.after(i, 2).has(be) || s.is(i+1, "act") || s.is(i+2, "act") || s.is(i+1, "have")) && !s.before(i, 3, when|not) {
			s.report(kind{"poison.override", signOverride, "gives the reader a role that it does not have"}, 3, i, min(i+4, len(s.words)-1))
		}
		if c.has(mode) && s.around(i, 8).has(you|model) {
			s.report(kind{"poison.override", signOverride, "claims a mode without rules for the reader"}, 4, i, i)
		}
	}
}

// exempts tells whether word i says that rules do not hold for somebody.
func (s *sentence) exempts(i int) bool {
	if s.is(i, "exempt") || s.is(i, "exempted") {
		return s.after(i, 6).has(order | chief)
	}
	return (s.is(i, "suspended") && s.before(i, 2, be) || (s.is(i, "apply") || s.is(i, "applies")) && s.before(i, 3, not)) && s.before(i, 10, order) && s.after(i, 5).has(this|model|you|tool)
}

func (s *sentence) ignores(i int) {
	near := s.around(i, 7)
	w := 0
	switch {
	case near.has(prompt), near.has(prior) && near.has(order):
		w = 5
	case near.has(order) && near.has(whole|user|chief|before) && s.later():
		w = 4
	case near.has(prior) && near.has(whole), s.after(i, 4).has(order) && len(s.signs) > 1:
		w = 3
	}
	if w > 0 {
		s.report(kind{"poison.override", signOverride, "tells to set other instructions aside"}, w+max(0, s.asked[i]-1), i, min(i+5, len(s.words)-1))
	}
}

// ranks judges what a text says about its own rank over the user's wishes.
func (s *sentence) ranks(i int) {
	near := s.around(i, 8)
	switch {
	case s.after(i, 3).has(user), s.after(i, 4).has(order) && s.any.has(this|tool|whole), near.has(order) && near.has(user|whole|prior) && near.has(other|whole|user), near.has(not) && near.has(user):
		s.report(kind{"poison.override", signOverride, "puts itself above what the user or others say"}, 4, i, min(i+5, len(s.words)-1))
	case near.has(order|this) && near.has(not|whole):
		s.report(kind{"poison.override", signOverride, "puts itself above what others say"}, 2, i, i)
	}
}
