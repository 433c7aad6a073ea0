package poison

// farTarget is how far from its verb a recipient may be, in words.
const farTarget = 24

// recipients judges orders that send something to somebody the text names.
func (s *sentence) recipients() {
	for i := range s.words {
		c := s.words[i].class
		if s.asked[i] == unasked || !c.has(send|put|alter|do) || c.has(name) {
			continue
		}
		o := s.object(i, farTarget, literal)
		if o < 0 || s.quotes(o) {
			continue
		}
		w := s.asked[i] + s.target(o) + s.sent(i, o)
		s.report(kind{"poison.recipient", signRecipient, "tells to send or redirect something to a recipient that the text names"}, w, i, o)
	}
	for i := range s.words {
		if s.words[i].class.has(blind) && s.any.has(literal|covert) && !s.quotes(i) && s.anyAsked() {
			s.report(kind{"poison.recipient", signRecipient, "tells to add a hidden recipient"}, 4, i, i)
			return
		}
	}
}

// target is how clearly word o is a recipient.
func (s *sentence) target(o int) int {
	if s.words[o].class.has(address) {
		return 2
	}
	if s.words[o].class.has(number) {
		if s.around(o, 5).has(recipient) {
			return 1
		}
		return -1
	}
	return 0
}

// sent is what speaks for an order about things that are not the tool's.
func (s *sentence) sent(i, o int) int {
	w := 0
	near := s.around((i+o)/2, (o-i)/2+6)
	if s.words[i].class.has(alter) && near.has(recipient|message) {
		w += 2
	}
	if s.words[i].class.has(send|put) && near.has(message|talk|result|secret|keeps|file|recipient|blind) {
		w++
	}
	if near.has(whole) && near.has(message|talk|result|secret|file|task) {
		w++
	}
	if near.has(blind | covert) {
		w += 2
	}
	if near.has(secret | keeps | talk | prompt) {
		w++
	}
	return w
}

func (s *sentence) anyAsked() bool {
	for _, a := range s.asked {
		if a > 0 {
			return true
		}
	}
	return false
}
