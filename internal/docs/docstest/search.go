package docstest

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"doorward/internal/docs"
)

// near is how far a store's cosine may be from the one that was put.
const near = 1e-4

func testMeaning(s *suite) {
	x, g := s.filled(
		item{path: "a/far", texts: []string{"far"}, near: []float64{-0.5}},
		item{path: "a/mixed", texts: []string{"nearest", "none"}, near: []float64{0.9, 0}},
		item{path: "a/near", texts: []string{"near"}, near: []float64{0.7}},
	)
	a := s.search(x, docs.Query{Generation: g, Vector: axis(), Limit: 10})
	s.equal("by meaning", texts(a.Meaning), []string{"nearest", "near", "none", "far"})
	for i, want := range []float64{0.9, 0.7, 0, -0.5} {
		if got := a.Meaning[i].Score; math.Abs(got-want) > near {
			s.Errorf("the cosine of %q is %g, want %g", a.Meaning[i].Passage.Text, got, want)
		}
	}
	if len(a.Words) > 0 {
		s.Errorf("found by words that were not asked for: %q", texts(a.Words))
	}
	first := a.Meaning[0]
	if d := first.Document; d.URI != uri("a/mixed") || d.Source != "a" || d.Title == "" || d.Origin == "" || d.Type != "text/markdown" || d.Size != len("nearestnone") {
		s.Errorf("the document of a hit: %+v", d)
	}
	if p := first.Passage; p.ID != docs.PassageID(uri("a/mixed"), "", "nearest", 0) || p.Heading != "Part > 0" || p.Start != 0 {
		s.Errorf("the passage of a hit: %+v", p)
	}
	s.equal("the nearest two", texts(s.search(x, docs.Query{Generation: g, Vector: axis(), Limit: 2}).Meaning), []string{"nearest", "near"})
}

func testWords(s *suite) {
	x, g := s.filled(
		item{path: "a/common", texts: []string{"the gateway opens the door", "the gateway closes the door", "the gateway waits"}},
		item{path: "a/rare", texts: []string{"the gateway has a Quetzal in it, and a quetzal is rare"}},
		item{path: "a/umlaut", texts: []string{"Übergrößenträger und Kücheneinrichtung"}},
		item{path: "a/cyrillic", texts: []string{"Привет мир"}},
	)
	if !s.store.Words {
		if a := s.search(x, docs.Query{Generation: g, Words: "quetzal", Limit: 5}); len(a.Words) > 0 {
			s.Errorf("an index that is not searched by words gives %q", texts(a.Words))
		}
		return
	}
	for question, want := range map[string]string{
		"gateway quetzal":            "the gateway has a Quetzal in it, and a quetzal is rare", // the rare word counts more
		"what is a QUETZAL?":         "the gateway has a Quetzal in it, and a quetzal is rare",
		"closes the door":            "the gateway closes the door",
		"übergrößenträger":           "Übergrößenträger und Kücheneinrichtung",
		"привет":                     "Привет мир",
		"unknown words, but quetzal": "the gateway has a Quetzal in it, and a quetzal is rare",
	} {
		a := s.search(x, docs.Query{Generation: g, Words: question, Limit: 3})
		if got := texts(a.Words); len(got) == 0 || got[0] != want {
			s.Errorf("%q: got %q, want %q first", question, got, want)
		}
		if len(a.Meaning) > 0 {
			s.Errorf("found by a meaning that was not asked for: %q", texts(a.Meaning))
		}
		for i := 1; i < len(a.Words); i++ {
			if a.Words[i].Score > a.Words[i-1].Score {
				s.Errorf("%q: %g comes after %g", question, a.Words[i].Score, a.Words[i-1].Score)
			}
		}
	}
	if a := s.search(x, docs.Query{Generation: g, Words: "gateway", Limit: 2}); len(a.Words) != 2 {
		s.Errorf("a limit of 2 gives %q", texts(a.Words))
	}
	if a := s.search(x, docs.Query{Generation: g, Words: "nowhere", Limit: 2}); len(a.Words) != 0 {
		s.Errorf("a word that is nowhere gives %q", texts(a.Words))
	}
}

// hostile are texts that are syntax somewhere: of FTS5, of tsquery, of SQL, of JSON, of
// patterns. They are words, or none.
func hostile() []string {
	return []string{
		"", " ", "\x00", "a\x00b", "\xff\xfe", `"`, `""`, `'`, `'; DROP TABLE documents; --`, `") OR 1=1 --`, "AND", "OR NOT", "AND NEAR( *", "NEAR(a b, 1)", "a*", "^a", "-a", "title:a", "{title text}:a",
		"a & b | !c", "a <-> b", "a:*", "'a':B", `\`, `\'`, "%", "_", "%%%", "[a-z]", "?", "$1", "${a}", "$where", `{"$gt": ""}`, `","x":"`, "😀", "👩‍👩‍👧", "\u202e", "ＦＵＬＬ", "a\u0301", "ﬁ", "İ", "ß", "٣", "ৰ", "中文字", "\r\n\t",
		"\u0301", strings.Repeat("a", 100_000), strings.Repeat("word ", 20_000), strings.Repeat(`"`, 10_000), strings.Repeat("(", 10_000), strings.Repeat("x OR ", 5_000),
	}
}

