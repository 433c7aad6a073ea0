package reveal

import (
	"slices"
	"unicode"
	"unicode/utf8"
)

// maxSymbols bounds how many unseen characters are read as one message.
const maxSymbols = 64 << 10

// spelled reads a row of unseen characters as the message that they code: each
// stands for a byte, or for one of two or four digits, or parts such digits. Of
// several readings it is the first that has words.
func spelled(rs []rune) string {
	if len(rs) < 3 || len(rs) > maxSymbols {
		return ""
	}
	first := ""
	for _, s := range candidates(rs) {
		if judge(s) != noise {
			return s
		}
		if first == "" {
			first = s
		}
	}
	return first
}

func candidates(rs []rune) []string {
	var out []string
	if s := direct(rs); readable(s) {
		out = append(out, s)
	}
	alphabet := distinct(rs)
	switch len(alphabet) {
	case 2:
		out = append(out, binary(rs, alphabet)...)
	case 3:
		out = append(out, parted(rs, alphabet)...)
	case 4:
		out = append(out, digits(rs, alphabet, 2)...)
		slices.Reverse(alphabet)
		out = append(out, digits(rs, alphabet, 2)...)
	}
	if len(alphabet) > 4 && len(alphabet) <= 16 && unicode.Is(unicode.Variation_Selector, alphabet[0]) {
		nibbles := make([]rune, 16)
		for i := range nibbles {
			nibbles[i] = rune(0xfe00 + i)
		}
		out = append(out, digits(rs, nibbles, 4)...)
	}
	return out
}

// direct reads characters that stand for a byte each: tags, variation selectors
// (U+FE00 is 0, U+E0100 is 16), private use by its low byte.
func direct(rs []rune) string {
	b := make([]byte, 0, len(rs))
	for _, r := range rs {
		switch {
		case r >= 0xe0100 && r <= 0xe01ef:
			b = append(b, byte((r-0xe0100+16)&0xff))
		case r >= 0xfe00 && r <= 0xfe0f:
			b = append(b, byte(r&0x0f))
		case kindOf(r) == tagged:
			if r > 0xe0001 && r < 0xe007f {
				b = append(b, byte(r&0x7f))
			}
		case kindOf(r) == private:
			b = append(b, byte(r&0xff))
		default:
			return ""
		}
	}
	if s := string(b); utf8.ValidString(s) {
		return s
	}
	return ""
}

// distinct is the characters of rs in order, at most 17 of them.
func distinct(rs []rune) []rune {
	var out []rune
	for _, r := range rs {
		if i, found := slices.BinarySearch(out, r); !found {
			if len(out) == 17 {
				break
			}
			out = slices.Insert(out, i, r)
		}
	}
	return out
}

// binary reads two characters as zero and one, either way, eight, seven or
// sixteen digits a character.
func binary(rs, alphabet []rune) []string {
	var out []string
	for _, width := range [...]int{8, 7, 16} {
		for _, one := range alphabet {
			for _, skip := range [...]int{0, 1} { // a marker may stand before
				if s := chunks(rs[skip:], one, width); legible(s) && (width < 16 || coherent(s)) {
					out = append(out, s)
				}
			}
		}
	}
	return out
}

func chunks(rs []rune, one rune, width int) string {
	var b []byte
	var wide []rune
	for part := range slices.Chunk(rs, width) {
		if len(part) < width {
			break
		}
		v := 0
		for _, r := range part {
			v <<= 1
			if r == one {
				v |= 1
			}
		}
		b, wide = append(b, byte(v&0xff)), append(wide, rune(v&0xffff))
	}
	if width == 16 {
		return string(wide)
	}
	return string(b)
}

// parted reads three characters, one of which stands between the binary numbers
// of the others.
func parted(rs, alphabet []rune) []string {
	var out []string
	for _, sep := range alphabet {
		for _, one := range alphabet {
			if one == sep {
				continue
			}
			if s := numbersBetween(rs, sep, one); legible(s) {
				out = append(out, s)
			}
		}
		rest := slices.DeleteFunc(slices.Clone(rs), func(r rune) bool { return r == sep })
		out = append(out, binary(rest, distinct(rest))...)
	}
	return append(out, digits(rs, alphabet, 2)...)
}

func numbersBetween(rs []rune, sep, one rune) string {
	var out []rune
	v, n := rune(0), 0
	for _, r := range rs {
		switch {
		case r != sep:
			v = v << 1 & unicode.MaxRune
			if r == one {
				v |= 1
			}
			n++
			continue
		case n > 0:
			out = append(out, v)
		}
		v, n = 0, 0
	}
	if n > 0 {
		out = append(out, v)
	}
	return string(out)
}

// digits reads characters as digits of width bits, in the order of alphabet.
func digits(rs, alphabet []rune, width int) []string {
	var b []byte
	per := 8 / width
	for part := range slices.Chunk(rs, per) {
		if len(part) < per {
			break
		}
		v := 0
		for _, r := range part {
			d := slices.Index(alphabet, r)
			if d < 0 {
				return nil
			}
			v = v<<width | d
		}
		b = append(b, byte(v&0xff))
	}
	if s := string(b); legible(s) {
		return []string{s}
	}
	return nil
}

// coherent tells whether the letters of a text that was read sixteen digits at a
// time are all Latin, or all Han and Kana: any others are numbers by chance.
func coherent(s string) bool {
	latin, han := true, true
	for _, r := range s {
		latin = latin && r < 0x250
		han = han && (r < utf8.RuneSelf || r >= 0x3000 && r < 0xa000)
	}
	return latin || han
}
