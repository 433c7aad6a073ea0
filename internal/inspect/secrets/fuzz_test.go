package secrets_test

import (
	"slices"
	"strings"
	"testing"

	"doorward/internal/inspect/secrets"
)

// Whatever the text, spans are inside of it, the same text has the same findings,
// and none shows the secret.
func FuzzScan(f *testing.F) {
	token := github("gh"+"p_", "fuzz")
	f.Add("x " + token)
	f.Add(in64(in64(token)) + " " + backwards(token) + between(token, "\u200b"))
	f.Add("password=%41%42c\\x41&#65;\"+\"x\xff\u202e -----BEGIN " + "PRIVATE KEY-----")
	f.Add(webToken() + privateKey("EC "))
	f.Fuzz(func(t *testing.T, text string) {
		got := secrets.Scan(text)
		for i := range got {
			at := got[i].Span
			if at.Start < 0 || at.End <= at.Start || at.End > len(text) {
				t.Fatalf("span %v of %d bytes", at, len(text))
			}
			if v := text[at.Start:at.End]; len(v) > 8 && strings.Contains(got[i].Text, v) {
				t.Errorf("%+v shows %q", got[i], v)
			}
		}
		if again := secrets.Scan(text); !slices.Equal(got, again) {
			t.Errorf("%+v, then %+v", got, again)
		}
	})
}

// What is carried stays bounded, whatever comes.
func FuzzPieces(f *testing.F) {
	f.Add("gh"+"p_", "abc", "def", 3)
	f.Fuzz(func(t *testing.T, a, b, c string, n int) {
		var p secrets.Pieces
		for range n & 15 {
			p.Add("", []string{a, b, c})
			p.Add("", []string{c})
			if len(p.Tail()) > 8<<10 {
				t.Fatalf("%d bytes are kept", len(p.Tail()))
			}
		}
	})
}

// Every canary is found wherever it stands, between whatever.
func FuzzCanaries(f *testing.F) {
	f.Add("before", "a-planted-value-1", "after")
	f.Fuzz(func(t *testing.T, before, value, after string) {
		c, err := secrets.NewCanaries(map[string]string{"x": value})
		if err != nil {
			return
		}
		text := before + " " + value + " " + after
		got := c.Find(text)
		if len(got) != 1 || got[0].Span.Start < 0 || got[0].Span.End > len(text) {
			t.Errorf("%q: %+v", text, got)
		}
	})
}

func BenchmarkScan(b *testing.B) {
	line := "On 2026-11-27 the gateway answered 200 for https://docs.corp/guide?id=991; the session token is read from $TOKEN, see `auth.go`. "
	for name, n := range map[string]int{"1K": 1 << 10, "100K": 100 << 10} {
		text := strings.Repeat(line, n/len(line)+1)[:n]
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(n))
			for b.Loop() {
				secrets.Scan(text)
			}
		})
	}
}
