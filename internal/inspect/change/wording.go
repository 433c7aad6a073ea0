package change

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"doorward/internal/inspect/lexicon"
	"doorward/internal/inspect/reveal"
)

// told says of each kind of word what a person is told.
//
//nolint:gochecknoglobals // a table; read-only
var told = map[class]string{
	send:    "It says that something goes elsewhere.",
	key:     "It speaks of what is kept secret.",
	order:   "It gives orders that it did not give.",
	conceal: "It speaks of what people are not told or asked.",
	talk:    "It speaks of the conversation or of instructions.",
	money:   "It speaks of money or accounts.",
	act:     "It speaks of an act that it did not speak of.",
}

const (
	newPlace  = "It names a place, an address or an identifier that it did not name."
	newScript = "It is in another script or language."
	muchMore  = "It says much more than it did."
)

// words notes what is new in the wording.
func words(was, is *tree, reasons map[string]bool) {
	before, after := 0, 0
	k := known{words: map[string]bool{}, scripts: map[*unicode.RangeTable]bool{}}
	spoke := map[string]bool{}
	for _, l := range was.leaves {
		for _, p := range l.path {
			k.learn(p)
		}
		k.learn(l.text)
		if was.wording(&l) {
			before += len(l.text)
			k.count(l.text)
			for of := range languages(l.text) {
				spoke[of] = true
			}
		}
	}
	for _, l := range is.leaves {
		if !is.wording(&l) {
			continue
		}
		after += len(l.text)
		for of, n := range languages(l.text) {
			if n > 1 && of != "en" && !spoke[of] && len(spoke) > 0 {
				reasons[newScript] = true
			}
		}
		for w := range tokens(l.text) {
			k.judge(w, reasons)
		}
	}
	const much = 400 // bytes, beside twice what was there
	if after > 2*before+much {
		reasons[muchMore] = true
	}
}

// known is what a definition had.
type known struct {
	words   map[string]bool
	scripts map[*unicode.RangeTable]bool // of its wording
}

// judge notes what a word brings that was not there.
func (k *known) judge(w string, reasons map[string]bool) {
	if place(w) && !k.words[strings.ToLower(w)] && !composed(w, k.words) {
		reasons[newPlace] = true
	}
	for part := range parts(w) {
		if k.words[part] {
			continue
		}
		risk := spoken().class(part) & risks
		for c := send; c <= act; c <<= 1 {
			if risk&c != 0 && (c != act || !k.inflected(part)) {
				reasons[told[c]] = true
			}
		}
		for _, s := range foreign() {
			if len(k.scripts) > 0 && !k.scripts[s] && strings.ContainsFunc(part, func(r rune) bool { return unicode.Is(s, r) }) {
				reasons[newScript] = true
			}
		}
	}
}

// inflected tells whether a word was there in another form: "deletes" for "delete".
func (k *known) inflected(w string) bool {
	for n := len(w) - 2; n < len(w); n++ {
		if n >= 4 && (k.words[w[:n]] || k.words[w[:n]+"e"] || k.words[w[:n]+"es"] || k.words[w[:n]+"s"] || k.words[w[:n]+"ed"] || k.words[w[:n]+"ing"]) {
			return true
		}
	}
	return k.words[w+"s"] || k.words[w+"d"] || k.words[w+"ed"]
}

// spaceless tells whether a text begins in a script in which words follow each other
// without blanks, or with particles.
func spaceless(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return lexicon.Spaceless(r) || unicode.Is(unicode.Hangul, r)
}

// foreign are scripts of which a first letter is a change to read.
func foreign() []*unicode.RangeTable {
	return []*unicode.RangeTable{
		unicode.Latin, unicode.Cyrillic, unicode.Greek, unicode.Han, unicode.Hangul, unicode.Arabic, unicode.Hebrew, unicode.Devanagari, unicode.Thai, unicode.Hiragana, unicode.Katakana,
	}
}

// count notes the scripts of a text. Who writes Kana writes Han and both kinds of it.
func (k *known) count(text string) {
	for _, r := range text {
		for _, s := range foreign() {
			if unicode.Is(s, r) {
				k.scripts[s] = true
			}
		}
	}
	if k.scripts[unicode.Hiragana] || k.scripts[unicode.Katakana] {
		k.scripts[unicode.Hiragana], k.scripts[unicode.Katakana], k.scripts[unicode.Han] = true, true, true
	}
}

// learn notes the words of what was there.
func (k *known) learn(text string) {
	for w := range tokens(text) {
		k.words[strings.ToLower(w)] = true
		for part := range parts(w) {
			k.words[part] = true
		}
	}
}

// tokens are what stands between blanks, without marks at the ends.
func tokens(text string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for w := range strings.FieldsSeq(seen(text)) {
			w = strings.Trim(w, "\"'`.,;:!?()[]{}<>«»“”„‘’。，、；：！？（）「」")
			if w != "" && !yield(w) {
				return
			}
		}
	}
}

// seen is a text as it reads. A text of plain letters keeps its capitals, which
// part the words of names.
func seen(text string) string {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf || text[i] < ' ' && text[i] != '\n' && text[i] != '\t' && text[i] != '\r' {
			return reveal.Fold(text)
		}
	}
	return text
}

// parts are the words of a token, folded; names are taken apart.
func parts(w string) func(func(string) bool) {
	return func(yield func(string) bool) {
		small, start := false, -1
		for i, r := range w {
			letter := unicode.IsLetter(r) || unicode.IsMark(r)
			if start >= 0 && (!letter || small && unicode.IsUpper(r)) {
				if !yield(lexicon.Fold(w[start:i])) {
					return
				}
				start = -1
			}
			if letter && start < 0 {
				start = i
			}
			small = unicode.IsLower(r)
		}
		if start >= 0 {
			yield(lexicon.Fold(w[start:]))
		}
	}
}

// composed tells whether a name is made of words that were there, but for one.
func composed(w string, old map[string]bool) bool {
	if strings.ContainsAny(w, "/\\.@~$") {
		return false
	}
	fresh, n := 0, 0
	for part := range parts(w) {
		if n++; !old[part] && part != "id" && part != "ids" {
			fresh++
		}
	}
	return fresh == 0 || fresh == 1 && n > 2
}

// place tells whether a token is a URL, a path, an address, a number of some length
// or the name of a thing.
func place(w string) bool {
	inner := w[min(1, len(w)):]
	digits := 0
	for _, r := range w {
		if unicode.IsDigit(r) {
			digits++
		}
	}
	if scope, name, ok := strings.Cut(w, "/"); ok && strings.HasPrefix(scope, "@") && !strings.ContainsAny(scope[1:]+name, "@/:.\\") {
		return false // a package: "@scope/name"
	}
	switch {
	case strings.Contains(w, "://"), strings.ContainsAny(w, "@\\~$"), digits >= 6:
		return true
	case strings.Contains(w, "/"):
		return strings.HasPrefix(w, "/") && len(w) > 1 || strings.Count(w, "/") > 1 || strings.Contains(w, ".")
	case strings.ContainsAny(inner, "_"):
		return true
	case strings.Contains(inner, ".") && !strings.HasSuffix(w, "."):
		return strings.IndexFunc(w, unicode.IsLetter) >= 0 && !slices.Contains([]string{"e.g", "i.e", "z.b", "p.ej", "a.m", "p.m", "u.a", "b.v", "t.ex"}, strings.ToLower(w))
	}
	return false
}
