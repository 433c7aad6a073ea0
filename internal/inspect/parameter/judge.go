package parameter

import (
	"slices"
	"strings"

	"doorward/internal/gate"
)

// A kind is one thing that a tool may ask for without needing it.
type kind struct {
	rule string
	why  string
	need class // words in what the tool is for that make it honest
	// said tells from a sentence, named from the words of a name, how sure it is.
	said, named func([]word) gate.Severity
}

// kinds are all of them, the gravest first.
//
//nolint:gochecknoglobals // a table; read-only
var kinds = []kind{
	{"parameter.conversation", "a parameter asks for what was said between the user and the model, which the tool does not need", forChat, saidTalk, namedTalk},
	{"parameter.system_prompt", "a parameter asks for the instructions that the model was given, which the tool does not need", forPrompt, saidPrompt, namedPrompt},
	{"parameter.secret", "a parameter asks for secrets that the tool does not need", forSecret, saidSecret, namedSecret},
	{"parameter.other_tool", "a parameter asks for what other tools or files hold, which the tool does not need", forTools, saidTools, namedTools},
	{"parameter.other_tool", "a parameter asks for what other files hold, which the tool does not need", forTools | forFiles, saidFiles, namedFiles},
	{"parameter.side_note", "a parameter asks for the model's thoughts or for whatever else it knows, which the tool does not need", forThink, saidThought, namedThought},
	{"parameter.model", "a parameter asks which model calls, which the tool does not need", forPrompt, saidModel, namedModel},
}

// judge is the gravest thing that a parameter asks for.
func judge(p *param, purpose class) (gate.Finding, bool) {
	if p.narrow {
		return gate.Finding{}, false
	}
	called := words(p.name)
	said := sentences(words(p.text))
	var worst gate.Severity
	var by *kind
	for i := range kinds {
		k := &kinds[i]
		s := k.severity(called, said)
		if s == gate.Medium && p.required {
			s = gate.High
		}
		if purpose.has(k.need) {
			s = min(s, gate.Low)
		}
		if s > worst {
			worst, by = s, k
		}
	}
	if by == nil {
		return gate.Finding{}, false
	}
	return gate.Finding{
		Rule: by.rule, Severity: worst, Where: p.at,
		Text: cut(strings.TrimSpace(p.name + ": " + p.text)), Why: by.why,
	}, true
}

// severity is how sure it is that a parameter is of the kind: by what is said of
// it, and by its name, for which less speaks where it is explained.
func (k *kind) severity(called []word, said [][]word) gate.Severity {
	worst := gate.NoSeverity
	for _, sentence := range said {
		if !denied(sentence) {
			worst = max(worst, k.said(sentence))
		}
	}
	byName := k.named(called)
	if len(said) > 0 && byName > gate.NoSeverity {
		byName--
	}
	return max(worst, byName)
}

// denied tells whether a sentence says not to: "do not include secrets"; not to
// leave something out is no denial.
func denied(sentence []word) bool {
	c := union(sentence)
	return c.has(no) && !c.has(omit)
}

// refers tells whether a sentence is about a reference to a thing, not the thing.
func refers(list []word) bool { return union(list).has(ref) }

func saidTalk(s []word) gate.Severity {
	c := union(s)
	switch {
	case refers(s) && !c.has(whole):
	case near(s, talk, past|whole|log, 5), one(s, talk, past), near(s, talk, user|you, 2) && c.has(content|note|said|know):
		return gate.High
	case near(s, log, whole|past|know, 4) && c.has(user|you|machine|this), near(s, user, said, 4) && near(s, said, whole|past, 5):
		return gate.High
	case near(s, talk, this|you|user|content|note, 4), near(s, log, this, 2) && c.has(whole|seek|content|log):
		return gate.Medium
	}
	return gate.NoSeverity
}

func namedTalk(n []word) gate.Severity {
	c := union(n)
	switch {
	case c.has(ref):
	case near(n, talk, log|past|whole|note|content, 1):
		return gate.High
	case near(n, log, past|whole, 2) && near(n, log, user|machine|log, 2), near(n, user, said, 1) && c.has(whole|past|log|system):
		return gate.High
	case len(n) == 1 && c.has(talk), near(n, user, said|log, 1):
		return gate.Medium
	}
	return gate.NoSeverity
}

func saidPrompt(s []word) gate.Severity {
	c := union(s)
	switch {
	case near(s, system, order, 2), one(s, system, order):
		return gate.High
	case near(s, order, you, 3) && near(s, order, given|whole|past|system|inner, 5):
		return gate.High
	case near(s, order, machine, 3) && c.has(given) && c.has(you|whole|this):
		return gate.Medium
	}
	return gate.NoSeverity
}

