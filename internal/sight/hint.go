package sight

import (
	"strings"
	"unicode/utf8"
)

// attribute is the colour that an attribute of HTML names: anything is one (WHATWG HTML, 2.4.6).
func attribute(value string) colour {
	value = lower(strings.TrimSpace(value))
	if value == "" || value == "transparent" {
		return colour{}
	}
	digits, is := named()[value]
	if short, signed := strings.CutPrefix(value, "#"); !is && signed && len(short) == 3 {
		if c, n := hex(short); n > 0 {
			return c
		}
	}
	if !is {
		digits = legacy(value)
	}
	c, _ := hex(digits)
	return c
}

// maxLegacy is how many characters of such an attribute are read.
const maxLegacy = 128

// legacy are the six digits that a text stands for.
func legacy(value string) string {
	var b []byte
	for _, r := range value {
		if r > 0xffff {
			b = append(b, '0')
		}
		if r >= utf8.RuneSelf || !strings.ContainsRune("0123456789abcdef", r) && (r != '#' || len(b) > 0) {
			r = '0'
		}
		if b = append(b, byte(r)); len(b) >= maxLegacy {
			b = b[:maxLegacy]
			break
		}
	}
	if len(b) > 0 && b[0] == '#' {
		b = b[1:]
	}
	for len(b) == 0 || len(b)%3 != 0 {
		b = append(b, '0')
	}
	n := len(b) / 3
	parts := [3][]byte{b[:n], b[n : 2*n], b[2*n:]}
	for i := range parts {
		parts[i] = parts[i][max(0, n-8):]
	}
	for len(parts[0]) > 2 && parts[0][0] == '0' && parts[1][0] == '0' && parts[2][0] == '0' {
		for i := range parts {
			parts[i] = parts[i][1:]
		}
	}
	var digits strings.Builder
	for _, p := range parts {
		if len(p) == 1 {
			digits.WriteByte('0')
		}
		digits.Write(p[:min(2, len(p))])
	}
	return digits.String()
}
