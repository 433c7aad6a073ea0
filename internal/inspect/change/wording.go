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
	"talk":    "It speaks of the conversation or the model.",
	"tool":    "It speaks of other tools.",
	"money":   "It speaks of money or accounts.",
	"place":   "It names a place, an address or an identifier that it did not name.",
	"script":  "It is in another script.",
	"more":    "It says much more than it did.",
}

// words notes what is new in the wording.
func words(was, is map[string]leaf, reasons map[string]bool) {
	old := map[string]bool{}
	before, after := 0, 0
	scripts := map[*unicode.RangeTable]bool{}
	for _, l := range was {
		for _, p := range l.path {
			learn(old, p)
		}
		learn(old, l.text)
		if l.wording() {
			before += len(l.text)
			count(scripts, l.text)
		}
	}
	for _, l := range is {
		if !l.wording() {
			continue
		}
		after += len(l.text)
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
	if place(w) {
		if old[strings.ToLower(w)] {
			return ""
		}
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
	if part[0] < utf8.RuneSelf {
		return ""
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
		for w := range strings.FieldsSeq(reveal.Fold(text)) {
			w = strings.Trim(w, "\"'`.,;:!?()[]{}<>«»“”„‘’。，、；：！？（）「」")
			if w != "" && !yield(w) {
				return
			}
		}
	}
}

// parts are the words of a token, folded; names are taken apart.
func parts(w string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for p := range strings.FieldsFuncSeq(w, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsMark(r) }) {
			if !yield(fold(p)) {
				return
			}
		}
	}
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
	switch {
	case strings.Contains(w, "://"), strings.ContainsAny(w, "@\\~$"), digits >= 6:
		return true
	case strings.Contains(w, "/"):
		return strings.HasPrefix(w, "/") || strings.Count(w, "/") > 1 || strings.Contains(w, ".")
	case strings.ContainsAny(inner, "_"):
		return true
	case strings.Contains(inner, ".") && !strings.HasSuffix(w, "."):
		return strings.IndexFunc(w, unicode.IsLetter) >= 0 && !slices.Contains([]string{"e.g", "i.e", "z.b", "p.ej", "a.m", "p.m", "u.a", "b.v", "t.ex"}, strings.ToLower(w))
	}
	return false
}

func fold(w string) string {
	var b strings.Builder
	for _, r := range w {
		r = unicode.ToLower(r)
		if s, ok := accents[r]; ok {
			b.WriteString(s)
			continue
		}
		if r >= 0x300 && r < 0x370 || r >= 0x64b && r < 0x660 {
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// accents are letters with marks, and what they are without.
//
//nolint:gochecknoglobals // a table; read-only
var accents = func() map[rune]string {
	m := map[rune]string{'ß': "ss", 'æ': "ae", 'œ': "oe", 'ø': "o", 'đ': "d", 'ł': "l", 'ı': "i"}
	for plain, marked := range map[string]string{
		"a": "àáâãäåāăąạảấầẩẫậắằẳẵặ", "c": "çćĉċč", "d": "ďð", "e": "èéêëēĕėęěẹẻẽếềểễệ", "g": "ĝğġģ",
		"i": "ìíîïĩīĭįỉị", "l": "ĺļľ", "n": "ñńņň", "o": "òóôõöōŏőơọỏốồổỗộớờởỡợ", "r": "ŕŗř", "s": "śŝşšș",
		"t": "ţťțŧ", "u": "ùúûüũūŭůűųưụủứừửữự", "y": "ýÿŷỳỵỷỹ", "z": "źżž",
		"α": "ά", "ε": "έ", "η": "ή", "ι": "ίϊΐ", "ο": "ό", "υ": "ύϋΰ", "ω": "ώ", "σ": "ς", "ا": "أإآٱ", "ه": "ة", "ي": "ىی", "е": "ё",
	} {
		for _, r := range marked {
			m[r] = plain
		}
	}
	return m
}()
