package personal_test

import (
	"slices"
	"strings"
	"testing"

	"doorward/internal/inspect/personal"
)

// Whatever the text, findings have spans inside of it, in order and apart, say
// the same twice, and never show a number as it stands there.
func FuzzScan(f *testing.F) {
	f.Add("card 4012 8888 8888 1881 12/27, IBAN GB82WEST12345698765432")
	f.Add("L898902C36UTO7408122F1204159ZE184226B<<<<<10 +49 (30) 901820 a@b.co")
	f.Add("(((((1)2)3 536-90-4399 \xff@\x00.x+1--2")
	f.Fuzz(func(t *testing.T, text string) {
		got := personal.Scan(text)
		last := 0
		for i := range got {
			at := got[i].Span
			if at.Start < last || at.End <= at.Start || at.End > len(text) {
				t.Fatalf("span %v of %d bytes", at, len(text))
			}
			last = at.End
			if v := text[at.Start:at.End]; len(v) > 6 && strings.Contains(got[i].Text, v) {
				t.Errorf("shows %q", v)
			}
		}
		if again := personal.Scan(text); !slices.Equal(got, again) {
			t.Errorf("%+v, then %+v", got, again)
		}
	})
}

func BenchmarkScan(b *testing.B) {
	line := "On 2026-11-27 at 10:15:00 the gateway (10.0.0.12:8443) answered 200 in 35 ms; order 100234, see https://docs.corp/a?id=991. "
	for name, n := range map[string]int{"1K": 1 << 10, "100K": 100 << 10} {
		text := strings.Repeat(line, n/len(line)+1)[:n]
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(n))
			for b.Loop() {
				personal.Scan(text)
			}
		})
	}
}
