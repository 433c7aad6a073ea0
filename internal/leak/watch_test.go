package leak_test

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"doorward/internal/leak"
)

const token = "s3cr3t/Tok+en~Value&42"

func reversed(s string) string {
	b := []byte(s)
	slices.Reverse(b)
	return string(b)
}

func everyRune(s, format string) string {
	var b strings.Builder
	for _, r := range s {
		fmt.Fprintf(&b, format, r)
	}
	return b.String()
}

func everyFew(s string, n int, between string) string {
	return strings.Join(slices.Collect(func(yield func(string) bool) {
		for part := range slices.Chunk([]byte(s), n) {
			if !yield(string(part)) {
				return
			}
		}
	}), between)
}

func wrapped(s string, columns int, between string) string {
	return everyFew(base64.StdEncoding.EncodeToString([]byte(s)), columns, between)
}

func twice(s string) string {
	inner, _ := json.Marshal(map[string]string{"in": s})
	return string(inner)
}

func TestMaskSpellings(t *testing.T) {
	w := leak.New([]leak.Secret{{Name: "api_key", Text: token}})
	for name, text := range map[string]string{
		"plain":              token,
		"hex":                hex.EncodeToString([]byte(token)),
		"HEX":                strings.ToUpper(hex.EncodeToString([]byte(token))),
		"query":              url.QueryEscape(token),
		"query, lower":       strings.ToLower(url.QueryEscape("~")) + strings.NewReplacer("%2F", "%2f", "%2B", "%2b").Replace(url.QueryEscape(token)),
		"path":               url.PathEscape(token),
		"percent":            everyRune(token, "%%%02X"),
		"percent, lower":     everyRune(token, "%%%02x"),
		"HTML":               html.EscapeString(token),
		"reversed":           reversed(token),
		"JSON":               everyRune(token, `\u%04x`),
		"JSON, upper":        everyRune(token, `\u%04X`),
		"JSON, one escape":   strings.Replace(token, "3", `\u0033`, 1),
		"JSON, slash":        strings.ReplaceAll(token, "/", `\/`),
		"JSON in JSON":       strings.ReplaceAll(everyRune(token, `\u%04x`), `\`, `\\`),
		"base64":             base64.StdEncoding.EncodeToString([]byte(token)),
		"base64, 1 before":   base64.StdEncoding.EncodeToString([]byte(":" + token + "end")),
		"base64, 2 before":   base64.StdEncoding.EncodeToString([]byte("u:" + token + "?")),
		"base64 of URLs":     base64.URLEncoding.EncodeToString([]byte(token)),
		"base64 of URLs, 1":  base64.RawURLEncoding.EncodeToString([]byte("x" + token)),
		"base64 of URLs, 2":  base64.RawURLEncoding.EncodeToString([]byte("xy" + token)),
		"base64, 64 columns": wrapped("x"+strings.Repeat("y", 40)+token, 64, `\n`),
		"base64, 76 columns": wrapped(strings.Repeat("y", 50)+token+"z", 76, `\r\n`),
		"base64, split":      wrapped(token, 1, " "),
		"base64, in fours":   wrapped(":"+token, 4, `\t`),
		"base64, new line":   `\n` + wrapped(token, 80, ""),
		"base64, own lines":  `\n` + wrapped(token, 8, `\n`) + `\n`,
		"base64, escaped":    `\t` + strings.Replace(wrapped(token, 80, ""), "M", "%4D", 1),
		"base32":             base32.StdEncoding.EncodeToString([]byte(token)),
		"base32, lower":      strings.ToLower(base32.StdEncoding.EncodeToString([]byte("abc" + token))),
		"base32, no padding": base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString([]byte("a" + token)),
		"base32, in eights":  everyFew(base32.StdEncoding.EncodeToString([]byte("ab"+token)), 8, " "),
		"hex, colons":        everyFew(hex.EncodeToString([]byte(token)), 2, ":"),
		"HEX, blanks":        everyFew(strings.ToUpper(hex.EncodeToString([]byte(token))), 2, " "),
		"hex, dump":          everyFew(hex.EncodeToString([]byte(token)), 4, ` \n`),
		"HTML, decimal":      everyRune(token, "&#%d;"),
		"HTML, hex":          everyRune(token, "&#x%x;"),
		"HTML, zeros":        everyRune(token, "&#X%06X;"),
		"HTML, open":         everyRune(token, "&#%d") + " ",
		"HTML, JSON":         everyRune(token, `\u0026#%d;`),
		"HTML, one":          strings.Replace(token, "3", "&#51;", 1),
		"percent, one":       strings.Replace(token, "3", "%33", 1),
		"program":            strings.ReplaceAll(everyRune(token, `\x%02x`), `\`, `\\`),
		"quoted-printable":   strings.ReplaceAll(strings.Replace(token, "3", "=33", 1), "Tok", `T=\nok`),
		"in the middle":      "before" + token + "after",
		"beside one another": token + token,
	} {
		t.Run(name, func(t *testing.T) {
			masked, names := w.MaskJSON([]byte(`{"text":"it is ` + text + `."}`))
			if !slices.Equal(names, []string{"api_key"}) || !strings.Contains(string(masked), leak.Mark) {
				t.Fatalf("%s: %v", masked, names)
			}
			if !json.Valid(masked) || !strings.HasPrefix(string(masked), `{"text":"it is `) || !strings.HasSuffix(string(masked), `."}`) {
				t.Errorf("it became %s", masked)
			}
			if again, names := w.MaskJSON(masked); names != nil || string(again) != string(masked) {
				t.Errorf("a second look finds %v in %s", names, masked)
			}
		})
	}
}

// What Windows writes is UTF-16, of either order, with a mark or without, wherever in a blob.
func TestMaskWide(t *testing.T) {
	for _, secret := range []string{token, "p\u00e4ssw\u00f6rd-\u20ac-\U0001f511-15"} {
		w := leak.New([]leak.Secret{{Name: "api_key", Text: secret}})
		for order, of := range map[string]binary.AppendByteOrder{"little": binary.LittleEndian, "big": binary.BigEndian} {
			for before := range 8 {
				raw := []byte("\xff\xfe\x00abcdefgh"[:before])
				for _, unit := range utf16.Encode([]rune("x: " + secret + "\n")) {
					raw = of.AppendUint16(raw, unit)
				}
				for form, text := range map[string]string{
					"base64": base64.StdEncoding.EncodeToString(raw), "base64 of URLs": base64.RawURLEncoding.EncodeToString(raw),
					"base64, lines": everyFew(base64.StdEncoding.EncodeToString(raw), 12, `\n`), "hex": hex.EncodeToString(raw),
				} {
					masked, names := w.MaskJSON([]byte(`{"blob":"` + text + `"}`))
					if len(names) != 1 || !json.Valid(masked) {
						t.Errorf("%s endian, %d bytes before, %s: %v in %s", order, before, form, names, masked)
					}
				}
				if _, names := w.Mask(raw); len(names) != 1 {
					t.Errorf("%s endian, %d bytes before: %v in %q", order, before, names, raw)
				}
			}
			if names := maskedNames(w, everyRune(secret, "%c\\u0000")); secret == token && len(names) != 1 {
				t.Errorf("zeros in JSON: %v", names)
			}
		}
	}
}

func maskedNames(w *leak.Watch, text string) []string {
	_, names := w.MaskJSON([]byte(`{"text":"` + text + `"}`))
	return names
}

// Secrets with characters that JSON must escape are found however deep they lie.
func TestMaskAwkwardSecrets(t *testing.T) {
	for _, secret := range []string{"a\"quoted\\secret", "two\nlines of it", "tab\tand \u00fcml\u00e4ut", "emoji \U0001f511 key"} {
		w := leak.New([]leak.Secret{{Name: "odd", Text: secret}})
		inner := twice("<" + secret + ">")
		for _, text := range []string{secret, strings.Trim(everyRune(secret, `\u%04x`), " "), inner, twice(inner)} {
			if strings.Contains(text, "1f511") {
				continue // no escape of JSON
			}
			look := w.Mask
			if json.Valid([]byte(text)) {
				look = w.MaskJSON
			}
			masked, names := look([]byte(text))
			if len(names) != 1 {
				t.Errorf("%q: %v in %s", secret, names, text)
			}
			if json.Valid([]byte(text)) && !json.Valid(masked) {
				t.Errorf("%s became %s", text, masked)
			}
		}
	}
}

func TestMaskLeavesAlone(t *testing.T) {
	w := leak.New([]leak.Secret{{Name: "short", Text: "abc123"}, {Name: "tiny", Text: "abc"}, {Name: "long", Text: token}})
	for text, want := range map[string]string{
		"the word abc123, alone":             "the word [secret], alone",
		"abc123":                             leak.Mark,
		"xabc123 abc1234 abc":                "xabc123 abc1234 abc", // a short one counts as a whole word
		"\u00e4abc123":                       "\u00e4abc123",
		hex.EncodeToString([]byte("abc123")): "616263313233", // and as it is alone
		token[:len(token)-1]:                 token[:len(token)-1],
		"":                                   "",
		// What is split is looked for coded alone, and a part of it is nothing.
		strings.Replace(token, "+", " ", 1):                          strings.Replace(token, "+", " ", 1),
		"abc 123 and ab c123":                                        "abc 123 and ab c123",
		"&#97;bc12 %61bc12 &#; &#x; &#x110000; %4 =4 &#99999999999;": "&#97;bc12 %61bc12 &#; &#x; &#x110000; %4 =4 &#99999999999;",
		`\u00`:          `\u00`,
		`\ud83d\ud83d\`: `\ud83d\ud83d\`,
	} {
		if masked, _ := w.Mask([]byte(text)); string(masked) != want {
			t.Errorf("%q became %q, want %q", text, masked, want)
		}
	}
	if leak.New([]leak.Secret{{Name: "tiny", Text: "abc"}}) != nil {
		t.Error("a secret of 3 bytes is looked for")
	}
	var none *leak.Watch
	if masked, names := none.Mask([]byte(token)); string(masked) != token || names != nil {
		t.Error("no secrets, and something was found")
	}
}

func TestMaskNames(t *testing.T) {
	w := leak.New([]leak.Secret{{"b", "bbbbbbbb1"}, {"a", "aaaaaaaa1"}, {"a", "cccccccc1"}, {"c", "aaaaaaaa1xyz"}})
	masked, names := w.Mask([]byte("1: bbbbbbbb1 2: aaaaaaaa1xyz 3: cccccccc1"))
	if got, want := string(masked), "1: [secret] 2: [secret] 3: [secret]"; got != want || !slices.Equal(names, []string{"a", "b", "c"}) {
		t.Errorf("%s, %v", got, names)
	}
}

// Whatever stands around a secret, and however its bytes are escaped, nothing of it is
// left, and JSON stays JSON.
func FuzzMask(f *testing.F) {
	f.Add("before ", " after", "s3cr3tT0k3n", uint64(5))
	f.Add("\\", "\\u00", "quote\"and\\slash", uint64(0))
	f.Add("\\ud83d", "[secret]", "\u00fcml\u00e4ute", ^uint64(0))
	f.Add("aaaaaaaa", "aaaa", "aaaaaaaaa", uint64(1))
	f.Fuzz(func(t *testing.T, before, after, secret string, which uint64) {
		if len(secret) < 8 || len(secret) > 200 || strings.ToValidUTF8(secret, "") != secret || strings.Contains(leak.Mark, secret) {
			return
		}
		w := leak.New([]leak.Secret{{Name: "it", Text: secret}})
		one, _ := json.Marshal(before)
		two, _ := json.Marshal(after)
		var middle strings.Builder
		i := 0
		for _, r := range secret {
			if r < 0x10000 && which>>(i%64)&1 == 1 {
				fmt.Fprintf(&middle, `\u%04x`, r)
			} else {
				b, _ := json.Marshal(string(r))
				middle.Write(b[1 : len(b)-1])
			}
			i++
		}
		raw := string(one[:len(one)-1]) + middle.String() + string(two[1:])
		masked, names := w.MaskJSON([]byte(raw))
		var shown string
		if strings.Contains(secret, `"`) && len(names) == 1 && !json.Valid(masked) {
			return // refused by whoever parses it
		}
		if err := json.Unmarshal(masked, &shown); err != nil || len(names) != 1 {
			t.Fatalf("%q became %q: %v, %v", raw, masked, err, names)
		}
		if whole := before + secret + after; strings.Count(whole, secret) == 1 && !strings.Contains(shown, leak.Mark) || strings.Contains(shown, secret) && !strings.Contains(leak.Mark+after+before+leak.Mark, secret) {
			t.Fatalf("%q became %q", raw, masked)
		}
	})
}

