package poison

import (
	_ "embed"
	"strings"
	"sync"
)

// A blend is some parts that together mean harm, though each alone is honest.
type blend struct {
	kind
	weight    int
	all, none part
}

//go:embed blends.txt
var blendList string

// blends is read once; a line that names what is not known is a fault of the list, which
// a test would see.
//
//nolint:gochecknoglobals // built once and only read
var blends = sync.OnceValue(func() []blend {
	var list []blend
	for line := range strings.Lines(blendList) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		head, words, _ := strings.Cut(line, ":")
		name, severity, _ := strings.Cut(head, " ")
		b := blend{kind: blendKinds[name], weight: blendWeights[severity]}
		if b.rule == "" || b.weight == 0 {
			panic("poison: no blend " + line)
		}
		list = append(list, b.spread(strings.Fields(words))...)
	}
	return list
})

// spread is b with the words, once for each choice that they leave.
func (b blend) spread(words []string) []blend {
	list := []blend{b}
	for _, word := range words {
		bare, without := strings.CutPrefix(word, "-")
		var next []blend
		for _, from := range list {
			for choice := range strings.SplitSeq(bare, "|") {
				p := partNamed(choice)
				if p == 0 {
					panic("poison: no part " + choice)
				}
				to := from
				if without {
					to.none |= p
				} else {
					to.all |= p
				}
				next = append(next, to)
			}
		}
		list = next
	}
	return list
}

//nolint:gochecknoglobals // a table; read-only
var blendWeights = map[string]int{"review": medium, "block": high}

// blendKinds are the kinds that a line of blends.txt begins with.
//
//nolint:gochecknoglobals // a table; read-only
var blendKinds = map[string]kind{
	"unbidden":  {"poison.conceal", signConceal, "says that a consent is given or needless that only the user can give"},
	"hushed":    {"poison.conceal", signConceal, "speaks of what the user is not to notice"},
	"untrue":    {"poison.conceal", signConceal, "says what the user is to be told, true or not"},
	"undone":    {"poison.override", signOverride, "says that rules no longer hold, or that somebody has new powers"},
	"unguarded": {"poison.override", signOverride, "wants what protects the user switched off"},
	"handed":    {"poison.file", signFile, "wants secrets of the user's handed over"},
	"told":      {"poison.argument", signArgument, "wants the conversation handed over"},
	"diverted":  {"poison.recipient", signRecipient, "brings a recipient that the text names, or its author, into what the user sends"},
	"beyond":    {"poison.beyond", signOther, "asks for an act beside the tool's job, on what is the user's"},
	"lasting":   {"poison.prerequisite", signStanding, "gives an order that outlives the call"},
	"rival":     {"preference.over_others", signPreference, "wants to be chosen over other tools"},
}

// maxBlend bounds a sentence whose parts are held together, in words: what is in a long list
// belongs to different entries.
const maxBlend = 45

// blended judges what the parts of the sentence mean together.
func (s *sentence) blended() {
	if !s.later() || s.about.Joined || len(s.words) > maxBlend || s.any.has(example) {
		return // what a tool says first is what it does; what only stands in a row is no sentence
	}
	have, list := s.parts(), blends()
	for i := range list {
		b := &list[i]
		if have.has(b.all) && have&b.none == 0 {
			s.report(b.kind, b.weight, 0, len(s.words)-1)
		}
	}
}
