package resolve

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// separator stands between an upstream's name and an item's in the flat names
// that clients see. Upstream names do not contain it (config).
const separator = "__"

// Join is the flat name of an item for display; false when it would not lead
// back to the same upstream and item, and the item must then not be shown. The
// identity of an item is the pair, never the flat name.
func Join(upstream, name string) (string, bool) {
	flat := upstream + separator + name
	u, n, ok := Split(flat)
	return flat, ok && u == upstream && n == name
}

// Split takes a flat name apart at the first separator. Neither part is empty.
func Split(flat string) (upstream, name string, ok bool) {
	upstream, name, ok = strings.Cut(flat, separator)
	return upstream, name, ok && upstream != "" && name != ""
}

// fold is what two names have in common that a person or a model takes for the
// same: the NFKC form, without case and without characters that do not show
// (security.md PIN-13). Most names are their own fold and cost nothing.
func fold(name string) string {
	if folded(name) {
		return name
	}
	s := norm.NFKC.String(strings.Map(shown, name))
	// Folding can denormalise, and normalising can produce what folds: twice is
	// a fixed point (Unicode section 3.13, toNFKC_Casefold).
	for range 2 {
		s = norm.NFKC.String(cases.Fold().String(s))
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

// alike tells whether name folds to want, which is folded.
func alike(name, want string) bool {
	if name == want {
		return true
	}
	// ASCII names fold byte by byte, so the length decides most comparisons.
	if ascii(name) && len(name) != len(want) {
		return false
	}
	return fold(name) == want
}

// ascii tells whether s is printable ASCII.
func ascii(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f {
			return false
		}
	}
	return true
}

// twin tells whether another of the upstreams has a name that looks like this
// one's, so that their flat names cannot be told apart.
func twin(upstreams []string, upstream string) bool {
	want := fold(upstream)
	return slices.ContainsFunc(upstreams, func(u string) bool {
		return u != upstream && alike(u, want)
	})
}
