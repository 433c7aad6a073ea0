package places

import (
	"strings"
	"unicode"
)

// Parameters of Punycode, RFC 3492 §5.
const (
	punyBase, punyMin, punyMax         = 36, 1, 26
	punySkew, punyDamp, punyBias       = 38, 700, 72
	punyFirst                          = 128
	punyLimit                    int64 = 1 << 31 // no sound label comes near; keeps the sums from overflowing
)

// plainIDN tells whether what follows "xn--" in a label decodes (RFC 3492 §6.2) to
// characters that stand for themselves: letters, marks and digits (RFC 5892 §2.1),
// none that compatibility mapping would turn into an ASCII one, and no two of the
// alphabets that look alike. A code of ASCII alone is refused: some readers take
// "xn--localhost-" for "localhost".
func plainIDN(code string) bool {
	basic, rest := "", code
	if i := strings.LastIndexByte(code, '-'); i >= 0 {
		basic, rest = code[:i], code[i+1:]
	}
	if rest == "" {
		return false
	}
	var seen alphabets
	for i := range len(basic) {
		seen.add(rune(basic[i]))
	}
	n, i, bias, count := int64(punyFirst), int64(0), int64(punyBias), int64(len(basic))
	first := true
	for rest != "" {
		delta, left, ok := punyDelta(rest, bias)
		if !ok {
			return false
		}
		rest = left
		i += delta
		count++
		bias, first = punyAdapt(delta, count, first), false
		n += i / count
		i = i%count + 1
		if n < 0 || n > unicode.MaxRune {
			return false
		}
		r := rune(n)
		if !standsForItself(r) {
			return false
		}
		seen.add(r)
	}
	return seen.one()
}

// punyDelta reads one number of variable length (RFC 3492 §3.3).
func punyDelta(s string, bias int64) (delta int64, rest string, ok bool) {
	weight := int64(1)
	for k := int64(punyBase); s != ""; k += punyBase {
		var digit int64
		switch c := s[0]; {
		case c >= 'a' && c <= 'z':
			digit = int64(c - 'a')
		case c >= '0' && c <= '9':
			digit = int64(c-'0') + 26
		default:
			return 0, "", false
		}
		s = s[1:]
		delta += digit * weight
		t := min(max(k-bias, punyMin), punyMax)
		if digit < t {
			return delta, s, delta < punyLimit
		}
		if weight *= punyBase - t; weight > punyLimit {
			return 0, "", false
		}
	}
	return 0, "", false
}

// punyAdapt is the bias for the next number (RFC 3492 §6.1).
func punyAdapt(delta, count int64, first bool) int64 {
	if first {
		delta /= punyDamp
	} else {
		delta /= 2
	}
	delta += delta / count
	k := int64(0)
	for ; delta > (punyBase-punyMin)*punyMax/2; k += punyBase {
		delta /= punyBase - punyMin
	}
	return k + (punyBase-punyMin+1)*delta/(delta+punySkew)
}

// compatible are the letters and digits that compatibility mapping (NFKC, UTS #46)
// replaces by others: full width, circled, mathematical, superscript, presentation
// forms, compatibility ideographs; and those that it drops.
//
//nolint:gochecknoglobals // a table; read-only
var compatible = &unicode.RangeTable{
	R16: []unicode.Range16{
		{0x00aa, 0x00aa, 1},
		{0x00ba, 0x00ba, 1},
		{0x017f, 0x017f, 1},
		{0x02b0, 0x02b8, 1},
		{0x02e0, 0x02e4, 1},
		{0x034f, 0x034f, 1},
		{0x115f, 0x1160, 1},
		{0x17b4, 0x17b5, 1},
		{0x180b, 0x180f, 1},
		{0x1d2c, 0x1d6a, 1},
		{0x1d78, 0x1dbf, 1},
		{0x2070, 0x218f, 1},
		{0x2460, 0x24ff, 1},
		{0x2c7c, 0x2c7d, 1},
		{0x3131, 0x33ff, 1},
		{0xa69c, 0xa69d, 1},
		{0xa770, 0xa770, 1},
		{0xa7f1, 0xa7f9, 1},
		{0xab5c, 0xab5f, 1},
		{0xf900, 0xfdff, 1},
		{0xfe00, 0xfeff, 1},
		{0xff00, 0xffef, 1},
	},
	R32: []unicode.Range32{
		{0x1d400, 0x1d7ff, 1},
		{0x1ee00, 0x1eeff, 1},
		{0x1f100, 0x1f1ff, 1},
		{0x1fbf0, 0x1fbf9, 1},
		{0x2f800, 0x2fa1f, 1},
		{0xe0000, 0xe0fff, 1},
	},
	LatinOffset: 2,
}

func standsForItself(r rune) bool {
	switch {
	case r == 0xb7 || r == 0x375 || r == 0x5f3 || r == 0x5f4 || r == 0x30fb:
		return true // RFC 5892 §2.6: punctuation that words are written with
	case !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r):
		return false
	}
	return !unicode.IsUpper(r) && !unicode.Is(compatible, r)
}

// alphabets are those with letters that look alike (UTS #39 §5).
type alphabets struct{ latin, cyrillic, greek, armenian, cherokee int }

func (a *alphabets) add(r rune) {
	switch {
	case unicode.Is(unicode.Latin, r):
		a.latin = 1
	case unicode.Is(unicode.Cyrillic, r):
		a.cyrillic = 1
	case unicode.Is(unicode.Greek, r):
		a.greek = 1
	case unicode.Is(unicode.Armenian, r):
		a.armenian = 1
	case unicode.Is(unicode.Cherokee, r):
		a.cherokee = 1
	}
}

// one tells whether at most one of them was seen.
func (a *alphabets) one() bool {
	return a.latin+a.cyrillic+a.greek+a.armenian+a.cherokee <= 1
}
