package change

import (
	_ "embed"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"doorward/internal/inspect/reveal"
)

// words.txt has words that a change of wording may not bring in without being read: what
// data goes where, secrets, orders, exceptions, others' things, in many languages.
//
//go:embed words.txt
var list string

type telling struct {
	exact map[string]string // the word and what it is
	stems map[string]string
}

//nolint:gochecknoglobals // a table; read-only
var risky = sync.OnceValue(func() *telling {
	t := &telling{exact: map[string]string{}, stems: map[string]string{}}
	for line := range strings.Lines(list) {
		head, text, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		for w := range strings.FieldsSeq(text) {
			if stem, ok := strings.CutSuffix(w, "*"); ok {
				t.stems[fold(stem)] = head
			} else {
				t.exact[fold(w)] = head
			}
		}
	}
	return t
})

// told says of each kind of word what a person is told.
//
//nolint:gochecknoglobals // a table; read-only
var told = map[string]string{
	"send":    "It says that something goes elsewhere.",
	"key":     "It speaks of what is kept secret.",
	"order":   "It gives orders that it did not give.",
	"conceal": "It speaks of what people are not told or asked.",
	"talk":    "It speaks of the conversation or of instructions.",
	"money":   "It speaks of money or accounts.",
	"place":   "It names a place, an address or an identifier that it did not name.",
	"act":     "It speaks of an act that it did not speak of.",
	"script":  "It is in another script or language.",
	"more":    "It says much more than it did.",
}

// words notes what is new in the wording.
func words(was, is map[string]leaf, reasons map[string]bool) {
	old := map[string]bool{}
	before, after := 0, 0
	scripts, spoke := map[*unicode.RangeTable]bool{}, map[string]bool{}
	for _, l := range was {
		for _, p := range l.path {
			learn(old, p)
		}
		learn(old, l.text)
		if l.wording() {
			before += len(l.text)
			count(scripts, l.text)
			for of := range languages(l.text) {
				spoke[of] = true
			}
		}
	}
	for _, l := range is {
		for _, name := range l.path {
			if kind := judge(name, old, scripts); kind != "" && kind != "place" {
				reasons[told[kind]] = true
			}
		}
		if n := len(l.path); !l.wording() && (n < 2 || l.kind != '"' || l.path[n-2] != "examples") {
			continue
		}
		after += len(l.text)
		for of, n := range languages(l.text) {
			if n > 1 && of != "en" && !spoke[of] && len(spoke) > 0 {
				reasons[told["script"]] = true
			}
		}
		for w := range tokens(l.text) {
			if kind := judge(w, old, scripts); kind != "" {
				reasons[told[kind]] = true
			}
		}
	}
	const much = 400 // bytes, beside twice what was there
	if after > 2*before+much {
		reasons[told["more"]] = true
	}
}

// judge is the kind of risk that a word brings; empty when it brings none or was
// there.
func judge(w string, old map[string]bool, scripts map[*unicode.RangeTable]bool) string {
	if place(w) && !old[strings.ToLower(w)] && !composed(w, old) {
		return "place"
	}
	t := risky()
	for part := range parts(w) {
		if old[part] {
			continue
		}
		if kind := t.kind(part); kind != "" && !old[kind+":"] {
			return kind
		}
		for _, s := range foreign() {
			if len(scripts) > 0 && !scripts[s] && strings.ContainsFunc(part, func(r rune) bool { return unicode.Is(s, r) }) {
				return "script"
			}
		}
	}
	return ""
}

// kind is what a folded word is; of scripts without spaces, what is in it.
func (t *telling) kind(part string) string {
	if k := t.exact[part]; k != "" {
		return k
	}
	const most = 12 // runes; no longer word is listed
	for i := range part {
		for j, n := i, 0; j < len(part) && n < most; n++ {
			_, size := utf8.DecodeRuneInString(part[j:])
			j += size
			if k := t.stems[part[i:j]]; k != "" && (i == 0 || spaceless(part[i:])) {
				return k
			}
		}
		if !spaceless(part[i:]) {
			break
		}
	}
	return ""
}

func spaceless(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Thai)
}

// foreign are scripts of which a first letter is a change to read.
func foreign() []*unicode.RangeTable {
	return []*unicode.RangeTable{
		unicode.Latin, unicode.Cyrillic, unicode.Greek, unicode.Han, unicode.Hangul, unicode.Arabic, unicode.Hebrew, unicode.Devanagari, unicode.Thai, unicode.Hiragana, unicode.Katakana,
	}
}

func count(scripts map[*unicode.RangeTable]bool, text string) {
	for _, r := range text {
		for _, s := range foreign() {
			if unicode.Is(s, r) {
				scripts[s] = true
			}
		}
	}
}

// learn notes the words of what was there.
func learn(old map[string]bool, text string) {
	for w := range tokens(text) {
		old[strings.ToLower(w)] = true
		for part := range parts(w) {
			old[part] = true
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
				if !yield(fold(w[start:i])) {
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
			yield(fold(w[start:]))
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
