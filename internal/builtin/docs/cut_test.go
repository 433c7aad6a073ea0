package docs

import (
	"strings"
	"testing"
	"unicode/utf8"

	"doorward/internal/docs"
)

// passagesOf cuts a text into passages of so many bytes, characters apart.
func passagesOf(text string, size int) (all []docs.Passage) {
	for start := 0; start < len(text); {
		end := min(start+size, len(text))
		for end < len(text) && !utf8.RuneStart(text[end]) {
			end++
		}
		all = append(all, docs.Passage{ID: "p" + text[start:end], Start: start, Text: text[start:end]})
		start = end
	}
	return all
}

// Whatever range is asked for, what comes is whole characters of the document from where it
// says, and reading on from its end comes to the end.
func TestRanges(t *testing.T) {
	t.Parallel()
	const text = "Zürich ist größer als 日本橋 — ∞ and plain ASCII behind"
	for _, size := range []int{1, 3, 7, 200} {
		passages := passagesOf(text, size)
		for length := 1; length <= len(text)+1; length++ {
			for start := range len(text) + 3 {
				at, got := cut(passages, start, length)
				if !utf8.ValidString(got) || len(got) > length || got != "" && (!strings.HasPrefix(text[at:], got) || at > start) {
					t.Fatalf("passages of %d, %d bytes from %d: %q at %d", size, length, start, got, at)
				}
				if got == "" && start < len(text) && length >= utf8.UTFMax {
					t.Fatalf("passages of %d, %d bytes from %d: nothing", size, length, start)
				}
			}
		}
		var whole strings.Builder
		for start := 0; start < len(text); {
			at, got := cut(passages, start, utf8.UTFMax)
			if at != start || got == "" {
				t.Fatalf("passages of %d: reading on at %d came to %d, %q", size, start, at, got)
			}
			whole.WriteString(got)
			start = at + len(got)
		}
		if whole.String() != text {
			t.Errorf("read %q", whole.String())
		}
	}
}

// A passage is read with what is around it, as much on both sides as there is room for.
func TestAround(t *testing.T) {
	t.Parallel()
	passages := passagesOf(strings.Repeat("0123456789", 10), 10)
	for i := range passages {
		passages[i].ID = string(rune('a' + i))
	}
	for id, want := range map[string]int{"a": 0, "b": 0, "e": 30, "j": 80} {
		if got, err := around(passages, id, 30); err != nil || got != want {
			t.Errorf("%s: %d %v, want %d", id, got, err, want)
		}
	}
	if _, err := around(passages, "gone", 30); err == nil {
		t.Error("a passage that is not there has a place")
	}
	if got, err := around(passages, "e", 3); err != nil || got != 40 {
		t.Errorf("a passage larger than what is read: %d %v", got, err)
	}
}

// The query of a URI is a range or is refused.
func TestSpan(t *testing.T) {
	t.Parallel()
	for query, want := range map[string][2]int{"": {0, maxBytes}, "start=7": {7, maxBytes}, "length=9": {0, 9}, "start=1&length=2": {1, 2}} {
		if start, length, err := span(query); err != nil || start != want[0] || length != want[1] {
			t.Errorf("%q: %d %d %v", query, start, length, err)
		}
	}
	for _, query := range []string{"start=-1", "length=0", "length=1048577", "start=x", "start=1&start=2", "other=1", "start", "start=99999999999999999999", "%zz", "start=1;length=2"} {
		if start, length, err := span(query); err == nil {
			t.Errorf("%q is a range: %d %d", query, start, length)
		}
	}
}
