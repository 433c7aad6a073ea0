package gate

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxSpaces is the longest run of ordinary spaces that Visible leaves alone.
// Longer ones push text out of a reader's sight (security.md PIN-14).
const maxSpaces = 16

// opener begins every mark that Visible writes. It is itself written as a
// mark, so that no text can imitate one.
const opener = '⟨'

// Visible renders text for people: every character that a terminal or browser
// would not show as itself (controls, zero-width, bidirectional, tag and
// variation characters, exotic spaces, unassigned code points) becomes
// ⟨U+200B⟩, a byte that is no UTF-8 ⟨0xFF⟩, and a run of more than 16 spaces
// ⟨U+0020×N⟩. Line breaks and tabs count as hidden, so the result is one line.
// Two different texts never look the same. The CLI and console show every
// definition through it (requirement G10).
func Visible(s string) string {
	if plain(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 32)
	for i := 0; i < len(s); {
		if n := spaces(s[i:]); n > maxSpaces {
			fmt.Fprintf(&b, "⟨U+0020×%d⟩", n)
			i += n
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, "⟨0x%02X⟩", s[i])
		case r == opener || Hidden(r):
			fmt.Fprintf(&b, "⟨U+%04X⟩", r)
		default:
			b.WriteString(s[i : i+size])
		}
		i += size
	}
	return b.String()
}

// plain tells whether s is printable ASCII without a long run of spaces, the
// common case that needs no copy.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return !strings.Contains(s, strings.Repeat(" ", maxSpaces+1))
}

func spaces(s string) int { return len(s) - len(strings.TrimLeft(s, " ")) }

// Hidden tells whether a reader cannot see the character: everything that Go
// does not call printable (controls, format characters such as zero-width,
// bidirectional and tag characters, spaces other than U+0020, private and
// unassigned code points), what Unicode says to ignore by default, and the
// letters and symbols that are drawn as nothing.
func Hidden(r rune) bool {
	if r < utf8.RuneSelf {
		return r < ' ' || r == 0x7f
	}
	return !unicode.IsPrint(r) ||
		unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r) ||
		unicode.Is(unicode.Variation_Selector, r) ||
		r == 0x2800 || // braille pattern blank
		r == 0x1d159 // musical symbol null notehead
}
