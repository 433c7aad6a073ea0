package injection

import (
	"strings"
	"unicode/utf8"

	"doorward/internal/gate"
)

// scope is how many words after a verb belong to it.
const scope = 34

// An errand is an act asked of the reader, with what it is about.
type errand struct {
	verb, end int   // its words
	start     int   // of its words: the verb, or what is before it
	asked     int   // how
	about     class // of the words after the verb
	target    int   // the word of the recipient; -1 without
	to        bool  // the recipient is one by grammar: "to", "at"
	solid     bool  // something private that is more than a message
	theirs    int   // how clearly it is about the user
	yours     bool  // what it is about is the reader's: letters between people ask so
	me        bool  // "send me"
}

// action judges the verb at word i: what a reader with tools would do for
// somebody who has no part in the conversation.
func (s *sentence) action(i int) {
	how := s.request(i)
	if how == unasked || s.heading(i) {
		return
	}
	s.asks = max(s.asks, how)
	e := s.errand(i, how)
	verb := s.words[i].class
	switch {
	case verb.has(move) && e.about.has(target) && s.exfiltrates(&e):
		s.found("injection.exfiltrate", gate.Medium, e.start, e.end, "asks the reader to send something private to a recipient that the text names")
	case verb.has(pay|move) && s.pays(&e):
		s.found("injection.action", gate.Medium, e.start, e.end, "asks the reader to move money")
	case verb.has(change) && s.changes(&e):
		s.found("injection.action", gate.Medium, e.start, e.end, "asks the reader to change an account, an access or a record")
	}
}

// heading tells whether word i only heads what follows ("Allow: /"), or is part of
// a path or a name ("book/ch13").
func (s *sentence) heading(i int) bool {
	if end := s.words[i].end; end < len(s.text) && strings.IndexByte("/_-=(", s.text[end]) >= 0 {
		return true
	}
	return i+1 < len(s.words) && s.words[i+1].gap >= clause && !s.words[i+1].class.has(quoted)
}

func (s *sentence) errand(i, how int) errand {
	e := errand{verb: i, start: i, end: min(len(s.words)-1, i+scope), asked: how, target: -1}
	s.gather(&e, i+1, e.end)
	if e.target < 0 && s.words[i].class.has(asked) { // the verb comes last
		e.start = s.opening(i)
		s.gather(&e, e.start, i-1)
	}
	e.me = s.near(i, 1, 1, anybody) && !s.near(i, 1, 1, private)
	return e
}

// gather adds words first to last to what an errand is about.
func (s *sentence) gather(e *errand, first, last int) {
	for j := first; j <= last; j++ {
		w := &s.words[j]
		if w.class.has(number|amount) && s.near(j, -1, 1, money) && s.near(j, 0, 1, number|amount) {
			e.about |= amount
		}
		if j < last && s.words[j+1].class.has(address) && !w.class.has(mine|whole) {
			e.about |= w.class &^ private // "the address a@b.example" is nothing private
		} else {
			e.about |= w.class
		}
		if w.class.has(private) && !w.class.has(carrier) && (j == last || !s.words[j+1].class.has(address)) {
			e.solid = true
		}
		if w.class.has(user) {
			e.theirs = max(e.theirs, s.theUser(j))
		}
		if w.class.has(target) && (e.target < 0 || w.class.has(address) && !s.words[e.target].class.has(address)) {
			e.target = j
			e.to = s.near(j, -3, -1, direct) || w.class.has(address) && s.near(j, -6, -1, direct) || s.near(j, 1, 2, direct)
		}
		if w.class.has(you) && !w.class.has(mine) && j+1 < len(s.words) && s.near(j, 1, 3, private|control|money) && !s.near(j, 1, 3, inner) {
			e.yours = true
		}
	}
}

// theUser is how clearly word j means the user of the reader: 2 for "the user's", 1
// for "the user", 0 for users and for one who is named.
func (s *sentence) theUser(j int) int {
	w := s.words[j]
	word := s.text[w.start:w.end]
	switch {
	case word[0] >= utf8.RuneSelf || strings.Contains(word, "'") || strings.Contains(word, "\u2019"):
		return 2
	case s.near(j, 1, 1, quoted|address|ident) || strings.EqualFold(word, "users"):
		return 0
	}
	return 1
}

// comment tells whether word i is in a comment of a page, which nobody sees.
func (s *sentence) comment(i int) bool {
	open := strings.LastIndex(s.text[:s.words[i].start], "<!--")
	return open >= 0 && !strings.Contains(s.text[open:s.words[i].start], "-->")
}

// opening is the first word of the clause that ends with word i.
func (s *sentence) opening(i int) int {
	for i > 0 && s.words[i].gap < stop {
		i--
	}
	return i
}

// weight is what every errand has in common.
func (s *sentence) weight(e *errand) int {
	w := e.asked
	if s.comment(e.verb) {
		w++
	}
	if (e.about | s.any).has(mine) {
		w++
	}
	w += e.theirs
	if e.yours {
		w -= 2
	}
	if e.me {
		w -= 2
	}
	return w
}

func (s *sentence) exfiltrates(e *errand) bool {
	earlier := s.between(e.verb, -scope, -1)
	about := e.about | earlier | s.before&^whole
	if !e.to || !about.has(private) || !e.solid && !earlier.has(private) && !about.has(mine|user) {
		return false
	}
	w := s.weight(e) + 1
	if s.words[e.target].class.has(address) {
		w += 2
	} else {
		w++
	}
	if earlier.has(get) || s.before.has(get) {
		w++
		if earlier.has(inner) {
			w++
		}
	}
	if about.has(whole) {
		w++
	}
	if e.about.has(inner) {
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
	if !e.about.has(control|private) || !s.near(e.verb, 1, 8, control|private) && e.start == e.verb {
		return false
	}
	w := s.weight(e) + 1
	switch {
	case e.about.has(address | ident):
		w += 2
	case e.about.has(link | quoted):
		w++
	}
	if e.about.has(amount) || e.about.has(whole) && e.theirs > 0 {
		w++
	}
	return w >= 5
}
