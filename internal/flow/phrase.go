package flow

// confirmed is 1 when the verbs of a name and of its sentence have a kind in common.
func confirmed(name, said role) Labels {
	if name&said&^either != 0 {
		return 1
	}
	return 0
}

const verbs = reads | sends | destroys | works | runs | writes

// verbAt is where the verb of a phrase stands: the first word that can only be a
// verb, else the first that can be one; -1 without. What works on what it is given
// gives way to what does more: "validate and submit".
func verbAt(phrase []string) int {
	at, rank := -1, 0
	for i, w := range phrase {
		r := words()[w]
		of := 0
		switch {
		case r&verbs == 0:
		case r&either != 0:
			of = 1
		case r&verbs == works:
			of = 2
		default:
			return i
		}
		if of > rank {
			at, rank = i, of
		}
	}
	return at
}

// sure tells whether the verb of a phrase can only be one.
func sure(phrase []string) bool {
	at := verbAt(phrase)
	return at >= 0 && words()[phrase[at]]&either == 0
}

// tells tells whether a sentence begins with its verb, and that only brings
// something or works it out.
func tells(sentence []string, verb role) bool {
	return verbAt(sentence) == 0 && sure(sentence) && verb&(reads|works) == verb
}

// ofPhrase are the labels of a name or sentence, and what kinds of verb it has.
func ofPhrase(phrase []string, p parameters) (Labels, role) {
	at := verbAt(phrase)
	if at < 0 {
		return meaning(0, objects(phrase), p), 0
	}
	r := words()[phrase[at]]
	verb := r & verbs
	rest := phrase
	if verb&(reads|runs) == 0 { // "browse", "shell" are what they reach
		rest = append(append([]string{}, phrase[:at]...), phrase[at+1:]...)
	}
	of := objects(rest)
	if r&reaches != 0 && of == 0 || r&brings != 0 && len(phrase) == 1 {
		of = web
	}
	labels := meaning(verb, of, p)
	if r&mints != 0 && of&access != 0 {
		labels |= Acts
	}
	return labels, verb
}

// objects are what the words of a phrase can be beside verbs.
func objects(phrase []string) role {
	var of role
	for _, w := range phrase {
		of |= words()[w] &^ (verbs | either | reaches | brings | mints)
	}
	return of
}

// meaning are the labels of a verb of some kinds with objects of some kinds, for a
// call with parameters.
func meaning(verb, objects role, p parameters) Labels {
	var l Labels
	if verb == 0 || verb&reads != 0 { // a bare noun is read: "inbox", "weather"
		if objects&private != 0 {
			l |= Private
		}
		if objects&foreign != 0 {
			l |= Untrusted
		}
		if objects&web != 0 {
			l |= Leaves | Untrusted
		}
	}
	if verb&sends != 0 {
		l |= Leaves | Acts
	}
	if verb&destroys != 0 {
		l |= Acts
	}
	if verb&runs != 0 && objects&runnable != 0 {
		l |= Leaves | Acts | Untrusted
	}
	if verb&writes != 0 && (verb&reads == 0 || p.speaks()) { // "open" an issue, with a title
		if objects&shared != 0 && (objects&binding != 0 || !p.mute()) {
			l |= Leaves | Acts
		}
		if objects&access != 0 || objects&person != 0 && (objects&about == 0 || !p.describe()) {
			l |= Acts
		}
	}
	return l
}
