package docs

import (
	"strings"
	"unicode"
)

// Bounds of what is looked for by words.
const (
	MaxTerms = 64 // different ones of a query
	maxTerm  = 64 // bytes of one
)

// Terms are the words of a text, in small letters, each once and in their order: letters,
// digits and the marks on them. At most most are returned. What else a text has (quotes,
// operators of a store's language) is in none of them, so that it is no syntax anywhere.
func Terms(text string, most int) []string {
	var terms []string
	seen := map[string]bool{}
	for term := range strings.FieldsFuncSeq(text, func(r rune) bool { return !unicode.In(r, unicode.L, unicode.N, unicode.M) }) {
		if len(terms) == most {
			break
		}
		term = strings.ToLower(term)
		if len(term) > maxTerm || seen[term] || !strings.ContainsFunc(term, func(r rune) bool { return unicode.In(r, unicode.L, unicode.N) }) {
			continue
		}
		seen[term] = true
		terms = append(terms, term)
	}
	return terms
}
