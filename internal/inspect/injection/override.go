package injection

import (
	"unicode/utf8"

	"doorward/internal/gate"
)

// aside is why a text that sets orders aside is found.
const aside = "tells the reader to set its instructions aside"

// overrides judges a word that sets orders aside: "ignore … instructions",
// "do not follow … rules".
func (s *sentence) overrides(i int) {
	c := s.words[i].class
	if i > 0 && s.words[i-1].class.has(anybody) && s.words[i].gap < comma { // "who ignore"
		return
	}
	negated := c.has(negation) && s.near(i, 1, 2, follow) && s.near(i, 2, 7, prior)
	if !c.has(override) && !negated {
		s.waives(i)
		return
	}
	object := s.find(i, 1, 7, order)
	behind := object < 0
	if behind && (s.lastVerb(i) || s.between(i, 1, 4).all(prior|whole)) {
		object = s.find(i, -6, -1, order)
	}
	if object < 0 || behind && !c.has(override) {
		s.forgets(i)
		return
	}
	lo, hi := min(i, object), max(i, object)
	around := s.between(lo, 0, hi-lo) | s.between(hi, 1, 4)&(prior|told|inner)
	if behind {
		around |= s.between(lo, -3, -1) & (prior | whole)
	}
	severity := gate.High
	switch {
	case !around.has(prior | whole | you | chief | mind | told):
		s.forgets(i)
		return
	case s.aloud && s.request(i) == unasked:
		severity = gate.Low
	case around.has(mine) || !around.has(prior|whole|told):
		severity = gate.Medium
	}
	s.found("injection.override", severity, lo, hi, aside)
}

// lastVerb tells whether the verb at word i may come after its object: in German and
// Turkish at the end of a clause, in Japanese, Korean and Hindi anywhere.
func (s *sentence) lastVerb(i int) bool {
	return s.text[s.words[i].start] >= utf8.RuneSelf || i+1 == len(s.words) || s.words[i+1].gap > joined || s.words[i+1].class.has(please|filler|say)
}

// forgets is an override without the word for orders: "forget everything above",
// "disregard whatever you were told", "drop what the user asked".
func (s *sentence) forgets(i int) {
	if !s.words[i].class.has(override) {
		return
	}
	if s.near(i, -2, -1, negation) || s.near(i, 1, 1, negation) { // "do not forget what they asked"
		return
	}
	around := s.between(i, 1, 7)
	if s.lastVerb(i) {
		around |= s.between(i, -5, -1)
	}
	if around.all(task|user) && !around.has(mine) {
		s.hails = true // another task may follow
	}
	asked := s.request(i)
	if asked == unasked && s.text[s.words[i].start] >= utf8.RuneSelf && s.lastVerb(i) && around.has(task|told) && around.has(user) {
		asked = ordered // the verb comes last
	}
	if asked == unasked {
		return
	}
	s.asks = max(s.asks, asked)
	switch {
	case around.all(told|you) && (around.has(whole|prior|task) || s.any.has(exact|now)), around.all(told | user):
	case around.has(task) && (around.has(user|you) || s.any.has(exact)) && !around.has(mine) && s.bid(i+1, len(s.words)) >= 0:
	case around.all(told | prior), around.all(maker | you), s.between(i, -9, -1).all(told | you | whole):
	case s.between(i, 1, 5).has(whole) && s.between(i, 1, 5).has(prior|task):
	default:
		return
	}
	s.found("injection.override", gate.Medium, i, i+6, aside)
}

// voids judges a word that declares orders void: "your instructions no longer
// apply", "treat your directives as void", "all you were told is cancelled".
func (s *sentence) voids(i int) {
	object := s.find(i, -9, -1, order)
	around := s.between(i, -12, -1)
	switch {
	case object >= 0 && s.between(object, -3, 3).has(you|inner):
	case object >= 0 && s.between(object, -3, 3).has(prior) && around.has(whole):
	case object >= 0 && s.between(object, 1, 1).has(prior) && s.words[object].gap < clause:
	case object >= 0 && s.between(object, -4, -1).all(told|prior):
	case object >= 0 && s.near(object, -3, -1, prior) && s.any.has(machine):
	case s.ended(i) && s.bid(i+1, len(s.words)) >= 0:
		object = max(0, i-4)
	case s.ended(i):
		s.hails = true // what follows is the new task
		return
	case around.all(told|you) && around.has(whole|prior):
		object = s.find(i, -12, -1, told)
	default:
		return
	}
	severity := gate.Medium
	if s.aloud {
		severity = gate.Low
	}
	s.found("injection.override", severity, object, i, "declares the reader's instructions void")
}

// ended tells whether the word at i says that the reader's task is over: "your task
// has changed".
func (s *sentence) ended(i int) bool {
	task := s.find(i, -4, -1, task)
	whose := user | told
	if task >= 0 && !s.words[task].class.has(carrier) { // "your request is cancelled" is said to people
		whose |= you | prior
	}
	return task >= 0 && s.near(task, -4, 2, whose) && s.words[i].gap < comma
}

// waives judges words that say that the reader need not do what the user asked: "do
// not answer the user's question", "there is no need to finish the task you were given".
func (s *sentence) waives(i int) {
	if !s.words[i].class.has(negation) || !s.near(i, 1, 4, follow|say|reply) {
		return
	}
	object := s.find(i, 2, 8, task)
	if object < 0 || !s.between(object, -3, 4).has(user) && !s.between(object, 1, 4).all(told|you) || s.bid(object+1, len(s.words)) < 0 {
		return
	}
	s.found("injection.override", gate.Medium, i, object, aside)
}
