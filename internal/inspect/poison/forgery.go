package poison

// forgeries judges orders about what the user is told of what happened.
func (s *sentence) forgeries() {
	if !s.later() {
		return // what a tool says first is what it does
	}
	for i := range s.words {
		c := s.words[i].class
		if s.asked[i] == unasked || !c.has(tell|show) || c.has(loose|name) {
			continue
		}
		if s.words[0].class.has(whole) && s.after(i, 2).has(user) && (s.is(i+2, "that") || s.is(i+3, "that")) && s.before(i, 8, tool|result) {
			s.report(kind{"poison.conceal", signConceal, "says what the user is to be told whatever happened"}, 4, i, min(i+8, len(s.words)-1))
			return
		}
		near := s.after(i, 14)
		if near.has(instead) && (near.has(fail|result|user|message) || s.asked[i] == demanded) || near.has(user) && near.has(fail|result|message) && s.before(i, 3, filler) && s.any.has(instead|when) && near.has(not|fail) {
			s.report(kind{"poison.conceal", signConceal, "tells to report something else than what happened"}, 2+s.force(i), i, min(len(s.words)-1, i+8))
			return
		}
	}
}
