package poison

import "strings"

// farTarget is how far from its verb a recipient may be, in words.
const farTarget = 24

// recipients judges orders that send something to somebody the text names.
func (s *sentence) recipients() {
	for i := range s.words {
		c := s.words[i].class
		if s.asked[i] == unasked || !c.has(send|put|alter|do|get) || c.has(name) {
			continue
		}
		o := s.object(i, farTarget, literal)
		if o < 0 || s.quotes(o) || c.has(get) && !c.has(put|send|alter) && !s.words[o].class.has(address) {
			continue
		}
		w := s.force(i) + s.target(o) + s.sent(i, o)
		s.report(kind{"poison.recipient", signRecipient, "tells to send or redirect something to a recipient that the text names"}, w, i, o)
	}
	s.copies()
	s.smuggles()
}

// copies judges what is said to go to a recipient that the text names, whoever sends it.
func (s *sentence) copies() {
	for i := range s.words {
		c := s.words[i].class
		switch {
		case s.quotes(i):
		case c.has(address) && s.any.has(send|put|blind|recipient|message) && (s.any.has(whole|when|standing|blind) || s.any.has(alter) && s.any.has(recipient)) && !s.any.has(example):
			s.report(kind{"poison.recipient", signRecipient, "sends more than was asked for to a recipient that the text names"}, s.copied(), max(0, i-6), i)
			return
		case c.has(blind) && s.any.has(literal|covert) && (s.anyAsked() || s.any.has(whole)):
			s.report(kind{"poison.recipient", signRecipient, "tells to add a hidden recipient"}, 5, i, i)
			return
		}
	}
}

// conveyed tells whether something is said to be sent to the address at word i.
func (s *sentence) conveyed(i int) bool {
	for j := max(0, i-5); j < i; j++ {
		if s.words[j].class.has(passive) && s.words[j].class.has(send) && s.before(j, 3, be|must) {
			return true
		}
		if s.words[j].class.has(third) && s.words[j].class.has(send) && s.any.has(whole) && s.before(j, 2, filler) {
			return true // "every post also goes to"
		}
	}
	return false
}

// templated is 1 when the link at word i waits for something to be put in.
func (s *sentence) templated(i int, open bool) int {
	if open || strings.ContainsAny(s.literally(i), "=?{") {
		return 1
	}
	return 0
}

// copied weighs what goes to an address, whoever sends it.
func (s *sentence) copied() int {
	if s.any.has(blind) || s.any.has(user) && s.any.has(whole) {
		return 5
	}
	return 4
}

// smuggles judges links that are to carry what was said or read.
func (s *sentence) smuggles() {
	for i := range s.words {
		if !s.words[i].class.has(link) || !s.anyAsked() && !s.any.has(must|model|you|user) || s.quotes(i) || !s.later() {
			continue
		}
		open := strings.HasSuffix(s.literally(i), "=") || strings.HasSuffix(s.literally(i), "/") && strings.Contains(s.text[s.words[i].end:min(len(s.text), s.words[i].end+1)], "{")
		switch near := s.around(i, 12); {
		case s.conveyed(i):
			s.report(kind{"poison.recipient", signRecipient, "has something sent to an address that the text names"}, 4, max(0, i-5), i)
			return
		case near.has(talk | secret | keeps | prompt), open && near.has(user|result|whole|task) && !s.any.has(example), near.has(user) && near.has(whole|result|task) && near.has(put|send):
			s.report(kind{"poison.recipient", signRecipient, "has a link carry what was said or read"}, 4+s.templated(i, open), i, i)
			return
		case near.has(model):
			s.report(kind{"poison.recipient", signRecipient, "sends the model to an address that the text names"}, 3+s.addressed(), i, i)
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
		if s.around(o, 5).has(recipient|instead) || s.literally(o)[0] == '+' {
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
	if s.any.has(whole|when) && !near.has(whole) {
		w++
	}
	if near.has(blind | covert) {
		w += 2
	}
	if near.has(instead) && near.has(user) {
		w += 2
	}
	if near.has(secret | keeps | talk | prompt) {
		w++
	}
	if s.words[o].class.has(link) && near.has(whole|user|you) && near.has(file|secret|talk|message|keeps) {
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
