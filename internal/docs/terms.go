package docs

import (
	"iter"
	"strings"
	"unicode"
)

// Bounds of what is looked for by words.
const (
	MaxTerms = 64 // different ones of a query
	maxTerm  = 64 // bytes of one
)

// Terms are the words of a text, each once and in their order, and at most so many.
func Terms(text string, most int) []string {
	var terms []string
	seen := map[string]bool{}
	for term := range spoken(text) {
		if len(terms) == most {
			break
		}
		if !seen[term] {
			seen[term] = true
			terms = append(terms, term)
		}
	}
	return terms
}

// Spoken is a text's words alone, with a space between them: for a store that takes texts
// apart by rules of its own, so that it finds the words that Terms has.
func Spoken(text string) string {
	var b strings.Builder
	for term := range spoken(text) {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(term)
	}
	return b.String()
}

// spoken are the words of a text in small letters: letters, digits and the marks on them.
// What else a text has (quotes, operators of a store's language) is in none of them, so
// that it is no syntax anywhere.
func spoken(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for term := range strings.FieldsFuncSeq(text, func(r rune) bool { return !unicode.In(r, unicode.L, unicode.N, unicode.M) }) {
			term = strings.ToLower(term)
			if len(term) > maxTerm || !strings.ContainsFunc(term, func(r rune) bool { return unicode.In(r, unicode.L, unicode.N) }) {
				continue
			}
			if !yield(term) {
				return
			}
		}
	}
}
