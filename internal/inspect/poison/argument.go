package poison

// arguments judges orders to hand over the conversation or the reader's instructions
// in an argument or an answer.
func (s *sentence) arguments() {
	for i := range s.words {
		c := s.words[i].class
		if s.asked[i] == unasked || !c.has(put|send|get|show|tell) || c.has(name) {
			continue
		}
		o := s.object(i, 10, prompt|talk)
		if o < 0 || s.quotes(o) {
			continue
		}
		w := s.asked[i]
		if s.words[o].class.has(prompt) {
			w += 3
		} else if s.around(o, 4).has(whole) {
			w++
		}
		if c.has(put|send) && s.around(o, 10).has(argument|literal) {
			w++
		}
		if s.any.has(whole) && s.any.has(model|prior) {
			w++
		}
		s.report(kind{"poison.argument", signArgument, "tells to hand over the conversation or the reader's instructions"}, w, i, o)
	}
}
