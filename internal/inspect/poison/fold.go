package poison

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The letters with marks of Latin, and what they are without.
//
//nolint:gochecknoglobals // a table; read-only
var plain = func() map[rune]string {
	m := map[rune]string{'ß': "ss", 'æ': "ae", 'œ': "oe", 'ø': "o", 'đ': "d", 'ł': "l", 'ı': "i", 'ё': "е", 'ђ': "ђ"}
	for letter, marked := range map[string]string{
		"a": "àáâãäåāăąạảấầẩẫậắằẳẵặ", "c": "çćĉċč", "d": "ďð", "e": "èéêëēĕėęěẹẻẽếềểễệ", "g": "ĝğġģ", "h": "ĥħ",
		"i": "ìíîïĩīĭįỉị", "k": "ķ", "l": "ĺļľ", "n": "ñńņň", "o": "òóôõöōŏőơọỏốồổỗộớờởỡợ", "r": "ŕŗř", "s": "śŝşšș",
		"t": "ţťțŧ", "u": "ùúûüũūŭůűųưụủứừửữự", "w": "ŵ", "y": "ýÿŷỳỵỷỹ", "z": "źżž",
		"α": "ά", "ε": "έ", "η": "ή", "ι": "ίϊΐ", "ο": "ό", "υ": "ύϋΰ", "ω": "ώ", "σ": "ς",
		"ا": "أإآٱ", "ه": "ة", "ي": "ىی", "ك": "ک",
	} {
		for _, r := range marked {
			m[r] = letter
		}
	}
	return m
}()

// fold appends a letter as the word lists have it: small, without marks.
func fold(word []byte, r rune) []byte {
	if r < utf8.RuneSelf {
		return utf8.AppendRune(word, unicode.ToLower(r))
	}
	r = unicode.ToLower(r)
	if s, ok := plain[r]; ok {
		return append(word, s...)
	}
	if 0x300 <= r && r < 0x370 || 0x64b <= r && r < 0x660 || r == 0x640 { // marks that combine, in Latin and Arabic
		return word
	}
	return utf8.AppendRune(word, r)
}

// spaceless tells whether r is of a script that writes no spaces between words:
// Han, Kana, Thai.
func spaceless(r rune) bool {
	return 0x3040 <= r && r < 0x3100 || 0x3400 <= r && r < 0xa000 || 0xf900 <= r && r < 0xfb00 || 0x0e00 <= r && r < 0x0e80
}

// hangul tells whether r is of the script of Korean.
func hangul(r rune) bool { return 0xac00 <= r && r < 0xd7b0 }

// letter tells whether a rune above ASCII belongs to a word.
func letter(r rune) bool { return unicode.IsLetter(r) || unicode.IsMark(r) }

// particles are what Arabic and Hebrew write together with the word after them.
//
//nolint:gochecknoglobals // a table; read-only
var particles = []string{"وال", "بال", "فال", "لل", "ال", "و", "ف", "ب", "ل", "ה", "ו", "ב", "ל", "את"}

// bare is what a word is without what is written together with it before it:
// particles of Arabic and Hebrew, elided articles of French and Italian.
func (v *vocabulary) bare(word []byte) sense {
	if before, rest, ok := bytes.Cut(word, []byte("'")); ok && len(rest) > 2 && len(before) <= 5 {
		c := v.word(rest)
		if string(before) == "n" {
			c.class |= not
		}
		return c
	}
	if len(word) < 4 || word[0] < 0xd7 || word[0] > 0xd9 {
		return sense{}
	}
	for _, p := range particles {
		if rest, ok := strings.CutPrefix(string(word), p); ok && len(rest) > 3 {
			if c := v.word([]byte(rest)); !c.none() {
				return c
			}
		}
	}
	return sense{}
}
