package reveal

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// honest tells whether the unseen character r at text[i:i+size] does what it is
// for: joins or parts letters of a script that needs it, selects the drawing of
// the character before it, keeps text of two directions in order.
func honest(text string, i int, r rune, k kind) bool {
	size := max(utf8.RuneLen(r), 1)
	before, _ := utf8.DecodeLastRuneInString(text[:i])
	after, _ := utf8.DecodeRuneInString(text[i+size:])
	switch k {
	case zeroWidth:
		return honestZeroWidth(text, before, after, i, r)
	case turning:
		return honestTurn(text, i, r)
	case selector:
		return honestSelector(before, after, r)
	case tagged:
		return honestTag(text, i)
	case filler:
		return honestFiller(before, after, r)
	case blank:
		return honestBlank(before, after, r)
	case unknown:
		return pictograph(r) // an emoji younger than the tables
	case maths:
		return honestOperator(text, i, r, !gatherable(before) && !gatherable(after))
	case seen, joiner, private, control:
	}
	return false
}

func honestZeroWidth(text string, before, after rune, i int, r rune) bool {
	switch r {
	case 0xfeff:
		return i == 0 // byte order mark
	case 0x200c:
		return joins(text[:i], before, r) && !gatherable(after)
	case 0x200d:
		if pictograph(before) || before == 0xfe0f || before == 0xe007f {
			return pictograph(after)
		}
		if unicode.Is(unicode.Arabic, before) && unicode.Is(unicode.Arabic, after) {
			return false // these join of themselves
		}
		return joins(text[:i], before, r) && !gatherable(after) || unicode.Is(unicode.Arabic, after) && !gatherable(before)
	case 0x200b:
		return unicode.IsOneOf(spaceless, before) && unicode.IsOneOf(spaceless, after)
	}
	return false
}

// honestOperator tells whether an invisible operator stands in a formula: beside a
// number, a bracket or a letter that stands alone, or between a function and its
// argument. What it parts must not be a word.
func honestOperator(text string, i int, r rune, alone bool) bool {
	if !alone {
		return false
	}
	size := utf8.RuneLen(r)
	a, b := i, i+size
	for a > 0 && i-a < maxWord && asciiLetter(text[a-1]) {
		a--
	}
	for b < len(text) && b-i < maxWord && asciiLetter(text[b]) {
		b++
	}
	left, right := i-a, b-i-size
	if left+right > 2 && known(text[a:i]+text[i+size:b]) || chained(text, a) || chained(text, b) {
		return false
	}
	return left < 2 && right < 2 || r == 0x2061 && left <= 6 && right < 2
}

// chained tells whether the letter next to a formula's two is cut off by the same
// trick: words are, formulas alternate with numbers and signs.
func chained(text string, i int) bool {
	n := 0
	for at := i; n < 3; n++ {
		r, size := utf8.DecodeRuneInString(text[at:])
		if kindOf(r) != maths {
			break
		}
		next, width := utf8.DecodeRuneInString(text[at+size:])
		if !unicode.IsLetter(next) {
			break
		}
		at += size + width
	}
	return n == 3
}

// joins tells whether a joiner or non-joiner r after text, which ends with before,
// shapes letters: in scripts of India after a mark, in others after a letter that
// does not itself follow another r.
func joins(text string, before, r rune) bool {
	if !unicode.IsOneOf(joining, before) {
		return false
	}
	if before >= 0x900 && before < 0xe00 {
		return unicode.IsMark(before)
	}
	last, _ := utf8.DecodeLastRuneInString(text[:len(text)-utf8.RuneLen(before)])
	return last != r
}

// gatherable tells whether r is itself unseen: two in a row carry something.
func gatherable(r rune) bool { return r != utf8.RuneError && kindOf(r) != seen }

