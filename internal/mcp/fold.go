package mcp

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Fold is what two names have in common that a person or a model takes for the
// same: the NFKC form, without case and without characters that do not show
// (UTS 39 calls such names confusable). A dotless i is an i: both have one
// upper case. Letters of ASCII that look alike stay
// apart (l1st is not list, nor rn m), and so do names that are wholly of scripts
// that look alike: names come before a person when they are approved. Most names
// are their own fold and cost nothing.
func Fold(name string) string {
	if folded(name) {
		return name
	}
	s := norm.NFKC.String(strings.Map(shown, name))
	// Folding can denormalise, and normalising can produce what folds: twice is
	// a fixed point (Unicode section 3.13, toNFKC_Casefold).
	for range 2 {
		s = norm.NFKC.String(strings.ReplaceAll(cases.Fold().String(s), "ı", "i"))
	}
	return strings.Map(shown, s)
}

// folded tells whether s is printable ASCII without upper case.
func folded(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= utf8.RuneSelf || 'A' <= c && c <= 'Z' {
			return false
		}
	}
	return true
}

// shown drops a character that does not show.
func shown(r rune) rune {
	if !unicode.IsGraphic(r) || unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) {
		return -1
	}
	return r
}
