package poison

import "unicode/utf8"

// hides judges what is said about what nobody is to see or to be asked about, without a verb
// of telling: "no trace of it", "the user must not find out", "no approval needed".
func (s *sentence) hides() {
	if !s.later() || s.any.has(example) {
		return
	}
	for i := range s.words {
		c, t := s.words[i].class, s.words[i].topic
		switch {
		case c.has(covert) && c.has(tell):
			s.report(kind{"poison.conceal", signConceal, "tells to keep something secret"}, 4, i, i)
			return
		case t.has(trace) && s.traceless(i):
			s.report(kind{"poison.conceal", signConceal, "wants no trace of something to be seen"}, 3+s.must(), max(0, i-3), i)
			return
		case t.has(know) && s.unaware(i):
			s.report(kind{"poison.conceal", signConceal, "has the user not know of something"}, 3+s.must(), max(0, i-4), i)
			return
		case t.has(consent) && s.unasked(i):
			s.report(kind{"poison.conceal", signConceal, "has something done without the user's consent"}, 3, max(0, i-3), min(i+3, len(s.words)-1))
			return
		case i < 4 && s.is(0, "if") && (s.is(i, "asked") || s.is(i, "asks")) && s.answers(i):
			s.report(kind{"poison.conceal", signConceal, "says what is to be answered when somebody asks"}, 3, i, min(i+8, len(s.words)-1))
			return
		case s.omits(i):
			s.report(kind{"poison.conceal", signConceal, "wants something left out of what the user is told"}, 3, i, min(i+6, len(s.words)-1))
			return
		}
	}
}

// must is 1 when the sentence says that something must be.
func (s *sentence) must() int {
	if s.any.has(must) {
		return 1
	}
	return 0
}

// traceless tells whether word i is a trace of an act that the reader or the user is not to
// see, or that is to be removed.
func (s *sentence) traceless(i int) bool {
	if s.any.has(guard) || !s.any.has(user|you|result|model) {
		return false
	}
	for j := max(0, i-5); j < i; j++ {
		if s.asked[j] > 0 && (s.is(j, "remove") || s.is(j, "erase") || s.is(j, "delete") || s.is(j, "wipe")) {
			return s.any.has(user)
		}
	}
	if s.any.has(loose) || s.text[s.words[i].start] >= utf8.RuneSelf {
		return s.around(i, 6).has(not) && s.any.has(result|step|this)
	}
	return s.before(i, 2, not) && (s.any.has(must) && s.any.has(result) || s.any.has(you) && s.any.has(result|this))
}

// unaware tells whether word i is what the user is not to come to know.
func (s *sentence) unaware(i int) bool {
	if s.any.has(when) || !s.around(i, 7).has(user) {
		return false
	}
	if s.words[i].class.has(not) {
		return true
	}
	if !s.any.has(must|covert) && !s.is(0, "que") {
		return false
	}
	return s.around(i, 4).has(not) && s.any.has(this|step|message|aware|not) && s.userFirst(i)
}

// userFirst tells whether the user is who knows: before word i, and no verb is asked of the
// reader between.
func (s *sentence) userFirst(i int) bool {
	for j := i - 1; j >= 0 && i-j <= 7; j-- {
		if s.words[j].class.has(user) {
			return !s.words[j].class.has(not)
		}
	}
	return s.text[s.words[i].start] >= utf8.RuneSelf && s.after(i, 2).has(user)
}

// unasked tells whether the consent at word i is one that is not asked for, or that is claimed.
// "Never delete it without permission" asks for it.
func (s *sentence) unasked(i int) bool {
	nots := 0
	for j := range s.words {
		if s.words[j].class.has(not) && j < i && i-j <= 10 && !s.before(j, 3, not) {
			nots++
		}
		if s.is(j, "already") && s.before(j, 4, user) && j < i && !s.any.has(when) && !s.before(j, 2, not) {
			return true
		}
		if (s.is(j, "treat") || s.is(j, "assume") || s.is(j, "presume")) && s.asked[j] > 0 && j < i && i-j <= 5 {
			return true
		}
	}
	if s.any.has(when|before|fail) || !s.around(i, 6).has(user) && !s.anyAsked() {
		return false
	}
	return nots == 1 && s.before(i, 5, not) && !s.before(i, 4, ignore) || nots == 0 && s.denied(i)
}

// denied tells whether the consent at word i is said not to be needed, or not to be asked for, after it.
func (s *sentence) denied(i int) bool {
	for j := i + 1; j < len(s.words) && j <= i+6; j++ {
		if s.words[j].class.has(not) {
			return s.any.has(loose) || s.before(i, 8, user) || s.after(j, 1).has(must)
		}
	}
	return false
}

// answers tells whether words after i give the answer: "say that …".
func (s *sentence) answers(i int) bool {
	for j := i + 1; j < len(s.words); j++ {
		if s.asked[j] > 0 && s.words[j].class.has(tell|show|do) && s.is(j+1, "that") {
			return true
		}
	}
	return false
}

// omits tells whether the verb at word i wants something left out of an answer.
func (s *sentence) omits(i int) bool {
	if s.asked[i] == unasked && !s.is(i, "leave") || !s.is(i, "leave") && !s.is(i, "omit") && !s.is(i, "exclude") && !s.is(i, "keep") {
		return false
	}
	for j := i + 2; j < len(s.words) && j <= i+8; j++ {
		if (s.is(j, "out") || s.is(j, "from")) && s.after(j, 3).has(result|talk|message) && s.after(j, 6).has(you|user) {
			return true
		}
	}
	return false
}
