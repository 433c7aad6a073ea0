package shadow

import (
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"doorward/internal/inspect/reveal"
)

// maxName bounds what of a name is compared, in runes.
const maxName = 64

// skeleton is what a name reads like: letters that look alike are one, case,
// separators and what is not seen are gone.
func skeleton(name string) string {
	var b strings.Builder
	n := 0
	for _, r := range reveal.Fold(name) {
		if r = unicode.ToLower(r); !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			continue
		}
		if n++; n > maxName {
			break
		}
		switch r {
		case '0':
			r = 'o'
		case '1', 'i':
			r = 'l'
		case '3':
			r = 'e'
		case '5':
			r = 's'
		}
		b.WriteRune(r)
	}
	return strings.ReplaceAll(strings.ReplaceAll(b.String(), "rn", "m"), "vv", "w")
}

// deletions are a skeleton, and it without each of its letters: two names that
// differ in one letter share one.
func deletions(s string) []string {
	const least = 6 // letters of a name of which one may differ
	out := []string{s}
	if utf8.RuneCountInString(s) < least {
		return out
	}
	for i, r := range s {
		out = append(out, s[:i]+s[i+utf8.RuneLen(r):])
	}
	return out
}

// split are the words of a name: at separators, and before a capital or a digit.
func split(name string) []string {
	var out []string
	var word []rune
	flush := func() {
		if len(word) > 0 {
			out = append(out, strings.ToLower(reveal.Fold(string(word))))
			word = word[:0]
		}
	}
	small := false
	for _, r := range name {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			flush()
			small = false
			continue
		case unicode.IsUpper(r) && small, unicode.IsDigit(r) && len(word) > 0 && !unicode.IsDigit(word[len(word)-1]):
			flush()
		}
		word = append(word, r)
		small = unicode.IsLower(r)
	}
	flush()
	return out
}

// affixes are words that make another version of a name, and say nothing else.
//
//nolint:gochecknoglobals // a table; read-only
var affixes = sync.OnceValue(func() map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(`v alt alternative beta best better copy cloud direct enhanced enterprise extended ext fast faster final fixed
		free full global improved latest legacy lite local main my new newer next official original plus pro proxy real replacement
		safe safely secure secured simple smart stable standard super the tool trusted turbo ultra unified updated v universal verified x 2 3 1 4`) {
		m[w] = true
	}
	return m
})

// stems are the skeletons of a name without the affixes at its ends.
func stems(words []string) []string {
	var out []string
	w := slices.Clone(words)
	affix := func(s string) bool { return affixes()[s] || strings.Trim(s, "0123456789") == "" }
	for len(w) > 1 && affix(w[len(w)-1]) {
		w = w[:len(w)-1]
		out = append(out, skeleton(strings.Join(w, "")))
	}
	for len(w) > 1 && affix(w[0]) {
		w = w[1:]
		out = append(out, skeleton(strings.Join(w, "")))
	}
	return out
}

// prose are the words of a text, small.
func prose(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r)
	})
}
