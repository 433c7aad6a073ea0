package reveal

import (
	"unicode"
	"unicode/utf8"
)

// kind is what an unseen character is, as far as rules differ.
type kind uint8

const (
	seen      kind = iota // drawn, or ordinary white space
	tagged                // tag characters, U+E0000 to U+E007F
	zeroWidth             // no width: spaces and joiners of none, soft hyphen
	turning               // changes the direction of what follows
	selector              // variation selectors
	filler                // letters and symbols that are drawn as nothing
	joiner                // U+034F, the combining grapheme joiner
	maths                 // invisible operators, U+2061 to U+2064
	private               // private use
	control               // Cc but tab, line feed and carriage return
	blank                 // white space of unusual width, line separators
	unknown               // anything else that is not drawn: Cf, Cn, noncharacters
)

// kindOf sorts a character. Ordinary spaces are seen.
func kindOf(r rune) kind {
	switch {
	case r < utf8.RuneSelf:
		if r >= ' ' && r != 0x7f || r == '\n' || r == '\t' || r == '\r' {
			return seen
		}
		return control
	case r < 0xa0:
		return control
	case r >= 0xae && r < 0x300, r >= 0x3a3 && r < 0x530 || r >= 0x5d0 && r <= 0x5ea || r >= 0x3041 && r <= 0x3096 || r >= 0x4e00 && r < 0x9fff || r >= 0xac00 && r <= 0xd7a3:
		return seen // letters of Europe, Kana, Han, Hangul
	case r == 0xa0 || r == 0x3000 || r == 0x202f || r == 0x2007:
		return seen // no-break spaces, and the space of CJK text
	case r == 0xad || r == 0x180e || r >= 0x200b && r <= 0x200d || r == 0x2060 || r == 0xfeff:
		return zeroWidth
	case r == 0x061c || r >= 0x200e && r <= 0x200f || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x206f:
		return turning
	case r == 0x034f:
		return joiner
	case r >= 0x2061 && r <= 0x2064:
		return maths
	case r >= 0xe0000 && r <= 0xe007f:
		return tagged
	case unicode.Is(unicode.Variation_Selector, r):
		return selector
	}
	return rareKind(r)
}

// rareKind sorts what no common rule named, by its Unicode properties.
func rareKind(r rune) kind {
	switch {
	case r == 0x115f || r == 0x1160 || r == 0x3164 || r == 0xffa0 || r == 0x2800 || r == 0x17b4 || r == 0x17b5 || r == 0x1d159:
		return filler
	case unicode.Is(unicode.Co, r):
		return private
	case unicode.IsSpace(r), unicode.Is(unicode.Z, r):
		return blank
	case visibleFormat(r):
		return seen
	case unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r), !unicode.IsPrint(r) && r != utf8.RuneError:
		return unknown
	}
	return seen
}

// visibleFormat are the format characters that are drawn, or that only rule the
// drawing of a script that has no other use of them: Arabic number signs, Kaithi
// number signs, Egyptian quadrat controls.
func visibleFormat(r rune) bool {
	return r >= 0x0600 && r <= 0x0605 || r == 0x06dd || r == 0x070f || r == 0x0890 || r == 0x0891 || r == 0x08e2 ||
		r == 0x110bd || r == 0x110cd || r >= 0x13430 && r <= 0x1343f
}

// pictograph tells whether emoji selectors and joiners may stand beside it
// (Emoji=Yes or Extended_Pictographic of UTS #51, by block).
func pictograph(r rune) bool {
	switch {
	case r == 0xa9 || r == 0xae || r == 0x203c || r == 0x2049 || r == 0x2122 || r == 0x2139:
		return true
	case r >= 0x2190 && r <= 0x21ff, r >= 0x2300 && r <= 0x23ff, r == 0x24c2, r >= 0x25a0 && r <= 0x27bf:
		return true
	case r == 0x2934 || r == 0x2935 || r >= 0x2b00 && r <= 0x2bff || r == 0x3030 || r == 0x303d || r == 0x3297 || r == 0x3299:
		return true
	}
	return r >= 0x1f000 && r <= 0x1faff
}

// joining are the scripts whose letters change shape beside a joiner or a
// non-joiner (Unicode 15, chapters 9, 12, 13, 14, 16).
//
//nolint:gochecknoglobals // a table; read-only
var joining = []*unicode.RangeTable{
	unicode.Arabic, unicode.Devanagari, unicode.Bengali, unicode.Gurmukhi, unicode.Gujarati, unicode.Oriya, unicode.Tamil,
	unicode.Telugu, unicode.Kannada, unicode.Malayalam, unicode.Sinhala, unicode.Khmer, unicode.Myanmar, unicode.Tibetan,
	unicode.Syriac, unicode.Mongolian, unicode.Nko, unicode.Mandaic, unicode.Phags_Pa, unicode.Thai, unicode.Lao,
	unicode.Balinese, unicode.Javanese, unicode.Meetei_Mayek, unicode.Newa, unicode.Grantha, unicode.Brahmi, unicode.Adlam, unicode.Hanifi_Rohingya,
}

// spaceless are the scripts written without spaces, where U+200B tells words apart.
//
//nolint:gochecknoglobals // a table; read-only
var spaceless = []*unicode.RangeTable{unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar, unicode.Tibetan, unicode.Javanese, unicode.Balinese, unicode.New_Tai_Lue, unicode.Tai_Tham}

// rightToLeft tells whether a letter is written from right to left.
func rightToLeft(r rune) bool {
	return r >= 0x0590 && r <= 0x08ff && unicode.IsLetter(r) || r >= 0xfb1d && r <= 0xfdff || r >= 0xfe70 && r <= 0xfefc ||
		r >= 0x10800 && r <= 0x10fff || r >= 0x1e800 && r <= 0x1efff
}
