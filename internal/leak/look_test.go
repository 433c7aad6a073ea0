package leak_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"doorward/internal/leak"
)

// A secret is found once wherever the windows part a text, also behind escapes, and where it
// stands is said to the byte.
func TestLookAcrossWindows(t *testing.T) {
	w := leak.New([]leak.Secret{{Name: "api_key", Text: token}, {Name: "short", Text: "abc123"}})
	filler := bytes.Repeat([]byte("filler "), 1<<18) // of 1.75 MiB, more than a window
	for _, form := range []string{token, hex.EncodeToString([]byte(token)), everyRune(token, `\u%04x`)} {
		for at := 1<<20 - 8; at < 1<<20+1200; at += 397 {
			text := slices.Concat(filler[:at], []byte(form), filler[:4096])
			want := fmt.Sprint(at, " [api_key]")
			var got []string
			err := w.Look(t.Context(), iotest.HalfReader(bytes.NewReader(text)), func(at int64, names []string) error {
				got = append(got, fmt.Sprint(at, " ", names))
				return nil
			})
			if err != nil || len(got) != 1 || got[0] != want {
				t.Fatalf("%s: found %v, %v; want %s once", form, got, err, want)
			}
		}
	}
	// A short value counts as a whole word alone, also where a window begins in its middle.
	for at := 1 << 20; at < 1<<20+1200; at++ {
		text := slices.Concat(bytes.Repeat([]byte("x"), at), []byte("abc123"), filler[:4096])
		if err := w.Look(t.Context(), bytes.NewReader(text), func(int64, []string) error { return errors.New("found") }); err != nil {
			t.Fatalf("a part of a word at %d: %v", at, err)
		}
		at += 397
	}
	all := strings.Repeat(token, 100_000) // one run of them, longer than a window
	n := 0
	if err := w.Look(t.Context(), strings.NewReader(all), func(int64, []string) error { n++; return nil }); err != nil || n == 0 {
		t.Errorf("found %d, %v", n, err)
	}
}

func TestLookFails(t *testing.T) {
	w := leak.New([]leak.Secret{{Name: "api_key", Text: token}})
	broken := errors.New("broken")
	found := func(int64, []string) error { return nil }
	if err := w.Look(t.Context(), iotest.ErrReader(broken), found); !errors.Is(err, broken) {
		t.Errorf("a text that cannot be read: %v", err)
	}
	if err := w.Look(t.Context(), strings.NewReader(token), func(int64, []string) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("a find that cannot be taken: %v", err)
	}
	if err := (*leak.Watch)(nil).Look(t.Context(), iotest.ErrReader(broken), found); err != nil {
		t.Errorf("without secrets: %v", err)
	}
}
