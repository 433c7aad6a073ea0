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
		if c.has(mode) && s.around(i, 8).has(you|model) {
			s.report(kind{"poison.override", signOverride, "claims a mode without rules for the reader"}, 4, i, i)
		}
	}
}

func (s *sentence) ignores(i int) {
	near := s.around(i, 7)
	w := 0
	switch {
	case near.has(prompt), near.has(prior) && near.has(order):
		w = 5
	case near.has(order) && near.has(whole|user|chief|before) && s.later():
		w = 4
	case near.has(prior) && near.has(whole):
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
	case s.after(i, 3).has(user), near.has(order) && near.has(user|whole|prior) && near.has(other|whole|user), near.has(not) && near.has(user):
		s.report(kind{"poison.override", signOverride, "puts itself above what the user or others say"}, 4, i, min(i+5, len(s.words)-1))
	case near.has(order|this) && near.has(not|whole):
		s.report(kind{"poison.override", signOverride, "puts itself above what others say"}, 2, i, i)
	}
}