func namedPrompt(n []word) gate.Severity {
	switch {
	case near(n, system, order, 1) && len(n) <= 4, near(n, order, you|machine|given, 1) && union(n).has(system|inner|given|you):
		return gate.High
	case near(n, machine, order, 1):
		return gate.Medium
	}
	return gate.NoSeverity
}

func saidSecret(s []word) gate.Severity {
	c := union(s)
	guarded := near(s, keyed, key, 1) && has(s, "private", "ssh", "aws", "gcp", "gpg", "pgp") || near(s, secret, key, 1) || c.has(secret)
	switch {
	case refers(s) && !c.has(whole):
	case guarded && near(s, secret|key, whole|know|open|content|past, 4), has(s, "rsa", "ed25519", "dotenv", "keychain") && c.has(content|whole|file|key):
		return gate.High
	case near(s, keyed, key, 1) && c.has(whole|past) && has(s, "keys", "tokens", "cookies", "passwords"), guarded && near(s, secret|key, user|you|this, 3):
		return gate.Medium
	}
	return gate.NoSeverity
}

func namedSecret(n []word) gate.Severity {
	c := union(n)
	switch {
	case c.has(ref):
	case near(n, keyed, key, 1) && has(n, "private", "ssh", "aws", "gcp", "master", "gpg", "pgp"), near(n, secret, key|content|whole|file, 1) && len(n) > 1:
		return gate.High
	case len(n) == 1 && has(n, "credentials", "passwords", "secrets", "keychain", "mnemonic", "dotenv"):
		return gate.Medium
	}
	return gate.NoSeverity
}

func saidTools(s []word) gate.Severity {
	c := union(s)
	switch {
	case refers(s) && !c.has(whole):
	case near(s, tool, result, 3) && near(s, tool|result, other|past|whole|you, 4), near(s, tool, list|person|name, 3) && near(s, tool, you|whole|other, 4) && c.has(you|other):
		return gate.High
	case near(s, result, past, 2) && c.has(whole|you|content):
		return gate.Medium
	}
	return gate.NoSeverity
}

func namedTools(n []word) gate.Severity {
	switch {
	case union(n).has(ref):
	case has(n, "tool", "tools") && near(n, tool, result|list|other|past, 1):
		return gate.High
	case near(n, other|past, result, 1):
		return gate.Medium
	}
	return gate.NoSeverity
}

func saidFiles(s []word) gate.Severity {
	c := union(s)
	if (c.has(whole) || !refers(s)) && near(s, file, content, 4) && near(s, file, open|whole|other|this, 4) && c.has(you|user|whole|past|this) {
		return gate.Medium
	}
	return gate.NoSeverity
}

func namedFiles(n []word) gate.Severity {
	if !union(n).has(ref) && (near(n, open, file, 1) && len(n) <= 3 || has(n, "clipboard") && len(n) == 1) {
		return gate.Medium
	}
	return gate.NoSeverity
}

func saidThought(s []word) gate.Severity {
	c := union(s)
	switch {
	case near(s, think, inner|whole, 3) && c.has(you|inner|machine):
		return gate.High
	case near(s, think, you, 3):
		return gate.Medium
	case c.has(know) && near(s, know, you, 3) && c.has(user|whole|note|content):
		return gate.High
	case near(s, person|note, whole, 3) && near(s, person|note, user, 4) && c.has(know|you|talk|past):
		return gate.Medium
	}
	return gate.NoSeverity
}

func namedThought(n []word) gate.Severity {
	c := union(n)
	switch {
	case near(n, think, inner, 2), has(n, "scratchpad", "monologue", "sidenote"), near(n, note, inner, 1) && c.has(inner), has(n, "side") && c.has(note):
		return gate.Medium
	case len(n) == 1 && c.has(think):
		return gate.Low
	}
	return gate.NoSeverity
}

func saidModel(s []word) gate.Severity {
	switch {
	case near(s, machine, name, 4) && has(s, "calls", "calling", "call", "caller", "invokes", "invoking", "you", "your", "current", "running"):
		return gate.Medium
	}
	return gate.NoSeverity
}

func namedModel(n []word) gate.Severity {
	switch {
	case near(n, machine, name|ref, 2) && has(n, "llm", "calling", "caller", "your", "current", "assistant"):
		return gate.Medium
	case near(n, machine, name, 1):
		return gate.Low
	}
	return gate.NoSeverity
}

// one tells whether a single word is of both classes, as "Systemprompt" is.
func one(list []word, a, b class) bool {
	for i := range list {
		if list[i].class.has(a) && list[i].class.has(b) {
			return true
		}
	}
	return false
}

func has(list []word, texts ...string) bool {
	for i := range list {
		if slices.Contains(texts, list[i].text) {
			return true
		}
	}
	return false
}

// cut bounds what a finding shows.
func cut(s string) string {
	if len(s) <= gate.MaxFindingText {
		return s
	}
	return strings.ToValidUTF8(s[:gate.MaxFindingText], "")
}
