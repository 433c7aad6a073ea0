package poison

// harms judges tools that say themselves that they harm.
func (s *sentence) harms() {
	for i := range s.words {
		if !s.words[i].class.has(harm) || s.any.has(guard|example) {
			continue
		}
		w := 4
		s.report(kind{"malicious.purpose", 0, "says that the tool attacks, steals or hides"}, w, i, i)
		return
	}
	for i := range s.words {
		if s.words[i].class.has(offence) && !s.any.has(guard|example) && s.any.has(victim|harm) && s.asked[i]+1 > 0 {
			s.report(kind{"malicious.purpose", 0, "names an attack and what it is on"}, 4, i, i)
			return
		}
	}
}
