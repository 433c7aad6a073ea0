package paths

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

const (
	whyText      = "is not UTF-8"
	whyLookalike = "has a character that looks like a separator or a dot"
	whyInvisible = "has an invisible, private or unknown character, or a space other than U+0020"
	whyMark      = "has a combining mark on a separator or on punctuation"
	whyFolded    = "reads as another path once its Unicode compatibility characters are folded"
)

// unusual judges a path that is not all ASCII and whose ASCII is sound.
func (j *Judge) unusual(path string) string {
	if !utf8.ValidString(path) {
		return whyText
	}
	prev := '/'
	for i, r := range path {
		if r >= utf8.RuneSelf {
			next, _ := utf8.DecodeRuneInString(path[i+utf8.RuneLen(r):])
			if why := j.character(prev, r, next); why != "" {
				return why
			}
		}
		prev = r
	}
	if !j.allNamed(path) {
		return whyDots
	}
	folded := norm.NFKC.String(path)
	if folded == path {
		return ""
	}
	if separators(folded) != separators(path) {
		return whyFolded
	}
	folded = split(folded)
	if !j.windows && inKernelTree(folded) && !inKernelTree(path) {
		return whyKernel
	}
	if why, _ := j.components(folded, true); why != "" {
		return whyFolded
	}
	return ""
}

// split is a folded form as seen by a reader that then maps look-alikes: "½"
// folds to 1, U+2044 and 2, "㎧" to m, U+2215 and s.
func split(folded string) string {
	return strings.ReplaceAll(strings.ReplaceAll(folded, "\u2044", "/"), "\u2215", "/")
}

func (j *Judge) character(prev, r, next rune) string {
	switch {
	case lookalike(r), j.windows && yenOrWon(r):
		return whyLookalike
	case r == '\u3000': // ideographic space: its folded form is judged
	case r == '\u200c' || r == '\u200d':
		if !joined(prev) || !joined(next) {
			return whyInvisible
		}
	case unicode.Is(unicode.Variation_Selector, r):
		if !unicode.In(prev, unicode.So, unicode.Han) && (!isWord(prev) || next != '\u20e3') { // emoji, ideographs, keycaps
			return whyInvisible
		}
	case !unicode.IsPrint(r), unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r):
		return whyInvisible
	case unicode.Is(unicode.M, r) && prev < utf8.RuneSelf && !isWord(prev):
		return whyMark
	}
	return ""
}

// lookalike tells whether r stands for a separator, a dot or one of the refused
// ASCII characters somewhere: by NFC or NFKC, by a best-fit code page, or to
// the eye (Unicode confusables, UTS 39, for "/", "\" and ".").
func lookalike(r rune) bool {
	switch r {
	case 0x2044, 0x2215, 0xff0f, 0x29f8, 0x2041, 0x2571, 0x27cb, 0x1735, 0x2cc6, 0x3033, 0x31d3, 0x1d23a, 0x0337, 0x0338: // /
		return true
	case 0xff3c, 0xfe68, 0x2216, 0x27cd, 0x29f5, 0x29f9, 0x31d4, 0x1d20f, 0x1d23b, 0x2572: // \
		return true
	case 0x2024, 0xff0e, 0xfe52, 0x0701, 0x0702, 0xa4f8, 0x10a50, 0x1d16d: // .
		return true
	case 0x037e, 0x1fef: // ; and ` by NFC
		return true
	default:
		return false
	}
}

// yenOrWon: code pages 932 and 949 show the backslash as these, and map them
// back to it.
func yenOrWon(r rune) bool { return r == '¥' || r == '₩' }

// joined tells whether a joiner or a non-joiner may stand beside r: in the
// scripts whose spelling needs it (RFC 5892, appendix A), and in emoji.
func joined(r rune) bool {
	return unicode.In(r, unicode.So, unicode.Sk, unicode.Variation_Selector, unicode.Arabic, unicode.Syriac, unicode.Devanagari,
		unicode.Bengali, unicode.Gurmukhi, unicode.Gujarati, unicode.Oriya, unicode.Tamil, unicode.Telugu, unicode.Kannada,
		unicode.Malayalam, unicode.Sinhala, unicode.Khmer, unicode.Myanmar)
}

// allNamed tells whether each component that is not ASCII has a letter, a
// digit or a pictograph: one of dots and points in any script could be read as
// a dot segment.
func (j *Judge) allNamed(path string) bool {
	from, _ := j.start(path)
	named, ascii := false, true
	for _, r := range path[from:] {
		switch {
		case r == '/' || r == '\\' && j.windows:
			if !named && !ascii {
				return false
			}
			named, ascii = false, true
		default:
			named = named || unicode.In(r, unicode.L, unicode.N, unicode.So)
			ascii = ascii && r < utf8.RuneSelf
		}
	}
	return named || ascii
}

// isWord tells whether r is an ASCII letter or digit.
func isWord(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}

func separators(s string) int { return strings.Count(s, "/") + strings.Count(s, `\`) }
