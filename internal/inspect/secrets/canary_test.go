package secrets_test

import (
	"encoding/base64"
	"net/url"
	"strings"
	"testing"

	"doorward/internal/gate"
	"doorward/internal/inspect/secrets"
)

func TestCanaries(t *testing.T) {
	value := "Tok_canary/planted+value:000001"
	c, err := secrets.NewCanaries(map[string]string{"vault": value, "mail": "another-planted-one-77"})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"plain":              "x " + value + " y",
		"alone":              value,
		"in a word":          "x" + value + "y",
		"another case":       strings.ToUpper(value),
		"separators":         between(value, "-"),
		"zero width":         between(value, "\u200b"),
		"percent":            url.QueryEscape(value),
		"reversed":           backwards(value),
		"hex":                inHex(value),
		"hex in large":       strings.ToUpper(inHex("see " + value)),
		"hex with colons":    between(inHex(value), ":"),
		"base64":             in64(value),
		"base64, moved by 1": in64("a" + value + "b"),
		"base64, moved by 2": in64("ab" + value + "bcd"),
		"base64 in binary":   in64("\x00\x01\x02\xff\xfe" + value + "\x80\x90\xff\xff\xff\xff\xff"),
		"base64 for URLs":    base64.RawURLEncoding.EncodeToString([]byte(value)),
		"base64, reversed":   backwards(in64(value)),
		"reversed, base64":   in64(backwards(value)),
		"base64 of hex":      in64(inHex(value)),
		"base64 twice":       in64(in64(value)),
		"compressed":         zipped(t, value+" and "+value),
	} {
		t.Run(name, func(t *testing.T) {
			got := c.Find(text)
			if len(got) != 1 || got[0].Rule != "secret.canary" || got[0].Text != "vault" || got[0].Severity != gate.High {
				t.Fatalf("%q: %+v", text, got)
			}
			if s := got[0].Span; s.Start < 0 || s.End > len(text) || s.End-s.Start < 12 {
				t.Errorf("span %v", s)
			}
			if strings.Contains(got[0].Text+got[0].Why, value) {
				t.Errorf("it shows the value: %+v", got[0])
			}
		})
	}
	for name, text := range map[string]string{
		"nothing": "", "short": "Tok", "a part": value[:len(value)-2], "another": strings.Replace(value, "1", "2", 1), "words": "a planted canary has a value",
	} {
		if got := c.Find(text); len(got) != 0 {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if got := c.Find(value + " another planted one 77"); len(got) != 2 {
		t.Errorf("both: %+v", got)
	}
	var missing *secrets.Canaries
	if got := missing.Find(value); got != nil {
		t.Errorf("none are planted: %+v", got)
	}
}

func TestCanariesThatAreTooShort(t *testing.T) {
	for _, v := range []string{"", "short", "------------------", "a-b-c-d-e-f-g"} {
		if _, err := secrets.NewCanaries(map[string]string{"x": v}); err == nil || len(v) > 0 && strings.Contains(err.Error(), v) {
			t.Errorf("%q: %v", v, err)
		}
	}
}
