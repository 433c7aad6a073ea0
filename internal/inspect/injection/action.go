package injection

import "doorward/internal/gate"

// scope is how many words after a verb belong to it.
const scope = 34

// An errand is an act asked of the reader, with what it is about.
type errand struct {
	verb, end int   // its words
	asked     int   // how
	about     class // of the words after the verb
	target    int   // the word of the recipient; -1 without
	to        bool  // the recipient is one by grammar: "to", "at"
	yours     bool  // what it is about is the reader's: letters between people ask so
	me        bool  // "send me"
}

// action judges the verb at word i: what a reader with tools would do for
// somebody who has no part in the conversation.
func (s *sentence) action(i int) {
	asked := s.request(i)
	if asked == unasked || s.heading(i) {
		return
	}
	s.asks = max(s.asks, asked)
	e := s.errand(i, asked)
	verb := s.words[i].class
	switch {
	case verb.has(move) && e.about.has(target) && s.exfiltrates(&e):
		s.found("injection.exfiltrate", gate.Medium, i, e.end, "asks the reader to send something private to a recipient that the text names")
	case verb.has(pay|move) && s.pays(&e):
		s.found("injection.action", gate.Medium, i, e.end, "asks the reader to move money")
	case verb.has(change) && s.changes(&e):
		s.found("injection.action", gate.Medium, i, e.end, "asks the reader to change an account, an access or a record")
	}
}

// heading tells whether word i only heads what follows: "Allow: /".
func (s *sentence) heading(i int) bool {
	return i+1 < len(s.words) && s.words[i+1].gap >= clause && !s.words[i+1].class.has(quoted)
}

func (s *sentence) errand(i, asked int) errand {
	e := errand{verb: i, end: min(len(s.words)-1, i+scope), asked: asked, target: -1}
	for j := i + 1; j <= e.end; j++ {
		w := &s.words[j]
		e.about |= w.class
		if w.class.has(target) && (e.target < 0 || w.class.has(address) && !s.words[e.target].class.has(address)) {
			e.target = j
			e.to = s.near(j, -6, -1, direct)
		}
		if w.class.has(you) && !w.class.has(mine) && j+1 < len(s.words) && s.near(j, 1, 3, private|control|money) {
			e.yours = true
		}
	}
	e.me = s.near(i, 1, 1, anybody) && !s.near(i, 1, 1, private)
	return e
}

// weight is what every errand has in common.
func (s *sentence) weight(e *errand) int {
	w := e.asked
	if (e.about | s.any).has(mine) {
		w++
	}
	if e.about.has(user) {
		w += 2
	}
	if e.yours {
		w -= 2
	}
	if e.me {
		w -= 2
	}
	return w
}

func (s *sentence) exfiltrates(e *errand) bool {
	if !e.to || !(e.about | s.any | s.before).has(private) {
		return false
	}
	w := s.weight(e) + 1
	if s.words[e.target].class.has(address) {
		w += 2
	} else {
		w++
	}
	if s.between(e.verb, -scope, -1).has(get) || s.before.has(get) {
		w++
	}
	if e.about.has(whole) {
		w++
	}
	return w >= 5
}

func (s *sentence) pays(e *errand) bool {
	if !e.about.has(money | amount) {
		return false
	}
	w := s.weight(e) + 1
	if e.about.has(amount) {
		w++
	}
	if e.about.has(ident) {
		w += 2
	}
	return w >= 5 || w >= 4 && e.about.has(ident|amount)
}

func (s *sentence) changes(e *errand) bool {
	if !e.about.has(control|private) || !s.near(e.verb, 1, 8, control|private) {
		return false
	}
	w := s.weight(e) + 1
	switch {
	case e.about.has(target):
		w += 2
	case e.about.has(quoted):
		w++
	}
	return w >= 5
}
