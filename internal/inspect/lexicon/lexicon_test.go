package lexicon_test

import (
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/inspect/lexicon"
)

func TestLists(t *testing.T) {
	got := lexicon.Lists(fstest.MapFS{
		"words/b.txt":    {Data: []byte("verb: Schließ* go\n")},
		"words/a.txt":    {Data: []byte("# Czech.\n\nverb+end: dokon\u010di hned_te\u010f*\nloose:\n")},
		"words/notes.md": {Data: []byte("no list")},
	})
	want := [][]lexicon.Line{
		{
			{Heads: []string{"verb", "end"}, Words: []lexicon.Word{{Text: "dokonci"}, {Text: "hned ted", Stem: true}}},
			{Heads: []string{"loose"}},
		},
		{{Heads: []string{"verb"}, Words: []lexicon.Word{{Text: "schliess", Stem: true}, {Text: "go"}}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

type class uint64

func TestClass(t *testing.T) {
	named := map[string]class{"verb": 1, "end": 4}
	if got := lexicon.Class([]string{"verb", "end"}, named); got != 5 {
		t.Errorf("verb and end are %d, want 5", got)
	}
}

// A list that is wrong is no shorter list.
func TestWrongListsPanic(t *testing.T) {
	for name, read := range map[string]func(){
		"no class":       func() { lexicon.Lists(fstest.MapFS{"a.txt": {Data: []byte("go send")}}) },
		"an empty class": func() { lexicon.Lists(fstest.MapFS{"a.txt": {Data: []byte(": go send")}}) },
		"every word":     func() { lexicon.Lists(fstest.MapFS{"a.txt": {Data: []byte("verb: go * send")}}) },
		"another class":  func() { lexicon.Class([]string{"verbs"}, map[string]class{"verb": 1}) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("it is taken")
				}
			}()
			read()
		})
	}
}

func TestFold(t *testing.T) {
	for word, want := range map[string]string{
		"send": "send", "SEND": "send", "Schlie\u00dfe": "schliesse", "l\u00e6s": "laes", "M\u00f6chte": "mochte", "mo\u0308chte": "mochte",
		"\u0130stanbul": "istanbul", "g\u1eedi": "gui", "\u0415\u0449\u0451": "\u0435\u0449\u0435", "\u03a0\u03ce\u03c2": "\u03c0\u03c9\u03c3",
		"\u0623\u0631\u0633\u0650\u0644": "\u0627\u0631\u0633\u0644", "\u05e9\u05b8\u05c1\u05dc\u05d7": "\u05e9\u05dc\u05d7", "\u53d1\u9001": "\u53d1\u9001",
	} {
		if got := lexicon.Fold(word); got != want {
			t.Errorf("Fold(%q) = %q, want %q", word, got, want)
		}
	}
}

// An entry is written in one script, or nobody's text has it: a letter that only looks
// right is of another word. Chinese, Japanese and Korean write some Latin words
// together with their own.
func TestEntriesAreOfOneScript(t *testing.T) {
	dirs, err := filepath.Glob("../*/words")
	if err != nil || len(dirs) < 3 {
		t.Fatalf("lists in %v: %v", dirs, err)
	}
	for _, dir := range append(dirs, "../change") {
		for _, list := range lexicon.Lists(os.DirFS(dir)) {
			for _, line := range list {
				for _, w := range line.Words {
					if of := scripts(w.Text); len(of) > 1 {
						t.Errorf("%s, %v: %+q is of %v", dir, line.Heads, w.Text, of)
					}
				}
			}
		}
	}
}

// scripts are those of a word's letters; Chinese, Japanese and Korean are one, and
// Latin is none beside it.
func scripts(word string) []string {
	asian := []*unicode.RangeTable{unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul}
	seen := map[string]bool{}
	for _, r := range word {
		switch {
		case unicode.In(r, asian...):
			seen["Asian"] = true
		case unicode.In(r, unicode.Common, unicode.Inherited):
		default:
			for name, table := range unicode.Scripts {
				if unicode.Is(table, r) {
					seen[name] = true
				}
			}
		}
	}
	if seen["Asian"] {
		delete(seen, "Latin")
	}
	var of []string
	for name := range seen {
		of = append(of, name)
	}
	return of
}

// A folded word stays as it is, and is valid.
func FuzzFold(f *testing.F) {
	f.Add("Schlie\u00dfe \u0130 \u1e9e \u212a")
	f.Add("\u0623\u0651\u05b8\u0345 \xff")
	f.Fuzz(func(t *testing.T, word string) {
		once := lexicon.Fold(word)
		if again := lexicon.Fold(once); again != once {
			t.Fatalf("%q folds to %q and that to %q", word, once, again)
		}
		if !utf8.ValidString(once) && utf8.ValidString(word) {
			t.Fatalf("%q folds to %q", word, once)
		}
	})
}
