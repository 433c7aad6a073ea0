package secrets_test

import (
	"encoding/ascii85"
	stdbase32 "encoding/base32"
	"fmt"
	"strings"
	"testing"

	"doorward/internal/gate"
	"doorward/internal/inspect/secrets"
)

// each writes every byte of a text as form has it.
func each(s, form, sep string) string {
	parts := make([]string, 0, len(s))
	for i := range len(s) {
		parts = append(parts, fmt.Sprintf(form, s[i]))
	}
	return strings.Join(parts, sep)
}

// mapped writes every byte of a text as another character.
func mapped(s string, to func(c byte) rune) string {
	var b strings.Builder
	for i := range len(s) {
		b.WriteRune(to(s[i]))
	}
	return b.String()
}

func tag(c byte) rune      { return 0xe0000 + rune(c) }
func selector(c byte) rune { return 0xe0100 - 16 + rune(c) }

// turned moves every letter by n places.
func turned(n int) func(c byte) rune {
	return func(c byte) rune {
		switch {
		case c >= 'a' && c <= 'z':
			return rune('a' + (int(c-'a')+n)%26)
		case c >= 'A' && c <= 'Z':
			return rune('A' + (int(c-'A')+n)%26)
		}
		return rune(c)
	}
}

func in85(s string) string {
	b := make([]byte, ascii85.MaxEncodedLen(len(s)))
	return string(b[:ascii85.Encode(b, []byte(s))])
}

// by85 is base85 in another alphabet.
func by85(s, alphabet string) string {
	for len(s)%4 != 0 {
		s += " "
	}
	var b strings.Builder
	for ; s != ""; s = s[4:] {
		n := uint32(s[0])<<24 | uint32(s[1])<<16 | uint32(s[2])<<8 | uint32(s[3])
		var group [5]byte
		for i := range group {
			group[4-i] = alphabet[n%85]
			n /= 85
		}
		b.Write(group[:])
	}
	return b.String()
}

const (
	rfc1924 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~"
	z85     = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
)

func wide(s string, low bool) string {
	if low {
		return strings.Join(strings.Split(s, ""), "\x00") + "\x00"
	}
	return "\x00" + strings.Join(strings.Split(s, ""), "\x00")
}

// spelled are ways to write a text, by name.
func spelled(s string) map[string]string {
	in32 := stdbase32.StdEncoding.EncodeToString([]byte(s))
	all := map[string]string{
		"tag characters":              mapped(s, tag),
		"tag characters in part":      s[:len(s)/2] + mapped(s[len(s)/2:], tag),
		"variation selectors":         mapped(s, selector),
		"UTF-16 in base64":            in64(wide(s, true)),
		"UTF-16 with mark in base64":  in64("\xff\xfe" + wide(s, true)),
		"big UTF-16 in base64":        in64("\xfe\xff" + wide(s, false)),
		"UTF-16 in hex":               inHex(wide(s, true)),
		"decimals":                    each(s, "%d", " "),
		"decimals with commas":        "[" + each(s, "%d", ",") + "]",
		"decimals with both":          each(s, "%d", ", "),
		"decimals on lines":           each(s, "%d", "\n"),
		"decimals of three digits":    each(s, "%03d", " "),
		"hexadecimals":                each(s, "%02x", " "),
		"hexadecimals with commas":    each(s, "%02x", ", "),
		"prefixed hexadecimals":       each(s, "0x%02x", ", "),
		"large prefixed hexadecimals": each(s, "0X%02X", ","),
		"code points":                 each(s, "U+%04X", " "),
		"octals":                      each(s, "%o", " "),
		"octals of three digits":      each(s, "%03o", " "),
		"binaries":                    each(s, "%08b", " "),
		"calls":                       each(s, "chr(%d)", "+"),
		"escapes":                     each(s, `\x%02x`, ""),
		"escaped escapes":             each(s, `\\x%02x`, ""),
		"escapes of four digits":      each(s, `\u%04x`, ""),
		"escapes of eight digits":     each(s, `\U%08x`, ""),
		"escapes in braces":           each(s, `\u{%x}`, ""),
		"octal escapes":               each(s, `\%03o`, ""),
		"percent with u":              each(s, "%%u%04x", ""),
		"references":                  each(s, "&#%d;", ""),
		"references without an end":   each(s, "&#%d", ""),
		"hexadecimal references":      each(s, "&#x%x;", ""),
		"long references":             each(s, "&#%07d;", ""),
		"quoted-printable":            each(s, "=%02X", ""),
		"base32":                      in32,
		"base32 without padding":      strings.TrimRight(in32, "="),
		"small base32":                strings.ToLower(in32),
		"base32 behind more":          "data:" + in32,
		"extended base32":             stdbase32.HexEncoding.EncodeToString([]byte(s)),
		"base32 of base64":            stdbase32.StdEncoding.EncodeToString([]byte(in64(s))),
		"rot13":                       mapped(s, turned(13)),
		"rot13 of base64":             mapped(in64(s), turned(13)),
		"base64 of rot13":             in64(mapped(s, turned(13))),
		"reversed rot13":              backwards(mapped(s, turned(13))),
		"ascii85":                     in85(s),
		"ascii85 in its frame":        "<~" + in85(s) + "~>",
		"ascii85 in lines":            "<~" + in85(s)[:20] + "\n" + in85(s)[20:] + "~>",
		"ascii85 behind more":         "data=" + in85(s),
		"base85":                      by85(s, rfc1924),
		"base85 of ZeroMQ":            by85(s, z85),
		"reversed":                    backwards(s),
		"decimals of reversed":        each(backwards(s), "%d", " "),
		"null bytes":                  wide(s, true),
		"controls":                    between(s, "\x01"),
		"on lines of their own":       between(s, "\n"),
	}
	for name, text := range all {
		all[name] = "before " + text + " after"
	}
	return all
}

func TestSpelled(t *testing.T) {
	token := github("gh"+"p_", "spelled")
	for name, text := range spelled(token) {
		t.Run(name, func(t *testing.T) {
			got := secrets.Scan(text)
			if len(got) != 1 || got[0].Rule != "secret.github_token" || got[0].Severity != gate.High {
				t.Fatalf("%q: %+v", text, got)
			}
			if at := got[0].Span; at.Start < 7-len(`data=`) || at.End > len(text) || at.End-at.Start < len(token)/3 {
				t.Errorf("span %v of %d bytes", at, len(text))
			}
		})
	}
}

func TestCanariesSpelled(t *testing.T) {
	value := "Tok_canary/planted+value:000001"
	c, err := secrets.NewCanaries(map[string]string{"vault": value})
	if err != nil {
		t.Fatal(err)
	}
	all := spelled(value)
	for n := 1; n < 26; n++ {
		all[fmt.Sprint("letters moved by ", n)] = mapped(value, turned(n))
	}
	for name, text := range all {
		t.Run(name, func(t *testing.T) {
			if got := c.Find(text); len(got) != 1 || got[0].Text != "vault" {
				t.Errorf("%q: %+v", text, got)
			}
		})
	}
}
