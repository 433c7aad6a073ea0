package secrets

import (
	"strings"
	"unicode/utf8"
)

// tagCharacters is the name of what is written in characters that are not drawn,
// one for each byte.
const tagCharacters = "tag characters"

// onlyTags is what tag characters and variation selectors say, without what
// people see.
func onlyTags(text string) (string, []int32) { return fromTags(text, false) }

// withTags is the text with tag characters and variation selectors as what they
// say.
func withTags(text string) (string, []int32) { return fromTags(text, true) }

// plane14 begins the UTF-8 of the characters U+E0000 to U+E0FFF.
const plane14 = "\xf3\xa0"

func fromTags(text string, whole bool) (string, []int32) {
	if !strings.Contains(text, plane14) {
		return "", nil
	}
	r := newRewritten(len(text))
	for i := 0; i < len(text); {
		c, size := utf8.DecodeRuneInString(text[i:])
		if b := tagged(c); b != 0 {
			r.put(b, i)
			r.changes++
		} else if whole {
			for j := range size {
				r.put(text[i+j], i+j)
			}
		}
		i += size
	}
	return r.result(len(text))
}

// tagged is the byte that a tag character (U+E0020 to U+E007E) stands for, or a
// variation selector of the supplement, which stands for 16 and more in the usual
// way to hide bytes behind an emoji; 0 for none.
func tagged(c rune) byte {
	switch {
	case c >= 0xe0020 && c <= 0xe007e:
		return byte(c - 0xe0000)
	case c >= 0xe0100 && c <= 0xe01ef:
		return byte(c - 0xe0100 + 16)
	}
	return 0
}
