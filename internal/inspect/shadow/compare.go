package shadow

import (
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"doorward/internal/gate"
)

// A likeness is how a name is like another's.
type likeness uint8

const (
	different likeness = iota
	versioned          // the same but for an affix: "search_v2"
	mistyped           // one letter differs, and it is no other word
	disguised          // it reads the same, and is not: case, separators, letters that look alike
	same
)

// Above these a text is another's: the share of pairs of words in common. In 999
// contexts of three honest servers no two different tools have more in common.
const (
	some = 0.5
	most = 0.8
)

// either tells what of another tool is imitated, or would be if the other were the one
// that was there first: the copy may have the plain name, and the original the addition.
func (x *Index) either(e, other *entry) (gate.Finding, bool) {
	f, ok := x.compare(e, other)
	g, back := x.compare(other, e)
	if !back || ok && f.Severity >= g.Severity {
		return f, ok
	}
	return e.found(g.Rule, g.Severity, g.Where, other, "the other way round, "+g.Why), true
}

// compare tells what of another tool is imitated.
func (x *Index) compare(e, other *entry) (gate.Finding, bool) {
	name := x.likeness(e, other)
	jaccard, within := alike(e.shingles, other.shingles)
	small := min(len(e.shingles), len(other.shingles)) < 4
	inputs := slices.Equal(e.Inputs, other.Inputs)
	text := jaccard >= most || jaccard >= some && inputs || within >= most && !small
	switch {
	case name == same && (text && (!small || inputs) || inputs && len(e.Inputs) > 1 && jaccard > 0.3):
		if x.likes.twice(e.Upstream, other.Upstream) {
			return e.found("shadow.clone", gate.Medium, "/name", other, "a tool is another upstream's, as nearly all of both are: one server that is run twice, or a copy of all of it"), true
		}
		return e.found("shadow.clone", gate.High, "/name", other, "a tool has the name and the text of another upstream's"), true
	case name == disguised && (len(e.words) > 1 || utf8.RuneCountInString(e.Name) >= 8):
		return e.found("shadow.lookalike", e.grade(other, text || inputs), "/name", other, "a tool's name reads like another upstream's and is not the same"), true
	case name == mistyped:
		s := gate.Medium
		if text || inputs && len(e.Inputs) > 0 {
			s = gate.High
		}
		return e.found("shadow.lookalike", s, "/name", other, "a tool's name differs in one letter from another upstream's"), true
	case name == versioned && (text || inputs && len(e.Inputs) > 0):
		return e.found("shadow.lookalike", gate.High, "/name", other, "a tool has another upstream's name with an addition, and its text or parameters"), true
	case name == versioned && len(other.words) > 1:
		return e.found("shadow.lookalike", gate.High, "/name", other, "a tool has another upstream's name with an addition"), true
	case name == different && text && inputs && len(e.Inputs) > 0 && misspelt(e.skeleton, other.skeleton):
		return e.found("shadow.lookalike", gate.High, "/name", other, "a tool's name differs in one letter from another upstream's, and its text and parameters are the same"), true
	case name == different && jaccard >= most && !small:
		return e.found("shadow.overlap", gate.Medium, "/description", other, "a tool has the description of another upstream's tool"), true
	}
	return gate.Finding{}, false
}

// grade is how bad a disguised name is: case and separators alone are a habit of
// their author, unless the tool is like the other in more.
func (e *entry) grade(other *entry, alike bool) gate.Severity {
	if alike {
		return gate.High
	}
	if slices.Equal(e.words, other.words) && ascii(e.Name) {
		return gate.Low
	}
	return gate.High
}

func ascii(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
}

func (e *entry) found(rule string, s gate.Severity, where string, other *entry, why string) gate.Finding {
	text := e.Name + " / " + other.Upstream + ": " + other.Name
	if len(text) > gate.MaxFindingText {
		text = strings.ToValidUTF8(text[:gate.MaxFindingText], "")
	}
	return gate.Finding{Rule: rule, Severity: s, Where: where, Text: text, Why: why}
}

func (x *Index) likeness(e, other *entry) likeness {
	switch {
	case e.Name == other.Name:
		return same
	case e.skeleton == other.skeleton:
		return disguised
	case slices.Contains(stems(e.words), other.skeleton):
		return versioned
	case x.typo(e, other):
		return mistyped
	}
	return different
}

// misspelt tells whether two names of some length differ by one letter that is no "s" at
// the end, whatever words that makes: an upstream can say in its texts that it is one.
func misspelt(a, b string) bool {
	return min(len(a), len(b)) >= 6 && a+"s" != b && b+"s" != a && oneEdit([]rune(a), []rune(b))
}

// typo tells whether two names of some length differ by one letter that is added,
// left out, replaced or swapped with the next, in a way that makes no other word: an "s" at the end
// does, and so does a word that other names are made of.
func (x *Index) typo(e, other *entry) bool {
	a, b := []rune(e.skeleton), []rune(other.skeleton)
	if min(len(a), len(b)) < 6 || !oneEdit(a, b) || e.words == nil || other.words == nil {
		return false
	}
	if len(e.words) != len(other.words) {
		return len(a) > 8 && strings.Join(e.words, "")+"s" != strings.Join(other.words, "") && strings.Join(other.words, "")+"s" != strings.Join(e.words, "")
	}
	for i, w := range e.words {
		o := other.words[i]
		if w == o {
			continue
		}
		if len(w) < 4 || len(o) < 4 || w+"s" == o || o+"s" == w || w+"d" == o || o+"d" == w || w+"r" == o || o+"r" == w || w+"y" == o || o+"y" == w {
			return false
		}
		return !x.word(e, w)
	}
	return true
}

// word tells whether w is a word: other tools' names have it, or a text.
func (x *Index) word(e *entry, w string) bool {
	if common()[w] {
		return true
	}
	made := x.made[w]
	if slices.ContainsFunc(made, func(name string) bool { return name != e.Name }) {
		return true
	}
	return len(made) > 0 && slices.Contains(prose(e.Description), w)
}

// common are words of tools' names of which another is one letter away.
//
//nolint:gochecknoglobals // a table; read-only
var common = sync.OnceValue(func() map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(`list lint link line last lost post port past push pull poll pool tool took test text next node mode code core note vote name game
		page pages tag sort start stat state star stop step load lead read road send seed find mind bind kind fine file fill pile tile time item site size side hide
		user uses used case base save sale safe make take task mask disk risk tree three free form from team term item mail main call cell card cart chat chart char
		trace track truck stack stock block clock lock look book hook form fork work word world copy data date rate role rule move love view review preview group
		create created update updated upload unload reload delete select query quote order older folder holder build guild merge charge change range image message
		messages issue issues branch search fetch batch match patch watch launch create route routes score store story short sheet sheets table label level event
		events price prices prize place plane plate plan plans layer player play email account amount count county country contract contact contacts context content
		metric metrics matrix model module mobile weather whether feather channel chanel comment comments commit commits command commands asset assets insert invert
		convert connect collect correct direct token tokens script scripts public publish close clone price slide slice`) {
		m[w] = true
	}
	return m
})

// oneEdit tells whether two different texts are one edit apart.
func oneEdit(a, b []rune) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(b)-len(a) > 1 {
		return false
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	if len(a) < len(b) {
		return slices.Equal(a[i:], b[i+1:])
	}
	if i == len(a) {
		return false
	}
	if slices.Equal(a[i+1:], b[i+1:]) {
		return true
	}
	return i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && slices.Equal(a[i+2:], b[i+2:])
}
