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
	{"parameter.secret", "a parameter asks for secrets that the tool does not need", forSecret | forEnv, saidSecret, namedSecret},
	{"parameter.other_tool", "a parameter asks for what other tools or files hold, which the tool does not need", forTools, saidTools, namedTools},
	{"parameter.other_tool", "a parameter asks for what other files hold, which the tool does not need", forTools | forFiles, saidFiles, namedFiles},
	{"parameter.side_note", "a parameter asks for the model's thoughts or for whatever else it knows, which the tool does not need", forThink | forChat, saidThought, namedThought},
	{"parameter.model", "a parameter asks which model calls, which the tool does not need", forPrompt, saidModel, namedModel},
}

// judge is the gravest thing that a parameter asks for.
func judge(p *param, purpose class) (gate.Finding, bool) {
	if p.narrow {
		return gate.Finding{}, false
	}
	called := namedWords(p.name)
	reference := len(called) > 0 && refersTo(&called[len(called)-1])
	said := sentences(words(p.text))
	if l := legible(p.text); l != p.text {
		said = append(said, sentences(words(l))...)
	}
	pretended := union(called).has(pretext)
	for _, sentence := range said {
		pretended = pretended || union(sentence).has(pretext)
	}
	var worst gate.Severity
	var by *kind
	for i := range kinds {
		k := &kinds[i]
		s := k.severity(called, said)
		if s == gate.Medium && (p.required || pretended) {
			s = gate.High
		}
		if purpose.has(k.need) || reference && k.rule != "parameter.model" {
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

// refersTo tells whether the last word of a name says that it is a reference.
func refersTo(last *word) bool {
	return last.class.has(ref) || last.class.has(name) && last.text != "vendor" && last.text != "version" || last.text == "names"
}

// severity is how sure it is that a parameter is of the kind: by what is said of
// it, and by its name, for which less speaks where it is explained.
func (k *kind) severity(called []word, said [][]word) gate.Severity {
	worst := gate.NoSeverity
	aside := len(said) > 0 // what is said is of something else
	for _, sentence := range said {
		aside = aside && !union(sentence).has(talk|you|machine|user|order|think|secret|inner)
		if !denied(sentence) {
			worst = max(worst, k.said(sentence))
		}
	}
	byName := k.named(called)
	if aside && byName > gate.NoSeverity {
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