func BenchmarkMask(b *testing.B) {
	secrets := []leak.Secret{
		{Name: "a", Text: "ghp_0123456789abcdefABCDEF0123456789abcd"}, {Name: "b", Text: "xoxb-1234567890-abcdefghijkl"}, {Name: "c", Text: "hunter2-and-more"},
	}
	line := "The quick brown fox jumps over the lazy dog 0123456789 and writes {key: value} pairs. "
	for name, text := range map[string]string{
		"plain":   strings.Repeat(line, 1<<20/len(line)),
		"newline": strings.Repeat(line+`\n`, 1<<20/len(line)),
		"escaped": strings.Repeat(line+`\u00e4`, 1<<20/len(line)),
		"base64":  strings.Repeat("QWxhZGRpbjpvcGVuIHNlc2FtZSBhbmQgc28gb24gYW5kIHNvIGZvcnRo", 1<<20/56),
		"small":   strings.Repeat(line, 20),
		"links":   strings.Repeat("https://example.com/a%20page?q=1&amp;of=2&#39;s ", 1<<20/48),
		"dump":    strings.Repeat("00 1f 8b 08:", 1<<20/12),
	} {
		b.Run(name, func(b *testing.B) {
			w, raw := leak.New(secrets), []byte(text)
			b.SetBytes(int64(len(raw)))
			for b.Loop() {
				if _, names := w.MaskJSON(raw); names != nil {
					b.Fatal(names)
				}
			}
		})
	}
	b.Run("new", func(b *testing.B) {
		for b.Loop() {
			if leak.New(secrets[:1]) == nil {
				b.Fatal("none")
			}
		}
	})
}
