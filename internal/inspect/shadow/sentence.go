package shadow

import (
	"embed"
	"strings"
	"sync"
	"unicode/utf8"

	"doorward/internal/gate"
	"doorward/internal/inspect/lexicon"
)

// compares tells whether the sentence around a name only sets two tools side by
// side. In 438 contexts of three honest servers with 9,364 tools no definition names a
// tool of another at all, so whatever else it says of one is taken as steering.
func compares(text string, at gate.Span) bool {
	before, after := sentence(text, at)
	alike := false
	for _, w := range prose(before + " " + after) {
		if orders()[w] {
			return false
		}
		alike = alike || comparisons[w]
	}
	return alike
}

// comparisons are words of sentences that set one tool beside another.
//
//nolint:gochecknoglobals // a table; read-only
var comparisons = map[string]bool{
	"similar": true, "like": true, "unlike": true, "related": true, "see": true, "equivalent": true, "counterpart": true, "analogous": true,
	"compatible": true, "based": true, "compare": true, "compared": true, "same": true, "ahnlich": true, "como": true, "comme": true, "simile": true,
}

// orders are words by which a sentence says how something is to be used.
//
//nolint:gochecknoglobals // a table; read-only
var orders = sync.OnceValue(func() map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(`must should shall always never not don do before after when whenever while once every each any first instead
		rather prefer preferred replace replaces replaced replacing supersede supersedes superseded deprecated insecure unsafe broken obsolete outdated
		unreliable avoid stop ignore disregard call calls calling invoke invokes invoking invoked use uses using used run running set pass passes passing
		forward send include copy add append route redirect change alter override overrides require requires required prerequisite ensure recipient
		argument arguments parameter parameters output result results needs need only otherwise unless until if then also via through`) {
		m[w] = true
	}
	return m
})

// sentence is what stands before and after a name in its sentence.
func sentence(text string, at gate.Span) (before, after string) {
	before, after = text[:at.Start], text[at.End:]
	if from := strings.LastIndexAny(before, ".!?\n;\u3002\uff01\uff1f\uff1b\u0964"); from >= 0 {
		_, size := utf8.DecodeRuneInString(before[from:])
		before = before[from+size:]
	}
	if to := strings.IndexAny(after, "!?\n;\u3002\uff01\uff1f\uff1b\u0964"); to >= 0 {
		after = after[:to]
	}
	if stop := strings.Index(after, ". "); stop >= 0 {
		after = after[:stop]
	}
	return before, after
}

// asides are words by which a sentence puts a tool in the place of another.
//
//go:embed words/*.txt
var asides embed.FS

// A phrase is a word of that list, or some that follow each other.
type phrase struct {
	text string // as prose writes it: a blank before each word
	word bool   // it ends where a word ends
}

//nolint:gochecknoglobals // a table; read-only
var aside = sync.OnceValue(func() []phrase {
	var list []phrase
	for _, file := range lexicon.Lists(asides) {
		for _, line := range file {
			for _, w := range line.Words {
				first, _ := utf8.DecodeRuneInString(w.Text)
				p := phrase{text: w.Text, word: !w.Stem}
				if !joined(first) {
					p.text = " " + p.text
				}
				list = append(list, p)
			}
		}
	}
	return list
})

// joined tells whether r is of a script in which a word may follow another, or have a
// particle, without a blank.
func joined(r rune) bool { return lexicon.Spaceless(r) || 0xac00 <= r && r < 0xd7a4 }

// setsAside tells whether the sentence around a name says that something else is to be
// used than what is so named.
func setsAside(text string, at gate.Span) bool {
	const most = 400 // bytes of a sentence on each side
	before, after := sentence(text, at)
	words := prose(before[max(0, len(before)-most):] + " " + after[:min(len(after), most)])
	said := lexicon.Fold(" " + strings.Join(words, " ") + " ")
	for _, p := range aside() {
		find := p.text
		if p.word {
			find += " "
		}
		if strings.Contains(said, find) {
			return true
		}
	}
	return false
}
