package poison

// subjects judges what a sentence brings together, whatever its verb is: secrets or the
// conversation, and where they go or who is to act. It sees what is said with a verb that no word
// list has.
func (s *sentence) subjects() {
	if len(s.signs) == 1 || s.any.has(example) {
		return // what a tool says first is what it does
	}
	target := s.first(literal)
	guarded := s.first(secret | keeps | talk | prompt)
	switch {
	case target >= 0 && guarded >= 0:
		s.report(kind{"poison.recipient", signRecipient, "brings secrets or the conversation together with an address that the text names"}, 3+s.addressed(), guarded, target)
	case target >= 0 && s.words[target].class.has(address) && s.any.has(send|put|message|recipient|file|result) && (s.any.has(user|whole|recipient) || s.addressed() > 0):
		s.report(kind{"poison.recipient", signRecipient, "names a recipient for what the user has"}, 3+s.addressed(), target, target)
	case guarded >= 0 && s.addressed() > 0 && s.any.has(argument|whole|user|must|this|name):
		s.report(kind{"poison.argument", signArgument, "speaks to the model about secrets or the conversation"}, 2+s.addressed()+s.wholly(guarded), guarded, guarded)
	case guarded >= 0 && s.any.has(covert):
		s.report(kind{"poison.conceal", signConceal, "speaks of secrets or the conversation, and of secrecy"}, 4, guarded, guarded)
	}
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
		if s.words[i].class.has(model) && (i+1 == len(s.words) || !s.words[i+1].class.has(model|argument|name)) && s.any.has(must|when|before|order|whole|filler) {
			return 1
		}
	}
	return 0
}

// wholly is 1 when all of what word i names is meant.
func (s *sentence) wholly(i int) int {
	if s.around(i, 3).has(whole | prior) {
		return 1
	}
	return 0
}
