package sql

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestPOL29SQLiteFinder: a text is found where it is, and no text makes that take more than
// two looks at a byte.
func TestPOL29SQLiteFinder(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	text := func(n int) string {
		out := make([]byte, n)
		for i := range out {
			out[i] = "aaab"[random.IntN(4)]
		}
		return string(out)
	}
	found := 0
	check := func(s, needle string) {
		t.Helper()
		f := newFinder(needle)
		from := random.IntN(len(s) + 1)
		want := strings.Index(s[from:], needle)
		if want >= 0 {
			want += from
			found++
		}
		if got := f.index(s, from); got != want || f.compared > 2*len(s) {
			t.Fatalf("%q in %q from %d: %d, not %d, with %d bytes compared", needle, s, from, got, want, f.compared)
		}
	}
	for range 5000 {
		needle := text(1 + random.IntN(3))
		check(text(random.IntN(40)), needle)
		long := strings.Repeat(needle, 1+(shortNeedle+random.IntN(20))/len(needle))
		check(text(random.IntN(40))+long[random.IntN(3):]+text(random.IntN(3))+long+text(random.IntN(9)), long)
	}
	if found < 5000 {
		t.Errorf("%d texts were found: too few to tell", found)
	}
	for _, s := range []string{strings.Repeat("abbbbbbbbbbbbbbbb", 1<<10), strings.Repeat("a", 16<<10)} {
		f := newFinder(s[:len(s)/2] + "c")
		if at := f.index(s, 0); at != -1 || f.compared < len(s) || f.compared > 2*len(s) {
			t.Errorf("%.20s of %d bytes: at %d, with %d bytes compared", s, len(s), at, f.compared)
		}
	}
}

// TestPOL29SQLiteLetters: what trim keeps of a text is bounded, and characters of all Unicode are within.
func TestPOL29SQLiteLetters(t *testing.T) {
	var all strings.Builder
	for r := rune(1); r <= utf8.MaxRune; r += 61 {
		all.WriteRune(r)
	}
	if set, err := newLetters(all.String()); err != nil || set.trimLeft("\x01\u03d1") != "" || set.trimRight("\x01\u03d1") != "" {
		t.Errorf("characters of all Unicode: %v", err)
	}
	if _, err := newLetters("\xc3" + strings.Repeat("\x80", maxLetters)); !errors.Is(err, errTooBig) {
		t.Errorf("more than may be kept: %v", err)
	}
}
