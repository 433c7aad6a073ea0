package words

import (
	"strings"
	"unicode"
)

// Unseen tells of characters that are not shown, or that change how others are: controls, line and
// paragraph separators, format characters (Cf), those that turn the direction among them, and what
// is drawn as nothing (Unicode, Default_Ignorable_Code_Point, and the blank of Braille).
func Unseen(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co, unicode.Cs, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) ||
		r == '\u2800' || r >= 0x80 && invisible(r)
}

// Option tells of characters that begin an option or a file of options (-, +, @), and of those that
// look like one or become one where Windows maps a string to its code page: dashes (Pd), the signs
// that are called minus, lines and the mark of a long vowel, modifier letters, wide and small forms.
func Option(r rune) bool {
	return strings.ContainsRune("-+@\u2212\u02d7\u2796\u207b\u208b\u23bb\u2500\u2501\u30fc\u207a\u208a\ufe62\ufe6b\uff0b\uff20\uff70", r) ||
		unicode.Is(unicode.Pd, r) || r >= 0x80 && fitted(r) && !unicode.IsLetter(r) && !unicode.IsDigit(r)
}
