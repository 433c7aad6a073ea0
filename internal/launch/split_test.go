package launch_test

import (
	"slices"
	"strings"
	"testing"

	"doorward/internal/launch"
)

// FuzzSplitString: words in single quotes come back as they were, and what is split
// has no more bytes than there were.
func FuzzSplitString(f *testing.F) {
	for _, s := range []string{"python3 -u srv.py", `a\_b 'c d' "e\"f"#g #h`, `a\cb`, "$X", `"`, `\`, "'\\''", "", " \t"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if words, err := launch.SplitString(text); err == nil && len(strings.Join(words, "")) > len(text) {
			t.Errorf("%q becomes %q", text, words)
		}
		want := strings.Split(text, "\n")
		var quoted []string
		for _, w := range want {
			quoted = append(quoted, "'"+strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(w)+"'")
		}
		if got, err := launch.SplitString(strings.Join(quoted, " ")); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q in quotes becomes %q, %v", want, got, err)
		}
	})
}
