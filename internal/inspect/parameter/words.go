package parameter

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"doorward/internal/inspect/lexicon"
	"doorward/internal/inspect/reveal"
)

// maxWords bounds what is read of one text, in words. The longest description
// of an honest parameter that is known has some 600.
const maxWords = 4096

// A word is one of a text, and what it can be.
type word struct {
	text  string // folded
	class class
	begin bool // of a sentence
	exact bool // known as it is, not by how it begins
}

// words are the words of a text; identifiers are split where they are put
// together ("chatHistory", "chat_history").
func words(text string) []word {
	k := vocabulary()
	var out []word
	begin := true
	add := func(w string, c class) {
		out = append(out, word{text: w, class: c, begin: begin, exact: k.exact[w] != 0})
		begin = false
	}
	for i := 0; i < len(text) && len(out) < maxWords; {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case spaceless(r):
			c, n := k.prefix(text[i:])
			if n > 0 {
				add(text[i:i+n], c)
			}
			i += max(n, size)
		case unicode.IsLetter(r) || unicode.IsMark(r):
			n := run(text[i:])
			w := lexicon.Fold(text[i : i+n])
			if w != "" {
				add(w, k.spelled(w))
			}
			i += n
		default:
			begin = begin || ends(r, text[i+size:])
			i += size
		}
	}
	return out
}

// spelled is what a word can be; of one that is not known, what it is with its umlauts
// written in one letter ("gespraech").
func (k *known) spelled(w string) class {
	c := k.word(w)
	if c == 0 && (strings.Contains(w, "ae") || strings.Contains(w, "oe") || strings.Contains(w, "ue")) {
		c = k.word(strings.NewReplacer("ae", "a", "oe", "o", "ue", "u").Replace(w))
	}
	return c
}

// run is the length of the word that text begins with: it ends before a capital
// after a small letter.
func run(text string) int {
	small, last := false, 0
	for i, r := range text {
		if unicode.IsUpper(r) && small || spaceless(r) || !unicode.IsLetter(r) && !unicode.IsMark(r) {
			return max(i, last)
		}
		small = unicode.IsLower(r)
		last = i + utf8.RuneLen(r)
		if r == utf8.RuneError {
			last = i + 1
		}
	}
	return len(text)
}

// ends tells whether r ends a sentence before rest.
func ends(r rune, rest string) bool {
	switch r {
	case '.', '!', '?', ';':
		next, _ := utf8.DecodeRuneInString(rest)
		return rest == "" || unicode.IsSpace(next)
	case '\n', '。', '！', '？', '；', '।', '؟':
		return true
	}
	return false
}

// spaceless tells whether words of r's script are looked for wherever they stand: those
// that have no spaces between them, and those of Korean, which end in particles.
func spaceless(r rune) bool { return lexicon.Spaceless(r) || 0xac00 <= r && r < 0xd7b0 }

// union is what the words can be together.
func union(list []word) (c class) {
	for i := range list {
		c |= list[i].class
	}
	return c
}

// sentences are the words of each sentence.
func sentences(list []word) [][]word {
	var out [][]word
	start := 0
	for i := range list {
		if list[i].begin && i > start {
			out = append(out, list[start:i])
			start = i
		}
	}
	if start < len(list) {
		out = append(out, list[start:])
	}
	return out
}

// near tells whether a word of class b stands at most reach words after, or
// before, one of class a that is another word.
func near(list []word, a, b class, reach int) bool {
	for i := range list {
		if !list[i].class.has(a) {
			continue
		}
		for j := max(0, i-reach); j < min(len(list), i+reach+1); j++ {
			if j != i && list[j].class.has(b) {
				return true
			}
		}
	}
	return false
}

// legible is a text as it reads: what imitates other letters is those. A text that
// imitates nothing keeps its capitals, which part the words of names.
func legible(text string) string {
	if folded := reveal.Fold(text); folded != strings.Join(strings.Fields(strings.ToLower(text)), " ") {
		return folded
	}
	return text
}

// namedWords are the words of a name; two that are written together ("chatlog") are
// two.
func namedWords(name string) []word {
	list := words(legible(name))
	k := vocabulary()
	out := make([]word, 0, len(list))
	for _, w := range list {
		a, b := "", ""
		if w.class == 0 {
			a, b = k.cleave(w.text)
		}
		if b == "" {
			out = append(out, w)
			continue
		}
		out = append(out, word{text: a, class: k.word(a), begin: w.begin}, word{text: b, class: k.word(b)})
	}
	return out
}

// cleave parts a word that is not known into two that are.
func (k *known) cleave(w string) (first, second string) {
	const least = 3 // letters of each
	for i := least; i+least <= len(w); i++ {
		if k.exact[w[:i]] != 0 && k.exact[w[i:]] != 0 {
			return w[:i], w[i:]
		}
	}
	return "", ""
}
