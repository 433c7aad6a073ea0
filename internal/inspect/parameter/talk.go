package parameter

import (
	"strings"

	"doorward/internal/gate"
)

func saidTalk(s []word) gate.Severity {
	c := union(s)
	switch {
	case refers(s) && !c.has(whole):
	case near(s, talk, past|whole|log|you|user|said, 5), near(s, talk, content|note, 3), one(s, talk, past), has(s, "above") && near(s, whole, past, 3):
		return gate.High
	case near(s, log, whole|past|know, 6) && c.has(user|you|machine|this), near(s, user, said, 2) && near(s, said, whole|past, 5), near(s, log, log, 3) && c.has(user|you|machine):
		return gate.High
	case near(s, user, said, 4) && near(s, said, whole, 7) && !has(s, "request", "requests", "task", "prompt", "input", "message", "messages"), near(s, user, said, 3) && has(s, "original"):
		return gate.High
	case near(s, user, said, 2) && near(s, said, you, 2), has(s, "said", "discussed", "typed", "asked", "messages", "questions") && near(s, said|log, past, 2), has(s, "session") && near(s, log, log, 3), has(s, "said", "discussed") && has(s, "before"):
		return gate.High
	case has(s, "context") && len(s) < 5 && c.has(you|machine):
		return gate.High
	case has(s, "window") && has(s, "context") && c.has(whole|content|you|seek):
		return gate.High
	case near(s, user, log, 3) && has(s, "message", "messages", "turn"), near(s, log, you, 3) && has(s, "message", "messages"), summed(s) && c.has(log|past|user):
		return gate.Medium
	case near(s, user, said, 7) && c.has(past) && c.has(whole):
		return gate.High
	case one(s, log, note) && near(s, log&note|note, whole, 3) && c.has(you|act|machine|past):
		return gate.High
	case c.has(talk) && c.has(user|you|machine) && c.has(content|log|whole|seek|note|order):
		return gate.High
	case near(s, whole|content, past, 3) && near(s, past, act, 5) && c.has(act), has(s, "exchange") && near(s, log, user|you, 7), has(s, "happened", "preceded", "led") && c.has(act|talk):
		return gate.High
	case near(s, open, past, 3) && c.has(content|whole), near(s, open, you|machine, 3) && c.has(past), has(s, "earlier", "retrieved", "seen") && c.has(content|whole) && c.has(open|past):
		return gate.Medium
	case c.has(talk) && !has(s, "chat", "chats", "interaction", "interactions", "dialog", "dialogs"), near(s, talk, this, 2), near(s, log, this, 2) && c.has(whole|seek|content), near(s, log, whole, 2) && c.has(seek), near(s, user, said, 2) && near(s, content, user, 5), has(s, "call", "calling") && c.has(past) && c.has(content), has(s, "context") && len(s) < 5 && c.has(whole), has(s, "session") && c.has(whole), has(s, "far") && c.has(open):
		return gate.Medium
	}
	return gate.NoSeverity
}

// summed tells whether a sentence is about a summary.
func summed(s []word) bool { return has(s, "summary", "recap", "digest", "gist", "overview") }

func namedTalk(n []word) gate.Severity {
	c := union(n)
	switch {
	case c.has(ref):
	case near(n, talk, log|past|whole|note|content, 1), has(n, "context") && has(n, "window"):
		return gate.High
	case has(n, "session") && has(n, "data", "log", "history", "transcript", "summary", "context", "state", "messages"):
		return gate.High
	case near(n, log, past|whole, 1) && has(n, "turns", "messages", "dialogue", "message", "prompts"):
		return gate.High
	case near(n, log, past|whole, 2) && near(n, log, user|machine|log, 2), near(n, user, said, 1):
		return gate.High
	case len(n) == 1 && c.has(talk) && (n[0].exact || c.has(log|past)):
		return gate.High
	case near(n, machine|you, note|log, 1):
		return gate.High
	case near(n, user, log, 1):
		return gate.Medium
	}
	return gate.NoSeverity
}

func saidPrompt(s []word) gate.Severity {
	c := union(s)
	switch {
	case near(s, system, order, 3), one(s, system, order), near(s, you, given, 3) && c.has(content|order), has(s, "initial", "system") && near(s, system, log, 1) && len(s) < 5:
		return gate.High
	case near(s, order, machine, 3) && c.has(whole|given|content), near(s, order, given, 7) && c.has(you):
		return gate.High
	case near(s, order, you, 2) && has(s, "first", "characters", "lines", "words", "beginning", "opening", "start"):
		return gate.High
	case near(s, past, user|you, 3) && has(s, "first") && near(s, user|you, order|log, 2):
		return gate.High
	case has(s, "message", "messages") && near(s, system, log, 1) && c.has(you|machine):
		return gate.High
	case near(s, order, you, 3) && near(s, order, given|whole|past|system|inner, 5):
		return gate.High
	case has(s, "prompt") && near(s, order, whole, 2), near(s, order, you, 3) && c.has(content) && has(s, "instructions", "rules", "prompt"):
		return gate.High
	case near(s, order, machine, 3), near(s, order, you, 3) && has(s, "instructions", "rules", "prompt", "guidelines"), has(s, "task") && near(s, said, you, 3):
		return gate.Medium
	}
	return gate.NoSeverity
}

