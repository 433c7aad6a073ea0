package reveal_test

import (
	"testing"

	"doorward/internal/inspect/reveal"
)

func TestFold(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"small letters", "ignore it.", "ignore it."},
		{"capitals and white space", "IGNORE\n\t it", "ignore it"},
		{"zero-width space in a word", "ig\u200bnore", "ignore"},
		{"zero-width space between words", "ignore\u200ball", "ignore all"},
		{"Cyrillic letters", "\u0456gn\u043er\u0435", "ignore"},
		{"Russian stays", "\u043f\u043e\u0433\u043e\u0434\u0430 \u0432 \u0433\u043e\u0440\u043e\u0434\u0435", "\u043f\u043e\u0433\u043e\u0434\u0430 \u0432 \u0433\u043e\u0440\u043e\u0434\u0435"},
		{"full width", "\uff29\uff47\uff4e\uff4f\uff52\uff45\u3000it", "ignore it"},
		{"mathematical", "\U0001d422\U0001d420\U0001d427\U0001d428\U0001d42b\U0001d41e", "ignore"},
		{"squared", "\U0001f178\U0001f176\U0001f17d\U0001f17e\U0001f181\U0001f174", "ignore"},
		{"regional indicators", "\U0001f1ee\U0001f1ec\U0001f1f3\U0001f1f4\U0001f1f7\U0001f1ea", "ignore"},
		{"marks", "i\u0336g\u0336n\u0336o\u0336r\u0336e\u0336", "ignore"},
		{"accents", "Informaci\u00f3n", "informaci\u00f3n"},
		{"digits for letters", "1gn0r3 pr3v10us", "ignore previous"},
		{"a version stays", "v1.0.3 and sha256", "v1.0.3 and sha256"},
		{"a colour", "\x1b[31mignore\x1b[0m", "ignore"},
		{"what a control string holds", "\x1b]0;ignore\a", "0;ignore"},
		{"a soft hyphen", "pass\u00adword", "password"},
		{"Turkish", "\u0130GNORE", "ignore"},
		{"a ligature", "\ufb01le", "file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := reveal.Fold(c.text); got != c.want {
				t.Errorf("Fold(%q) = %q, want %q", c.text, got, c.want)
			}
		})
	}
}

// A match in the skeleton is found in the text.
func TestFoldMapLeadsBack(t *testing.T) {
	text := "\u00c5: ig\u200bn\u043ere  THE file"
	folded, offsets := reveal.FoldMap(text)
	if want := "\u00e5: ignore the file"; folded != want {
		t.Fatalf("FoldMap folds to %q, want %q", folded, want)
	}
	from, to := offsets[len("\u00e5: ")], offsets[len("\u00e5: ignore")]
	if got, want := text[from:to], "ig\u200bn\u043ere"; got != want {
		t.Errorf("the word is at %q, want %q", got, want)
	}
}
