package injection

import (
	"unicode"
	"unicode/utf8"
)

// latin has the plain letters of U+00C0 to U+017F: accents off, one byte each.
const latin = "aaaaaaaceeeeiiiidnooooo*ouuuuytsaaaaaaaceeeeiiiidnooooo/ouuuuyty" +
	"aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiinnjjkkklllllll" +
	"lllnnnnnnnnnoooooooorrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs"

// maxWord bounds what is compared of a word, in bytes; no longer one is known.
const maxWord = 48

// folded appends r to a word in the form that the lexicon is written in: lower
// case, Latin and Greek letters without accents.
func folded(word []byte, r rune) []byte {
	if len(word) > maxWord-utf8.UTFMax {
		return word
	}
	switch {
	case r < utf8.RuneSelf:
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return utf8.AppendRune(word, r)
	case 0xc0 <= r && r < 0x180:
		return append(word, latin[r-0xc0])
	case 0x300 <= r && r < 0x370: // combining accents
		return word
	case 0x370 <= r && r < 0x400:
		return utf8.AppendRune(word, greek(unicode.ToLower(r)))
	case 0x1e00 <= r && r < 0x1f00:
		return append(word, vietnamese(unicode.ToLower(r)))
	case r == 0x1a0 || r == 0x1a1:
		return append(word, 'o')
	case r == 0x1af || r == 0x1b0:
		return append(word, 'u')
	}
	return utf8.AppendRune(word, unicode.ToLower(r))
}

// greek takes the accent off a small Greek letter.
func greek(r rune) rune {
	switch r {
	case 'ά':
		return 'α'
	case 'έ':
		return 'ε'
	case 'ή':
		return 'η'
	case 'ί', 'ϊ', 'ΐ':
		return 'ι'
	case 'ό':
		return 'ο'
	case 'ύ', 'ϋ', 'ΰ':
		return 'υ'
	case 'ώ':
		return 'ω'
	}
	return r
}

// vietnamese takes the accents off a small letter of U+1E00 to U+1EFF.
func vietnamese(r rune) byte {
	switch {
	case r >= 0x1ef2:
		return 'y'
	case r >= 0x1ee4:
		return 'u'
	case r >= 0x1ecc:
		return 'o'
	case r >= 0x1ec8:
		return 'i'
	case r >= 0x1eb8:
		return 'e'
	case r >= 0x1ea0:
		return 'a'
	}
	return '-'
}

// spaceless tells whether r is of a script that writes no spaces between words:
// Han, Kana, Thai, Lao, Khmer.
func spaceless(r rune) bool {
	return 0x3040 <= r && r < 0x3100 || 0x3400 <= r && r < 0xa000 || 0xf900 <= r && r < 0xfb00 ||
		0x0e00 <= r && r < 0x0f00 || 0x1780 <= r && r < 0x1800 || 0x20000 <= r && r < 0x32000
}

// letter tells whether a rune above ASCII belongs to a word.
func letter(r rune) bool { return unicode.IsLetter(r) || unicode.IsMark(r) }
