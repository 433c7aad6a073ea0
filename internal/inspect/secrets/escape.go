package secrets

import (
	"html"
	"strings"
	"unicode/utf8"
)

// withoutPercent undoes percent encoding (RFC 3986 section 2.1), and quoted-printable.
func withoutPercent(text string) (string, []int32) {
	if strings.IndexByte(text, '%') < 0 && !strings.Contains(text, "=3D") && !quotedPrintable(text) {
		return "", nil
	}
	r := newRewritten(len(text))
	form := false // the word at hand has escapes: a plus in it is a blank (WHATWG URL, 5.1)
	for i := 0; i < len(text); i++ {
		c := text[i]
		if i == 0 || isBlank[text[i-1]] {
			form = encodedWord(text[i:])
		}
		if c == '+' && form {
			r.put(' ', i)
			continue
		}
		if c == '%' || c == '=' && (strings.HasPrefix(text[i:], "=3D") || quotedPair(text, i)) {
			if n, ok := number(text[i+1:], 2, 2); ok {
				r.put(byte(n&0xff), i)
				r.changes++
				i += 2
				continue
			}
		}
		r.put(c, i)
	}
	return r.result(len(text))
}

// encodedWord tells whether an escape is in the first word of a text.
func encodedWord(text string) bool {
	for i := 0; i < len(text) && !isBlank[text[i]]; i++ {
		if text[i] == '%' {
			if _, ok := number(text[i+1:], 2, 2); ok {
				return true
			}
		}
	}
	return false
}

// quotedPrintable tells whether two escaped bytes stand side by side (RFC 2045
// section 6.7). One alone is a value in an address.
func quotedPrintable(text string) bool {
	for i := strings.IndexByte(text, '='); i >= 0 && i+6 <= len(text); i++ {
		next := strings.IndexByte(text[i:], '=')
		if next < 0 {
			return false
		}
		if i += next; i+6 <= len(text) && text[i+3] == '=' && quotedPair(text, i) {
			return true
		}
	}
	return false
}

// quotedPair tells whether the escaped byte at i has another one beside it.
func quotedPair(text string, i int) bool {
	pair := func(i int) bool {
		if i < 0 || i+3 > len(text) || text[i] != '=' {
			return false
		}
		_, ok := number(text[i+1:], 2, 2)
		return ok
	}
	return pair(i) && (pair(i-3) || pair(i+3))
}

// number reads a hexadecimal number of at least low and at most high digits.
func number(text string, low, high int) (n rune, ok bool) {
	i := 0
	for ; i < high && i < len(text) && hexadecimal(text[i:i+1]); i++ {
		c := text[i] | 0x20
		if digit(text[i]) {
			n = n<<4 | rune(text[i]-'0')
		} else {
			n = n<<4 | rune(c-'a'+10)
		}
	}
	return n, i >= low
}

// withoutEscapes undoes the escapes of programs (\x41, \101, \u0041, \u{41},
// \U00000041, %u0041) and character references (&#65;, &#x41;, &lowbar;).
func withoutEscapes(text string) (string, []int32) {
	first := 0
	for ; first < len(text); first++ {
		if _, n := escaped(text[first:]); n > 0 {
			break
		}
		next := strings.IndexAny(text[first+1:], `\&%`)
		if next < 0 {
			return "", nil
		}
		first += next
	}
	if first >= len(text) {
		return "", nil
	}
	r := newRewritten(len(text))
	for i := 0; i < len(text); {
		if c, n := escaped(text[i:]); n > 0 {
			r.rune(c, i)
			i += n
			continue
		}
		r.put(text[i], i)
		i++
	}
	return r.result(len(text))
}

// escaped is the character that an escape at the beginning of a text stands for,
// and the length of the escape; 0 for none.
func escaped(text string) (rune, int) {
	if len(text) < 3 {
		return 0, 0
	}
	switch text[0] {
	case '\\':
		return backslashed(text)
	case '%':
		if n, ok := number(text[2:], 4, 4); ok && text[1]|0x20 == 'u' {
			return n, 6
		}
	case '&':
		if text[1] == '#' {
			return referenced(text)
		}
		return entity(text)
	}
	return 0, 0
}

// backslashed is the character of an escape as programs write it. A backslash
// before it, which is the escape's own when it was escaped, goes with it.
func backslashed(text string) (rune, int) {
	skip := 1
	for skip < len(text) && skip < maxBackslashes && text[skip] == '\\' {
		skip++
	}
	rest := text[skip:]
	if rest == "" {
		return 0, 0
	}
	switch c := rest[0]; {
	case c == 'x':
		if n, ok := number(rest[1:], 2, 2); ok {
			return n, skip + 3
		}
	case (c == 'u' || c == 'x') && len(rest) > 3 && rest[1] == '{':
		end := strings.IndexByte(rest[:min(len(rest), 10)], '}')
		if end < 3 {
			return 0, 0
		}
		if n, ok := number(rest[2:end], end-2, 6); ok {
			return n, skip + end + 1
		}
	case c == 'u':
		if n, ok := number(rest[1:], 4, 4); ok {
			return n, skip + 5
		}
	case c == 'U':
		if n, ok := number(rest[1:], 8, 8); ok {
			return n, skip + 9
		}
	case c >= '0' && c <= '1' && len(rest) > 2 && octal(rest[1]) && octal(rest[2]):
		return rune(c-'0')<<6 | rune(rest[1]-'0')<<3 | rune(rest[2]-'0'), skip + 3
	}
	return 0, 0
}

// maxBackslashes bounds the backslashes of one escape: each layer of strings in
// strings doubles them.
const maxBackslashes = 8

func octal(c byte) bool { return c >= '0' && c <= '7' }

// maxReference is the length of the longest character reference that is read.
const maxReference = 16

// referenced is the character of a numeric reference. Browsers read one without
// its semicolon too (WHATWG HTML, 13.2.5.80).
func referenced(text string) (rune, int) {
	i, n := 2, rune(0)
	from := i
	if text[i]|0x20 == 'x' {
		i++
		from = i
		for ; i < len(text) && i < maxReference && hexadecimal(text[i:i+1]) && n <= utf8.MaxRune; i++ {
			d, _ := number(text[i:], 1, 1)
			n = n<<4 | d
		}
	} else {
		for ; i < len(text) && i < maxReference && digit(text[i]) && n <= utf8.MaxRune; i++ {
			n = n*10 + rune(text[i]-'0')
		}
	}
	if i == from {
		return 0, 0
	}
	if i < len(text) && text[i] == ';' {
		i++
	}
	return n, i
}

// entity is the sign of tokens that a named reference stands for.
func entity(text string) (rune, int) {
	end := strings.IndexByte(text[:min(len(text), maxReference)], ';')
	if end < 3 || !letter(text[1]) {
		return 0, 0
	}
	plain := html.UnescapeString(text[:end+1])
	if len(plain) != 1 || !isToken[plain[0]] {
		return 0, 0
	}
	return rune(plain[0]), end + 1
}
