package reveal

import (
	"sync"
	"unicode"
	"unicode/utf8"
)

// lookalikes lists, for each Latin letter, the letters of other scripts that are
// drawn like it (UTS #39, confusables, narrowed to what a reader takes for the
// letter in a running word): Cyrillic, Greek, Armenian, Cherokee, Lisu, Coptic,
// letterlike and phonetic characters.
//
//nolint:gochecknoglobals // a table; read-only
var lookalikes = [...]struct {
	latin  rune
	others string
}{
	{'a', "\u0430\u03b1\u0251\u237a"},
	{'b', "\u044c\u0184\u0185\u13cf\u1472\u0253"},
	{'c', "\u0441\u03f2\u2ca5\u1d04\uabaf"},
	{'d', "\u0501\u217e\u13e7\u146f\u0257\u0256"},
	{'e', "\u0435\u212e\u04bd\uab32\u0454"},
	{'f', "\uab35\ua799\u0192\u0584"},
	{'g', "\u0261\u0581\u018d\u1d83"},
	{'h', "\u04bb\u0570\u13c2\u050b"},
	{'i', "\u0456\u03b9\u0269\u026a\u0131\u04cf\u2373\uab75\u13a5\u1d7b"},
	{'j', "\u0458\u03f3"},
	{'k', "\u043a\u03ba\u1d0b\u2c95\u049b"},
	{'l', "\u04cf\u217c\u05c0\u01c0\u2223\u05d5\ua4f2"},
	{'m', "\u043c\u217f\u1d0d\u028d"},
	{'n', "\u0578\u057c\u03b7\u0438"},
	{'o', "\u043e\u03bf\u0585\u1d0f\u2c9f\u03c3\u0d20\u1d11\uab3d"},
	{'p', "\u0440\u03c1\u03f1\u2ca3\u2374"},
	{'q', "\u051b\u0563\u0566"},
	{'r', "\u0433\u1d26\u2c85\uab47\uab48\uab81"},
	{'s', "\u0455\ua731\u01bd\uabaa"},
	{'t', "\u0442\u03c4\u1d1b"},
	{'u', "\u057d\u03c5\u1d1c\u028b\ua79f\uab4e\uab52"},
	{'v', "\u0475\u03bd\u1d20\uaba9\u2228"},
	{'w', "\u051d\u0461\u03c9\u026f\u0561\u1d21\uab83"},
	{'x', "\u0445\u03c7\u2cad\u1541\u157d"},
	{'y', "\u0443\u03b3\u04af\u0263\u028f\u1d8c\u1eff\u213d\uab5a\u10e7"},
	{'z', "\u1d22\uab93\u0290"},
	{'A', "\u0410\u0391\u13aa\ua4ee\u15c5"},
	{'B', "\u0412\u0392\u13f4\ua4d0\u15f7\ua7b4"},
	{'C', "\u0421\u03f9\u13df\ua4da\u216d\u2ca4"},
	{'D', "\u13a0\ua4d3\u216e\u15de"},
	{'E', "\u0415\u0395\u13ac\ua4f0\u22ff"},
	{'F', "\u03dc\ua4dd\ua798\u15b4"},
	{'G', "\u050c\u13c0\ua4d6\u13f3"},
	{'H', "\u041d\u0397\u13bb\ua4e7\u2c8e\u157c"},
	{'I', "\u0406\u0399\u04c0\u2c92\ua4f2"},
	{'J', "\u0408\u037f\u13ab\ua4d9\u148d"},
	{'K', "\u041a\u039a\u13e6\ua4d7\u2c94"},
	{'L', "\u13de\ua4e1\u216c\u14aa\u2cd0"},
	{'M', "\u041c\u039c\u13b7\ua4df\u216f\u2c98\u03fa"},
	{'N', "\u039d\ua4e0\u2c9a"},
	{'O', "\u041e\u039f\u0555\ua4f3\u2c9e"},
	{'P', "\u0420\u03a1\u13e2\ua4d1\u2ca2"},
	{'Q', "\u051a\u2d55"},
	{'R', "\u13a1\ua4e3\u13d2\u1587"},
	{'S', "\u0405\u054f\u13da\ua4e2\u13d5"},
	{'T', "\u0422\u03a4\u13a2\ua4d4\u2ca6"},
	{'U', "\u054d\ua4f4\u1200\u144c"},
	{'V', "\u0474\u13d9\ua4e6\u142f"},
	{'W', "\u051c\u13b3\u13d4\ua4ea"},
	{'X', "\u0425\u03a7\ua4eb\u2cac\u2169"},
	{'Y', "\u04ae\u03a5\u13a9\ua4ec\u2ca8\u0423"},
	{'Z', "\u0396\u13c3\ua4dc"},
}

// confusables has the table's letters below U+0600 in an array, the others in a map.
type confusable struct {
	low  [0x600]byte
	high map[rune]byte
}

//nolint:gochecknoglobals // a table; read-only
var confusables = sync.OnceValue(func() *confusable {
	t := &confusable{high: make(map[rune]byte, 256)}
	for _, l := range lookalikes {
		for _, r := range l.others {
			if r < 0x600 {
				t.low[r] = byte(l.latin & 0x7f)
			} else {
				t.high[r] = byte(l.latin & 0x7f)
			}
		}
	}
	return t
})

// lookalike is the Latin letter that r is drawn like.
func lookalike(r rune) (byte, bool) {
	switch {
	case r < 0x131 || r >= 0x2e80 && r < 0xa490 || r >= 0xac00:
		return 0, false
	case r < 0x600:
		b := confusables().low[r]
		return b, b != 0
	}
	b, ok := confusables().high[r]
	return b, ok
}

// closely tells whether r is so like its Latin letter that a whole word of such
// letters reads as Latin: the others only pass beside real Latin letters.
func closely(r rune) bool {
	switch r {
	case 0x0433, 0x0438, 0x043a, 0x043c, 0x0442, 0x044c, 0x0454, 0x0461, 0x03b1, 0x03b3, 0x03b7, 0x03ba, 0x03c3, 0x03c4, 0x03c9, 0x03c7, 0x0423:
		return false
	}
	return true
}

// alphabet is a script with letters that are taken for Latin ones.
type alphabet uint8

const (
	noAlphabet alphabet = iota
	latin
	cyrillic
	greek
	armenian
	cherokee
	lisu
	coptic
	otherAlphabet
	alphabets
)

func alphabetOf(r rune) alphabet {
	switch {
	case r < utf8.RuneSelf:
		if r|0x20 >= 'a' && r|0x20 <= 'z' {
			return latin
		}
		return noAlphabet
	case r >= 0x400 && r <= 0x481 || r >= 0x48a && r < 0x530:
		return cyrillic
	case r >= 0x4e00 && r < 0x9fff || r >= 0x3041 && r <= 0x3096 || r >= 0xac00 && r <= 0xd7a3:
		return otherAlphabet
	case !unicode.IsLetter(r) && !unicode.Is(unicode.Nl, r), r >= 0x2b0 && r <= 0x2ff: // modifiers are signs of phonetics
		return noAlphabet
	case unicode.Is(unicode.Latin, r):
		return latin
	case unicode.Is(unicode.Cyrillic, r):
		return cyrillic
	case unicode.Is(unicode.Greek, r):
		return greek
	case unicode.Is(unicode.Armenian, r):
		return armenian
	case unicode.Is(unicode.Cherokee, r):
		return cherokee
	case unicode.Is(unicode.Lisu, r):
		return lisu
	case unicode.Is(unicode.Coptic, r):
		return coptic
	}
	return otherAlphabet
}
