package lexicon

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// plain has, for each letter with a mark up to U+06FF, what it is without: Latin to U+024F,
// Greek, Cyrillic, and the letters that Arabic and Persian write in several ways. Tables of
// constants cost nothing at the start of the program.
//
//nolint:gochecknoglobals // a table; read-only
var plain = [0x700]string{
	'ß': "ss", 'æ': "ae", 'œ': "oe", 'ø': "o", 'ð': "d", 'đ': "d", 'ł': "l", 'ı': "i", 'þ': "th", 'ŋ': "n", 'ĳ': "ij",
	'à': "a", 'á': "a", 'â': "a", 'ã': "a", 'ä': "a", 'å': "a", 'ā': "a", 'ă': "a", 'ą': "a",
	'ç': "c", 'ć': "c", 'ĉ': "c", 'ċ': "c", 'č': "c",
	'ď': "d",
	'è': "e", 'é': "e", 'ê': "e", 'ë': "e", 'ē': "e", 'ĕ': "e", 'ė': "e", 'ę': "e", 'ě': "e",
	'ĝ': "g", 'ğ': "g", 'ġ': "g", 'ģ': "g",
	'ĥ': "h", 'ħ': "h",
	'ì': "i", 'í': "i", 'î': "i", 'ï': "i", 'ĩ': "i", 'ī': "i", 'ĭ': "i", 'į': "i",
	'ĵ': "j",
	'ķ': "k",
	'ĺ': "l", 'ļ': "l", 'ľ': "l", 'ŀ': "l",
	'ñ': "n", 'ń': "n", 'ņ': "n", 'ň': "n", 'ŉ': "n",
	'ò': "o", 'ó': "o", 'ô': "o", 'õ': "o", 'ö': "o", 'ō': "o", 'ŏ': "o", 'ő': "o", 'ơ': "o",
	'ŕ': "r", 'ŗ': "r", 'ř': "r",
	'ś': "s", 'ŝ': "s", 'ş': "s", 'š': "s", 'ș': "s", 'ſ': "s",
	'ţ': "t", 'ť': "t", 'ț': "t", 'ŧ': "t",
	'ù': "u", 'ú': "u", 'û': "u", 'ü': "u", 'ũ': "u", 'ū': "u", 'ŭ': "u", 'ů': "u", 'ű': "u", 'ų': "u", 'ư': "u",
	'ŵ': "w",
	'ý': "y", 'ÿ': "y", 'ŷ': "y",
	'ź': "z", 'ż': "z", 'ž': "z",
	'ά': "α",
	'έ': "ε",
	'ή': "η",
	'ί': "ι", 'ϊ': "ι", 'ΐ': "ι",
	'ό': "ο",
	'ύ': "υ", 'ϋ': "υ", 'ΰ': "υ",
	'ώ': "ω",
	'ς': "σ",
	'أ': "ا", 'إ': "ا", 'آ': "ا", 'ٱ': "ا",
	'ة': "ه",
	'ى': "ي", 'ی': "ي",
	'ک': "ك",
	'ё': "е",
}

// vietnamese has the same for the letters of Latin Extended Additional that Vietnamese has.
//
//nolint:gochecknoglobals // a table; read-only
var vietnamese = [0x100]string{
	'ạ' - firstVietnamese: "a", 'ả' - firstVietnamese: "a", 'ấ' - firstVietnamese: "a", 'ầ' - firstVietnamese: "a", 'ẩ' - firstVietnamese: "a", 'ẫ' - firstVietnamese: "a", 'ậ' - firstVietnamese: "a", 'ắ' - firstVietnamese: "a", 'ằ' - firstVietnamese: "a", 'ẳ' - firstVietnamese: "a", 'ẵ' - firstVietnamese: "a", 'ặ' - firstVietnamese: "a",
	'ẹ' - firstVietnamese: "e", 'ẻ' - firstVietnamese: "e", 'ẽ' - firstVietnamese: "e", 'ế' - firstVietnamese: "e", 'ề' - firstVietnamese: "e", 'ể' - firstVietnamese: "e", 'ễ' - firstVietnamese: "e", 'ệ' - firstVietnamese: "e",
	'ỉ' - firstVietnamese: "i", 'ị' - firstVietnamese: "i",
	'ọ' - firstVietnamese: "o", 'ỏ' - firstVietnamese: "o", 'ố' - firstVietnamese: "o", 'ồ' - firstVietnamese: "o", 'ổ' - firstVietnamese: "o", 'ỗ' - firstVietnamese: "o", 'ộ' - firstVietnamese: "o", 'ớ' - firstVietnamese: "o", 'ờ' - firstVietnamese: "o", 'ở' - firstVietnamese: "o", 'ỡ' - firstVietnamese: "o", 'ợ' - firstVietnamese: "o",
	'ụ' - firstVietnamese: "u", 'ủ' - firstVietnamese: "u", 'ứ' - firstVietnamese: "u", 'ừ' - firstVietnamese: "u", 'ử' - firstVietnamese: "u", 'ữ' - firstVietnamese: "u", 'ự' - firstVietnamese: "u",
	'ỳ' - firstVietnamese: "y", 'ỵ' - firstVietnamese: "y", 'ỷ' - firstVietnamese: "y", 'ỹ' - firstVietnamese: "y",
}

// firstVietnamese is where the block of Latin Extended Additional begins.
const firstVietnamese = 0x1e00

// Append appends a letter to a word in the form that Fold gives.
func Append(word []byte, r rune) []byte {
	if r < utf8.RuneSelf {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return utf8.AppendRune(word, r)
	}
	r = unicode.ToLower(r)
	letter := ""
	switch {
	case r < rune(len(plain)):
		letter = plain[r]
	case firstVietnamese <= r && r < firstVietnamese+rune(len(vietnamese)):
		letter = vietnamese[r-firstVietnamese]
	}
	switch {
	case letter != "":
		return append(word, letter...)
	case combines(r):
		return word
	}
	return utf8.AppendRune(word, r)
}

// combines tells whether r is a mark on the letter before it, or a stroke that only
// makes a word longer, in Latin, Hebrew or Arabic.
func combines(r rune) bool {
	return 0x300 <= r && r < 0x370 || 0x591 <= r && r < 0x5c8 && unicode.IsMark(r) || 0x64b <= r && r < 0x660 || r == 0x640
}

// Fold is a word in small letters without their marks. Fold(Fold(w)) == Fold(w).
func Fold(word string) string {
	if folded(word) {
		return word
	}
	out := make([]byte, 0, len(word)+4)
	for _, r := range word {
		out = Append(out, r)
	}
	return string(out)
}

// folded tells whether a word is small ASCII.
func folded(word string) bool {
	return strings.IndexFunc(word, func(r rune) bool { return r >= utf8.RuneSelf || r >= 'A' && r <= 'Z' }) < 0
}

// Spaceless tells whether r is of a script that writes no spaces between words: Han,
// Kana, Thai, Lao, Khmer.
func Spaceless(r rune) bool {
	return 0x3040 <= r && r < 0x3100 || 0x3400 <= r && r < 0xa000 || 0xf900 <= r && r < 0xfb00 ||
		0x0e00 <= r && r < 0x0f00 || 0x1780 <= r && r < 0x1800 || 0x20000 <= r && r < 0x32000
}