func namedPrompt(n []word) gate.Severity {
	switch {
	case len(n) > 4:
	case near(n, system, order, 1), one(n, system, order), near(n, order, you|machine|given, 1) && union(n).has(system|inner|given|you):
		return gate.High
	case has(n, "system", "developer") && has(n, "message", "messages"), has(n, "original", "initial", "base") && has(n, "prompt", "instructions"):
		return gate.High
	case has(n, "prompt", "prompts") && union(n).has(whole):
		return gate.High
	case near(n, machine, order, 1):
		return gate.Medium
	}
	return gate.NoSeverity
}

func saidThought(s []word) gate.Severity {
	c := union(s)
	switch {
	case near(s, think, inner|whole, 3) && c.has(you|inner|machine), near(s, think, machine, 3), near(s, think, you, 3):
		return gate.High
	case c.has(know) && c.has(user) && c.has(you|whole|machine), near(s, note|person, you, 2) && near(s, you, user, 4):
		return gate.High
	case refers(s):
	case near(s, person|think|file|host|note, user, 3) && c.has(you|talk|know|act), several(s, person) && near(s, person, user, 3):
		return gate.High
	case about(s) && (c.has(you|doing|act|talk|know) || has(s, "what", "who", "paragraph", "sentence", "describe")):
		return gate.High
	case near(s, user, doing, 3) && (has(s, "what", "why", "how") || c.has(act|talk|seek|you|whole|note|content|think)):
		return gate.High
	case has(s, "memory", "memories") && c.has(content|you|user|open|machine), has(s, "stored") && has(s, "memory"):
		return gate.High
	case near(s, note, you|machine, 2) && has(s, "notes"), near(s, result, you, 2) && has(s, "your") && has(s, "answer", "response", "reply", "conclusion"), has(s, "how") && near(s, you, you, 3):
		return gate.Medium
	case has(s, "about") && near(s, user, note, 3), has(s, "facts") && c.has(user), near(s, think, user, 2), has(s, "reason", "why") && has(s, "call", "calling", "chosen", "chose") && len(s) < 12:
		return gate.Medium
	case near(s, person, user, 2), near(s, person, past, 3) && c.has(open), near(s, host, user|you|open|whole|this, 3) && !refers(s):
		return gate.Medium
	case has(s, "why") && c.has(you) && has(s, "calling", "call", "using", "use", "invoking", "chose"):
		return gate.Medium
	case c.has(seek) && near(s, note, whole, 2), c.has(seek) && near(s, whole, past, 3):
		return gate.Medium
	case c.has(know) && near(s, know, you, 3) && c.has(user|whole|note|content):
		return gate.High
	case near(s, person, user, 3) && c.has(past|list|content|know|open):
		return gate.Medium
	case near(s, person|note, whole, 3) && near(s, person|note, user, 4) && c.has(know|you|talk|past):
		return gate.Medium
	}
	return gate.NoSeverity
}

// about tells whether a sentence is about the user.
func about(s []word) bool {
	for i := range s {
		if s[i].text == "about" && union(s[i:min(len(s), i+3)]).has(user) {
			return true
		}
	}
	return false
}

// several tells whether two different words of a class stand in a sentence.
func several(s []word, of class) bool {
	first := ""
	for i := range s {
		switch {
		case !s[i].class.has(of), strings.HasPrefix(s[i].text, "address"): // an e-mail address is one
		case first == "":
			first = s[i].text
		case s[i].text != first:
			return true
		}
	}
	return false
}

func namedThought(n []word) gate.Severity {
	c := union(n)
	switch {
	case near(n, think, inner, 2), has(n, "scratchpad", "monologue", "sidenote"), near(n, note, inner, 1) && c.has(inner), has(n, "side") && c.has(note):
		return gate.High
	case has(n, "cot") && len(n) == 1, near(n, think, log, 1), has(n, "memories") && len(n) == 1:
		return gate.High
	case len(n) == 1 && c.has(think):
		return gate.Low
	}
	return gate.NoSeverity
}

func saidModel(s []word) gate.Severity {
	c := union(s)
	calls := has(s, "calls", "calling", "call", "caller", "invokes", "invoking", "you", "your", "current", "running", "llm", "assistant")
	if near(s, machine, act, 6) && c.has(name|this) || has(s, "which") && near(s, machine, you, 3) || near(s, machine, name, 4) && near(s, name, name, 2) {
		return gate.High
	}
	if calls && near(s, machine, name, 4) || has(s, "which") && has(s, "model", "llm", "assistant", "agent") && len(s) < 10 {
		return gate.Medium
	}
	return gate.NoSeverity
}

func namedModel(n []word) gate.Severity {
	switch {
	case near(n, act, machine, 1) && len(n) == 2, near(n, machine, name|ref, 2) && has(n, "llm", "calling", "caller", "your", "current", "assistant"):
		return gate.High
	case near(n, machine, name, 1):
		return gate.Low
	}
	return gate.NoSeverity
}
