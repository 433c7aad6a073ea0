package poison

// subjects judges what a sentence brings together, whatever its verb is: secrets or the
// conversation, and where they go or who is to act. It sees what is said with a verb that no word
// list has.
func (s *sentence) subjects() {
	if !s.later() || s.any.has(example) {
		return // what a tool says first is what it does
	}
	target := s.first(literal)
	guarded := s.first(secret | keeps | talk | prompt)
	if target > 0 && (s.is(target-1, "from") || s.is(target-1, "at") || s.is(target-1, "see")) {
		target = -1 // where something is to be had
	}
	acts := s.addressed()
	switch {
	case target >= 0 && guarded >= 0:
		s.report(kind{"poison.recipient", signRecipient, "brings secrets or the conversation together with an address that the text names"}, 3+acts+s.exact(target), guarded, target)
	case target >= 0 && s.exact(target) > 0 && s.any.has(send|put|message|recipient|file|result) && (s.any.has(user|whole|recipient) || acts > 0):
		s.report(kind{"poison.recipient", signRecipient, "names a recipient for what the user has"}, 3+acts, target, target)
	case s.first(keeps) >= 0 && s.any.has(must) && s.any.has(result):
		s.report(kind{"poison.file", signFile, "demands what a file has that keeps keys, tokens or passwords"}, 5, s.first(keeps), s.first(keeps))
	case s.ofItself(guarded): // a text may say what it is
	case guarded >= 0 && acts > 0 && s.any.has(argument|whole|user|must|this|name):
		s.report(kind{"poison.argument", signArgument, "speaks to the model about secrets or the conversation"}, 2+acts+s.wholly(guarded), guarded, guarded)
	case guarded >= 0 && s.any.has(covert):
		s.report(kind{"poison.conceal", signConceal, "speaks of secrets or the conversation, and of secrecy"}, 4, guarded, guarded)
	}
}

// ofItself tells whether word i begins, or follows on, what the text calls itself:
// "these instructions".
func (s *sentence) ofItself(i int) bool {
	for _, w := range [...]string{"these", "this", "following"} {
		if i >= 0 && (s.is(i, w) || s.is(i-1, w)) {
			return true
		}
	}
	return false
}

// exact is 1 when word i is one recipient and no place to look something up.
func (s *sentence) exact(i int) int {
	if s.words[i].class.has(address) || s.words[i].class.has(number) && s.around(i, 6).has(recipient) {
		return 1
	}
	return 0
}

// first is the first word of a class that is no example; -1 without any.
func (s *sentence) first(c class) int {
	for i := range s.words {
		if s.words[i].class.has(c) && !s.words[i].class.has(name) && !s.quotes(i) {
			return i
		}
	}
	return -1
}

// addressed is 1 when the sentence speaks of the model as who acts.
func (s *sentence) addressed() int {
	for i := range s.words {
		if s.words[i].class.has(model) && (i > 0 && s.is(i-1, "the") || !s.is(i, "model") && !s.is(i, "models")) && (i+1 == len(s.words) || !s.words[i+1].class.has(model|argument|name)) && s.any.has(must|when|before|order|whole|filler) {
			return 1
		}
	}
	return 0
}

// wholly weighs whether all of what word i names is meant; the reader's instructions always are.
func (s *sentence) wholly(i int) int {
	switch {
	case s.words[i].class.has(prompt):
		return 2
	case s.around(i, 3).has(whole | prior):
		return 1
	}
	return 0
}
