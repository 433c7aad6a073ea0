package reveal

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"doorward/internal/gate"
)

// Honest letters carry few marks: two in Vietnamese, three in phonetic Latin,
// four in Hebrew with cantillation, more only in Tibetan stacks.
const (
	maxLatinMarks = 3
	maxMarks      = 8
	maxStruck     = 3 // letters of one word that are struck through or enclosed
)

// stacks finds letters under heaps of combining marks, and words struck through.
func stacks(text string) []reading {
	var r *reading
	struck, marks := 0, 0
	var letter rune
	for i := 0; i < len(text); {
		c, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case c < 0x300:
			marks, letter = 0, c
			if c == ' ' || c == '\n' {
				struck = 0
			}
		case unicode.Is(unicode.Mn, c) && kindOf(c) == seen || unicode.Is(unicode.Me, c):
			marks++
			if (c >= 0x334 && c <= 0x338 || c >= 0x20d2 && c <= 0x20e4 && c != 0x20e3) && unicode.Is(unicode.Latin, letter) {
				struck++
			}
			if marks > maxMarks || marks > maxLatinMarks && unicode.Is(unicode.Latin, letter) || struck > maxStruck {
				if r == nil {
					r = &reading{method: "combining", severity: gate.High, span: gate.Span{Start: i}, why: "Letters carry more combining marks than any script stacks, which hides what they spell."}
				}
				r.span.End = i + size
			}
		default:
			marks, letter = 0, c
		}
		i += size
	}
	if r == nil {
		return nil
	}
	r.text = bareLetters(shown(text, r.span.Start, r.span.End))
	return []reading{*r}
}

// bareLetters is a text without marks.
func bareLetters(s string) string {
	out := make([]rune, 0, len(s))
	for _, r := range norm.NFD.String(s) {
		if !unicode.Is(unicode.M, r) {
			out = append(out, r)
		}
	}
	return norm.NFC.String(string(out))
}
