package poison

// conceals judges orders to keep something from the user.
func (s *sentence) conceals() {
	for i := range s.words {
		c := s.words[i].class
		switch {
		case c.has(tell|show) && s.negated(i) && !c.has(name):
			if w := s.untold(i); w > 0 {
				s.report(kind{"poison.conceal", signConceal, "tells to keep something from the user"}, w, max(0, i-2), min(len(s.words)-1, i+6))
			}
		case c.has(aware) && !c.has(confirm) && s.before(i, 4, not) && s.before(i, 3, user) && s.later():
			s.report(kind{"poison.conceal", signConceal, "has something done without the user's knowledge"}, 3, max(0, i-4), i)
		case c.has(tell|show) && s.asked[i] > 0 && s.is(i+1, "nothing") && s.later():
			s.report(kind{"poison.conceal", signConceal, "tells to keep something from the user"}, 4, i, min(len(s.words)-1, i+5))
		case c.has(confirm) && s.later() && s.before(i, 4, user) && (s.is(i-1, "already") || s.before(i, 3, be) || s.is(i-1, "has") || s.is(i-1, "have")) && !s.before(i, 4, not|when) && s.any.has(not):
			s.report(kind{"poison.conceal", signConceal, "claims that the user agreed"}, 3, max(0, i-3), i)
		case c.has(aware) && s.before(i, 4, not) && s.around(i, 5).has(user|you|this) && s.anyAsked():
			s.report(kind{"poison.conceal", signConceal, "has something done without the user's knowledge"}, 2, max(0, i-4), i)
		case c.has(confirm|aware) && s.before(i, 4, not) && !s.asksUser(i) && s.around(i, 6).has(user) && (s.anyAsked() || s.later()):
			s.report(kind{"poison.conceal", signConceal, "has something done without asking the user"}, 2, max(0, i-4), i)
		case c.has(ignore) && s.asked[i] > 0 && s.after(i, 4).has(confirm):
			s.report(kind{"poison.conceal", signConceal, "has something done without asking the user"}, 2+s.force(i), i, min(len(s.words)-1, i+4))
		case c.has(covert) && !s.happens(i) && s.around(i, 4).has(step|user) && s.later() && (s.any.has(user|must|result) || s.anyAsked()):
			s.report(kind{"poison.conceal", signConceal, "has something done in secret"}, s.hushed(), i, min(len(s.words)-1, i+3))
		case c.has(covert) && s.stealthy(i):
			s.report(kind{"poison.conceal", signConceal, "has something done in secret"}, 2, i, min(len(s.words)-1, i+3))
		}
	}
}

// happens tells whether the word at i says how something comes about by itself: "it silently fails",
// "runs in the background".
func (s *sentence) happens(i int) bool {
	if s.is(i, "in") || s.is(i, "the") || s.is(i, "background") {
		return true
	}
	return i+1 < len(s.words) && s.words[i].gap == joined && s.words[i+1].gap == joined && s.words[i+1].class.has(verb|third) && s.asked[i+1] == unasked
}

// hushed weighs a sentence that has something done in secret.
func (s *sentence) hushed() int {
	w := 2
	if s.any.has(user) {
		w++
		if s.any.has(must) || s.demands() {
			w++
		}
	}
	return w
}

// untold weighs what is not to be told: an act, or only data.
func (s *sentence) untold(i int) int {
	near := s.around(i, s.reachOf(i))
	w := 0
	if near.has(user) {
		w++
	}
	if near.has(step) || near.has(this) && !s.words[i].class.has(show) {
		w++
	}
	switch {
	case w == 0, s.asksUser(i):
		return 0
	case s.words[i].class.has(tell) && near.has(user):
		w += 3
	case s.words[i].class.has(tell):
		w += 2
	}
	return w
}

// reachOf is how far from the verb at word i what it is about may be.
func (s *sentence) reachOf(i int) int {
	if s.words[i].class.has(loose) {
		return 12
	}
	return 7
}

// asksUser tells whether the user is told to do something, or told something else: "do not tell the
// user to run it".
func (s *sentence) asksUser(i int) bool {
	for j := i + 1; j < len(s.words) && j-i <= 5; j++ {
		if s.words[j].class.has(user|you) && (s.is(j+1, "to") || s.is(j+1, "for")) && j+2 < len(s.words) && s.words[j+2].class.has(verb) {
			return true
		}
	}
	return false
}

// stealthy tells whether the word at i says how an act is to be done that is asked for.
func (s *sentence) stealthy(i int) bool {
	for j := max(0, i-1); j < len(s.words) && j <= i+1; j++ {
		if s.words[j].class.has(get|put|send|alter|call) && s.asked[j] == demanded && !s.words[j].class.has(covert) {
			return true
		}
	}
	return false
}
