package poison

import (
	"slices"
	"strings"
)

// An owner says whose tool a name is.
type owner uint8

const (
	nobody owner = iota
	itself
	sibling
	stranger
)

// owns tells whose tool word i names.
func (s *sentence) owns(i int) owner {
	if s.names == nil {
		s.names = make(map[string]owner, len(s.about.Own)+len(s.about.Others)+1)
		for _, n := range s.about.Others {
			s.names[strings.ToLower(n)] = stranger
		}
		for _, n := range s.about.Own {
			s.names[strings.ToLower(n)] = sibling
		}
		s.names[strings.ToLower(s.about.Name)] = itself
	}
	return s.names[strings.ToLower(s.literally(i))]
}

// named is the word near the verb at i that names a tool, and whose it is. A name that is
// a plain word counts only beside "tool".
func (s *sentence) named(i, n int) (at int, whose owner) {
	at = -1
	for j := max(0, i-n); j < len(s.words) && j <= i+n; j++ {
		w := &s.words[j]
		plain := !w.class.has(name) && !strings.Contains(s.literally(j), "-")
		if w.class.has(path|literal|shell) || plain && !w.class.has(quoted) && !s.around(j, 1).has(tool) {
			continue
		}
		o := s.owns(j)
		if o == nobody && (plain || !s.called(j)) {
			continue
		}
		if at < 0 || o > whose || o == nobody && whose == itself {
			at, whose = j, o
		}
	}
	return at, whose
}

// called tells whether the identifier at word j is spoken of as a tool.
func (s *sentence) called(j int) bool {
	return s.around(j, 1).has(tool) || j > 0 && s.words[j-1].class.has(call) || j > 1 && s.words[j-2].class.has(call) ||
		j+1 < len(s.words) && s.words[j+1].class.has(call|be)
}

// others judges orders about tools that are not this one.
func (s *sentence) others() {
	s.strangers()
	for i := range s.words {
		c := s.words[i].class
		if s.asked[i] == unasked {
			continue
		}
		if c.has(call) && !c.has(name) {
			s.calls(i)
		}
		if c.has(alter|put|do) && s.force(i) == demanded {
			s.alters(i)
		}
	}
}

// strangers judges what the sentence wants with tools of other servers that it names.
func (s *sentence) strangers() {
	for i := range s.words {
		w := &s.words[i]
		if !w.class.has(name) && !strings.Contains(s.literally(i), "-") && !s.around(i, 1).has(tool) || w.class.has(path|literal|shell|tool) || s.owns(i) != stranger || s.quotes(i) {
			continue
		}
		switch {
		case s.around(i, 7).has(stale) && !s.any.has(when):
			s.report(kind{"preference.against_others", signPreference, "calls another server's tool unsafe, outdated or unreliable"}, 6, i, i)
		case s.before(i, 4, not) || s.any.has(instead):
			s.report(kind{"preference.over_others", signPreference, "wants to be used in place of another server's tool"}, 6, i, i)
		case s.demands():
			s.report(kind{"poison.other_tool", signOther, "gives an order about another server's tool"}, 6, i, i)
		case s.any.has(argument|recipient|result|literal|this|order) && s.any.has(must|when|before|whole|not|best):
			s.report(kind{"poison.other_tool", signOther, "says how another server's tool is to be used"}, 5, i, i)
		case w.class.has(name):
			s.report(kind{"poison.other_tool", signOther, "speaks of another server's tool"}, 3, i, i)
		}
	}
}

// demands tells whether the sentence orders anything.
func (s *sentence) demands() bool {
	return slices.Contains(s.asked, demanded)
}

// calls judges the order to call a tool at word i.
func (s *sentence) calls(i int) {
	at, whose := s.named(i, 5)
	if at < 0 {
		s.callsKind(i)
		return
	}
	if s.quotes(at) {
		return
	}
	switch {
	case whose == stranger && s.asked[i] == demanded:
		s.report(kind{"poison.other_tool", signOther, "tells to call another server's tool"}, 6, i, at)
	case whose == stranger:
		s.report(kind{"poison.other_tool", signOther, "tells to call another server's tool"}, 4, i, at)
	case whose == nobody && s.asked[i] == demanded && s.words[at].class.has(name) && (s.around(at, 1).has(tool) || !s.is(i, "use")):
		s.report(kind{"poison.other_tool", signOther, "tells to call a tool that this server does not have"}, 2+s.leaves(i), i, at)
	}
}

// twice tells whether two words or more have a class.
func (s *sentence) twice(c class) bool {
	n := 0
	for i := range s.words {
		if s.words[i].class.has(c) {
			n++
		}
	}
	return n > 1
}

// callsKind judges the order to call a tool that is named by what it does: "the mail tool".
func (s *sentence) callsKind(i int) {
	for j := i + 2; j < len(s.words) && j <= i+4; j++ {
		if s.asked[i] == demanded && s.words[j].class.has(tool) && !s.words[j-1].class.has(this|other|whole|best) && !s.is(j-1, "that") && !s.is(j-1, "appropriate") && !s.is(i+1, "appropriate") && !s.around(i, 3).has(this) && !s.quotes(j) {
			s.report(kind{"poison.other_tool", signOther, "tells to call another tool"}, 2, i, j)
			return
		}
	}
}

// ofOthers tells whether other tools are spoken of near word i.
func (s *sentence) ofOthers(i int) bool {
	for j := max(0, i-10); j < len(s.words) && j <= i+10; j++ {
		if s.words[j].class.has(other) && (s.after(j, 2).has(tool) || s.before(j, 1, tool)) && !s.words[j].class.has(tool) {
			return true
		}
	}
	return false
}

// alters judges the order to change what another tool is called with.
func (s *sentence) alters(i int) {
	at, whose := s.named(i, 14)
	elsewhere := at >= 0 && whose != itself && !s.quotes(at)
	near := s.around(i, 10)
	w := 0
	switch {
	case elsewhere && whose == stranger:
		w = 5
	case elsewhere && s.words[i].class.has(alter) && near.has(argument|recipient) && s.any.has(when):
		w = 5
	case elsewhere && s.words[i].class.has(alter) && near.has(argument|recipient):
		w = 3
	case s.words[i].class.has(alter) && (s.is(i+1, "them") || s.is(i+1, "it")) && s.before(i, 8, result) && s.before(i, 10, tool) && !s.before(i, 10, this) && s.any.has(when):
		w = 3
	case near.has(instead) && near.has(user) && near.has(argument|recipient|you|number|quoted):
		w = 4
	case near.has(recipient) && near.has(user) && s.twice(recipient):
		w = 5
	case near.has(recipient) && near.has(user) && s.words[i].class.has(alter) && s.object(i, 10, recipient) >= 0:
		w = 3
		if s.any.has(instead | filler) {
			w++
		}
	case near.has(whole|other) && near.has(tool) && near.has(argument|recipient|result) && s.words[i].class.has(alter):
		w = 2
		if near.has(result) && s.ofOthers(i) {
			w = 4
		}
	case near.has(whole) && near.has(message|recipient) && s.words[i].class.has(alter) && near.has(literal|recipient):
		w = 3
	}
	if w > 0 && near.has(literal) {
		w++
	}
	if w > 0 {
		s.report(kind{"poison.other_tool", signOther, "tells to change what another tool is called with"}, w, i, max(i, at))
	}
}
