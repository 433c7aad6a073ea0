package leak

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"html"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// spellings are the ways to write a secret that are looked for. name is its number.
func spellings(text string, name int) []pattern {
	list := []pattern{{text: text, name: name, word: len(text) < minCoded}}
	if len(text) < minCoded {
		return list
	}
	add := func(of pattern, forms ...string) {
		for _, form := range forms {
			there := slices.ContainsFunc(list, func(p pattern) bool { return p.text == form })
			if len(form) >= minCoded && !there {
				list = append(list, pattern{text: form, name: name, edge: of.edge, coded: of.coded})
			}
		}
	}
	x := hex.EncodeToString([]byte(text))
	add(pattern{}, reversed(text), html.EscapeString(text))
	add(pattern{coded: true}, x, strings.ToUpper(x))
	if quoted := strconv.Quote(text); len(quoted) > 2 {
		add(pattern{}, quoted[1:len(quoted)-1])
	}
	for _, escape := range []func(string) string{url.QueryEscape, url.PathEscape, everyByte} {
		form := escape(text)
		add(pattern{}, form, lowerEscapes(form))
	}
	coded := pattern{edge: true, coded: true}
	for _, form := range wide(text) {
		x := hex.EncodeToString([]byte(form))
		add(pattern{}, form)
		add(pattern{coded: true}, x, strings.ToUpper(x))
		for shift := range 3 {
			add(coded, core(base64.RawStdEncoding, 6, form, shift), core(base64.RawURLEncoding, 6, form, shift))
		}
	}
	for shift := range 3 {
		add(coded, core(base64.RawStdEncoding, 6, text, shift), core(base64.RawURLEncoding, 6, text, shift))
	}
	for shift := range 5 {
		form := core(base32.StdEncoding.WithPadding(base32.NoPadding), 5, text, shift)
		add(coded, form, strings.ToLower(form))
	}
	return list
}

// wide are a text in UTF-16 of either order of bytes (RFC 2781), without the zeros around it: of one
// in ASCII that is the same in both.
func wide(text string) (forms []string) {
	if !utf8.ValidString(text) {
		return nil
	}
	var little, big []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		little = binary.LittleEndian.AppendUint16(little, unit)
		big = binary.BigEndian.AppendUint16(big, unit)
	}
	return []string{strings.Trim(string(little), "\x00"), strings.Trim(string(big), "\x00")}
}

func reversed(s string) string {
	b := []byte(s)
	slices.Reverse(b)
	return string(b)
}

// everyByte escapes every byte, as nobody has to.
func everyByte(s string) string {
	const digits = "0123456789ABCDEF"
	b := make([]byte, 0, 3*len(s))
	for i := range len(s) {
		b = append(b, '%', digits[s[i]>>4], digits[s[i]&15])
	}
	return string(b)
}

// lowerEscapes is a percent-encoded text with its escapes in lower case (RFC 3986,
// section 2.1, takes both).
func lowerEscapes(s string) string {
	b := []byte(s)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			copy(b[i+1:], strings.ToLower(s[i+1:i+3]))
			i += 2
		}
	}
	return string(b)
}

// core is the base64 or base32 of a text that shift bytes stand before, without the characters
// that depend on what stands before and after it. Each character has so many bits.
func core(coding interface{ EncodeToString([]byte) string }, bits int, text string, shift int) string {
	coded := coding.EncodeToString([]byte(strings.Repeat("\x00", shift) + text))
	return coded[(shift*8+bits-1)/bits : (shift+len(text))*8/bits]
}
