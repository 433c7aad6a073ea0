// Package poison looks in a tool's definition for orders that aim beyond the tool:
// at files and keys, at other tools and their arguments, at recipients, at what the
// user is told, at the conversation, at the choice between tools (OWASP MCP03:2025, tool
// poisoning; OWASP LLM01:2025).
//
// inspect/definition gives it every string of a definition, as it is and as it reads when
// it is decoded. It judges sentences by what their words are: who is to do what, with
// which object, for whom, when, and who is not to know. It knows no payload; emphasis
// is no evidence, and what a tool says of itself and of its own server's tools is honest. It
// does no I/O, keeps nothing between texts, and decides nothing.
package poison

import (
	"strings"

	"doorward/internal/gate"
)

// About is the tool that a text belongs to.
type About struct {
	Upstream, Name string
	Own            []string // names of the tools of its own server
	Others         []string // names of the tools of other servers
	Field          string   // JSON pointer of the text in the definition
	Joined         bool     // the text is several strings of the definition in a row
}

// Scan is what it finds in a text of a definition, in the order of its sentences.
func Scan(text string, a About) []gate.Finding {
	s := scan{about: &a, text: text, reader: reader{words: lexicon(), text: text}}
	for {
		words := s.reader.next()
		if len(words) == 0 {
			break
		}
		s.judge(words)
	}
	return s.findings()
}

// scan is a text while it is judged.
type scan struct {
	about   *About
	text    string
	reader  reader
	names   map[string]owner // of tools, once one was asked for
	acts    []act
	carried bool   // the sentence before announces this one as an order
	signs   []sign // what each sentence has, for its neighbours
}

// An act is something the text asks for.
type act struct {
	kind
	weight     int
	sentence   int
	start, end int
}

// A kind is a rule of one finding with what a person is told.
type kind struct {
	rule string
	sign sign
	why  string
}

// A sign is what a sentence has of a kind that makes its neighbours more likely to
// mean harm.
type sign uint16

const (
	signFile sign = 1 << iota
	signRecipient
	signConceal
	signOther
	signOverride
	signArgument
	signShell
	signRole
	signStanding
	signPrerequisite
	signPreference
	signFail
	signChief
	signModel
)

// grave are the signs of what hardly any honest tool has, so that less weighs as much.
const grave = signFile | signRecipient | signConceal | signOverride

// The weights from which a finding has a severity.
const (
	low    = 2
	medium = 3
	high   = 5
)

// maxFindings bounds the findings of one text.
const maxFindings = 16

// findings weighs each act with what is around it.
func (s *scan) findings() []gate.Finding {
	var found []gate.Finding
	last := map[string]int{} // findings of each rule
	for i := range s.acts {
		a := &s.acts[i]
		severity := severityOf(s.weigh(a))
		if severity == gate.NoSeverity {
			continue
		}
		f := gate.Finding{
			Rule: a.rule, Severity: severity, Where: s.about.Field, Why: a.why,
			Span: gate.Span{Start: a.start, End: a.end},
			Text: strings.ToValidUTF8(s.text[a.start:min(a.end, a.start+gate.MaxFindingText)], ""),
		}
		n, again := last[a.rule]
		switch {
		case again && a.start < found[n].Span.End:
			if severity > found[n].Severity {
				found[n] = f
			}
		case len(found) < maxFindings:
			last[a.rule] = len(found)
			found = append(found, f)
		}
	}
	return found
}

func severityOf(weight int) gate.Severity {
	switch {
	case weight >= high:
		return gate.High
	case weight >= medium:
		return gate.Medium
	case weight >= low:
		return gate.Low
	}
	return gate.NoSeverity
}

// weigh is the weight of an act with what is around it. What is hardly an act stays a
// matter for a person.
func (s *scan) weigh(a *act) int {
	w := a.weight + s.support(a)
	if a.weight < medium {
		return min(w, high-1)
	}
	if a.weight == high-1 && a.sign&grave != 0 {
		return max(w, high) // one of 8,976 honest tools has such an act
	}
	return w
}

// neighbours is how many sentences before and after one belong to the same matter.
const neighbours = 2

// support is what the signs around an act add to its weight.
func (s *scan) support(a *act) int {
	if a.sign == 0 || a.sign == signPreference || a.sign == signPrerequisite && a.weight < high-1 { // what a tool says of itself stays a remark about it
		return 0
	}
	var around sign
	for i := max(0, a.sentence-neighbours); i <= a.sentence+neighbours && i < len(s.signs); i++ {
		around |= s.signs[i]
	}
	around &^= a.sign
	sum := 0
	for bit := signFile; bit <= signShell; bit <<= 1 {
		if around&bit != 0 {
			sum += 2
		}
	}
	for bit := signRole; bit <= signModel; bit <<= 1 {
		if around&bit != 0 {
			sum++
		}
	}
	return min(sum, maxSupport)
}

// maxSupport bounds what neighbours add: they never make much of nothing.
const maxSupport = 4