// honestTurn tells whether a mark or an isolate stands in a line that has text
// from right to left: there they keep numbers and names in order. Overrides never
// do honest work, and neither do the deprecated U+206A to U+206F.
func honestTurn(text string, i int, r rune) bool {
	if r == 0x202d || r == 0x202e || r >= 0x206a {
		return false
	}
	if next, _ := utf8.DecodeRuneInString(text[i+utf8.RuneLen(r):]); r != 0x200e && r != 0x200f && strings.ContainsRune(".!?\u3002\u061f", next) {
		return false // a sentence that begins with its end is stored backwards
	}
	// 200 bytes either way: a mark serves its neighbours, and this stays linear.
	before, after := text[max(0, i-200):i], text[i:min(len(text), i+200)]
	before = before[strings.LastIndexByte(before, '\n')+1:]
	if n := strings.IndexByte(after, '\n'); n >= 0 {
		after = after[:n]
	}
	return strings.ContainsFunc(before, rightToLeft) || strings.ContainsFunc(after, rightToLeft)
}

// honestSelector knows the sequences that Unicode registers: emoji and text
// style, keycaps, ideographic variants, and the standardised variants of
// operators, CJK punctuation, Mongolian, Myanmar and Phags-pa letters.
func honestSelector(before, after rune, r rune) bool {
	if after != utf8.RuneError && kindOf(after) == selector {
		return false
	}
	switch {
	case r == 0xfe0e || r == 0xfe0f:
		return pictograph(before) || before >= '0' && before <= '9' || before == '#' || before == '*' // keycaps, with U+20E3 or without
	case unicode.Is(unicode.Mongolian, r), r >= 0x180b && r <= 0x180f:
		return unicode.Is(unicode.Mongolian, before)
	case unicode.Is(unicode.Han, before):
		return r <= 0xfe02 || r >= 0xe0100
	case r == 0xfe00:
		return unicode.Is(unicode.Sm, before) || unicode.Is(unicode.Myanmar, before) || unicode.Is(unicode.Phags_Pa, before) || widePunctuation(before)
	case r == 0xfe01:
		return widePunctuation(before)
	}
	return false
}

func widePunctuation(r rune) bool {
	return r == 0x3001 || r == 0x3002 || r >= 0xff01 && r <= 0xff1f && unicode.IsPunct(r)
}

// flags are the subdivision flags that are recommended for interchange (UTS #51):
// England, Scotland, Wales, as the letters of their tags.
//
//nolint:gochecknoglobals // a table; read-only
var flags = [...]string{"gbeng", "gbsct", "gbwls"}

const (
	blackFlag = 0x1f3f4
	tagEnd    = 0xe007f
)

// honestTag tells whether the tag character at i belongs to such a flag.
func honestTag(text string, i int) bool {
	start := i
	for n := 0; n < 6 && start >= 4; n++ { // a tag is four bytes long
		r, size := utf8.DecodeLastRuneInString(text[:start])
		if r == blackFlag {
			break
		}
		if kindOf(r) != tagged {
			return false
		}
		start -= size
	}
	if r, _ := utf8.DecodeLastRuneInString(text[:start]); r != blackFlag {
		return false
	}
	var letters [6]byte
	n := 0
	for _, r := range text[start:] {
		if r == tagEnd {
			for _, f := range flags {
				if string(letters[:n]) == f {
					return true
				}
			}
			return false
		}
		if kindOf(r) != tagged || n == len(letters) {
			return false
		}
		letters[n] = byte(r & 0x7f)
		n++
	}
	return false
}

// honestFiller tells whether a filler stands in for a missing jamo, or a blank
// braille cell between braille cells.
func honestFiller(before, after, r rune) bool {
	if r == 0x2800 {
		return unicode.Is(unicode.Braille, before) && before != r || unicode.Is(unicode.Braille, after) && after != r
	}
	old := func(r rune) bool {
		return r >= 0x1100 && r <= 0x11ff && kindOf(r) == seen || r >= 0xa960 && r <= 0xa97c || r >= 0xd7b0 && r <= 0xd7fb
	}
	return (r == 0x115f || r == 0x1160) && (old(before) || old(after))
}

// honestBlank lets off the spaces of typography where they set apart words,
// numbers and punctuation; between two letters they split a word.
func honestBlank(before, after, r rune) bool {
	if r == 0x2028 || r == 0x2029 || gatherable(before) || gatherable(after) {
		return false
	}
	return !unicode.IsLetter(before) || !unicode.IsLetter(after) || r == 0x1680 || r == 0x205f
}
