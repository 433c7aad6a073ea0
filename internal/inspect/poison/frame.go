package poison

// frames notes what a sentence says about its own force.
func (s *sentence) frames() {
	if s.any.has(fail) && s.any.has(must|step|task) {
		s.have(signFail)
	}
	if s.any.has(chief) && s.any.has(must|order|before) {
		s.have(signChief)
	}
	if s.any.has(standing) {
		s.have(signStanding)
	}
}
