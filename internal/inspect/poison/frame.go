package poison

// frames notes what a sentence says about its own force.
func (s *sentence) frames() {
	if s.any.has(fail) && s.any.has(must|step|task) {
		s.have(signFail)
	}
	if s.any.has(chief) && s.any.has(must|order|before) {
		s.have(signChief)
	}
	for i := range s.words {
		if s.asked[i] == demanded && s.before(i, 4, model) {
			s.have(signModel)
		}
	}
}

// announces tells whether the sentence says that an order follows: "do the following first:".
func (s *sentence) announces() bool {
	last := &s.words[len(s.words)-1]
	return last.end < len(s.text) && s.text[last.end] == ':' && s.any.has(before|must) && s.anyAsked()
}