func testHostileWords(s *suite) {
	x, g := s.filled(item{path: "q9/one", texts: []string{"nothing of this is asked for"}, near: []float64{1}})
	for _, words := range hostile() {
		a, err := x.Search(s.Context(), docs.Query{Generation: g, Words: words, Limit: 5})
		if err != nil || len(a.Words) > 0 {
			s.Errorf("searching for %.60q gives %q, %v", words, texts(a.Words), err)
		}
	}
	if a := s.search(x, docs.Query{Generation: g, Vector: axis(), Limit: 5}); len(a.Meaning) != 1 {
		s.Errorf("afterwards there is %q", texts(a.Meaning))
	}
}

func testFilters(s *suite) {
	x, g := s.filled(
		item{path: "a/guide/one", texts: []string{"door a1"}, near: []float64{0.9}},
		item{path: "a/guide2/two", texts: []string{"door a2"}, near: []float64{0.8}},
		item{path: "ab/guide/three", texts: []string{"door b"}, near: []float64{0.7}},
		item{path: "a/gu_de/four", texts: []string{"door under"}, near: []float64{0.6}},
		item{path: "a/gu%/five", texts: []string{"door percent"}, near: []float64{0.5}},
		item{path: "a/Guide/six", texts: []string{"door capital"}, near: []float64{0.4}},
		item{path: "a/ünï'\"/seven", texts: []string{"door unicode"}, near: []float64{0.3}},
		item{path: "a/guide/sub/eight", texts: []string{"door deep"}, near: []float64{0.2}},
	)
	for _, tc := range []struct {
		source, under string
		want          []string
	}{
		{"a", "", []string{"door a1", "door a2", "door under", "door percent", "door capital", "door unicode", "door deep"}},
		{"ab", "", []string{"door b"}},
		{"A", "", []string{}},
		{"", uri("a/guide/"), []string{"door a1", "door deep"}},
		{"", uri("a/guide"), []string{"door a1", "door a2", "door deep"}},
		{"", uri("a/gu_de"), []string{"door under"}},
		{"", uri("a/gu%"), []string{"door percent"}},
		{"", uri("a/ünï'\""), []string{"door unicode"}},
		{"", uri("a/\u00fcn"), []string{"door unicode"}},
		{"", uri("a/guide/one"), []string{"door a1"}},
		{"", uri("a/guide/one/"), []string{}},
		{"ab", uri("a/"), []string{}},
		{"ab", uri("ab/guide/"), []string{"door b"}},
	} {
		a := s.search(x, docs.Query{Generation: g, Words: "door", Vector: axis(), Limit: 10, Source: tc.source, Under: tc.under})
		s.equal(fmt.Sprintf("by meaning in %q under %q", tc.source, tc.under), texts(a.Meaning), tc.want)
		if s.store.Words && len(a.Words) != len(tc.want) {
			s.Errorf("by words in %q under %q: got %q, want %q in any order", tc.source, tc.under, texts(a.Words), tc.want)
		}
	}
	// The limit is of those that fit.
	a := s.search(x, docs.Query{Generation: g, Words: "door", Vector: axis(), Limit: 1, Under: uri("a/guide/sub/")})
	s.equal("the nearest one under", texts(a.Meaning), []string{"door deep"})
	if s.store.Words {
		s.equal("the best one under", texts(a.Words), []string{"door deep"})
	}
}

func testHostileFilters(s *suite) {
	x, g := s.filled(item{path: "a/one", texts: []string{"door"}, near: []float64{1}}, item{path: "a/secret", roles: []string{"kept"}, texts: []string{"door"}, near: []float64{1}})
	for i, text := range hostile()[1:] { // the first is empty, and no filter
		q := [...]docs.Query{{Source: text}, {Under: text}, {Source: text, Under: text}}[i%3]
		q.Generation, q.Words, q.Vector, q.Limit = g, "door", axis(), 5
		a, err := x.Search(s.Context(), q)
		if err != nil || len(a.Words)+len(a.Meaning) > 0 {
			s.Errorf("the filter %.60q finds %q and %q, %v", text, texts(a.Words), texts(a.Meaning), err)
		}
		a, err = x.Search(s.Context(), docs.Query{Generation: g, Vector: axis(), Limit: 5, Roles: []string{text}})
		if err != nil || len(a.Meaning) != 1 || a.Meaning[0].Document.URI != uri("a/one") {
			s.Errorf("role %.60q finds %q, %v", text, texts(a.Meaning), err)
		}
		if _, _, err := x.Read(s.Context(), g, text, []string{text}); !errors.Is(err, docs.ErrNone) {
			s.Errorf("reading %.60q: got %v", text, err)
		}
	}
}
