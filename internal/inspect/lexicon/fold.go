package lexicon

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// plain has, for each letter with a mark, what it is without: Latin to U+024F and of
// Vietnamese, Greek, Cyrillic, and the letters that Arabic and Persian write in several
// ways.
//
//nolint:gochecknoglobals // a table; read-only
var plain, vietnamese = func() (low [0x700]string, high [0x100]string) {
	put := func(r rune, letter string) {
		if int(r) < len(low) {
			low[r] = letter
		} else {
			high[r-firstVietnamese] = letter
		}
	}
	for r, letters := range map[rune]string{'ß': "ss", 'æ': "ae", 'œ': "oe", 'ø': "o", 'ð': "d", 'đ': "d", 'ł': "l", 'ı': "i", 'þ': "th", 'ŋ': "n", 'ĳ': "ij"} {
		put(r, letters)
	}
	for letter, marked := range map[string]string{
		"a": "àáâãäåāăąạảấầẩẫậắằẳẵặ", "c": "çćĉċč", "d": "ď", "e": "èéêëēĕėęěẹẻẽếềểễệ", "g": "ĝğġģ", "h": "ĥħ",
		"i": "ìíîïĩīĭįỉị", "j": "ĵ", "k": "ķ", "l": "ĺļľŀ", "n": "ñńņňŉ", "o": "òóôõöōŏőơọỏốồổỗộớờởỡợ", "r": "ŕŗř", "s": "śŝşšșſ",
		"t": "ţťțŧ", "u": "ùúûüũūŭůűųưụủứừửữự", "w": "ŵ", "y": "ýÿŷỳỵỷỹ", "z": "źżž",
		"α": "ά", "ε": "έ", "η": "ή", "ι": "ίϊΐ", "ο": "ό", "υ": "ύϋΰ", "ω": "ώ", "σ": "ς",
		"ا": "أإآٱ", "ه": "ة", "ي": "ىی", "ك": "ک", "е": "ё",
	} {
		for _, r := range marked {
			put(r, letter)
		}
	}
	return low, high
}()

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
