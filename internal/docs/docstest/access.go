package docstest

import (
	"fmt"
	"slices"

	"doorward/internal/docs"
)

func testRoles(s *suite) {
	x, g := s.filled(
		item{path: "a/all", texts: []string{"door for all"}, near: []float64{0.5}},
		item{path: "a/staff", roles: []string{"staff"}, texts: []string{"door for staff"}, near: []float64{0.9}},
		item{path: "a/both", roles: []string{"legal", "staff"}, texts: []string{"door for both"}, near: []float64{0.8}},
		item{path: "a/nobody", roles: []string{}, texts: []string{"door for nobody"}, near: []float64{1}},
		item{path: "a/odd", roles: []string{`it's "a" %_ röle`}, texts: []string{"door for an odd one"}, near: []float64{0.7}},
	)
	for _, tc := range []struct {
		roles []string
		want  []string
	}{
		{nil, []string{"all"}},
		{[]string{"staff"}, []string{"staff", "both", "all"}},
		{[]string{"legal"}, []string{"both", "all"}},
		{[]string{"legal", "staff"}, []string{"staff", "both", "all"}},
		{[]string{"sta"}, []string{"all"}},
		{[]string{"staff2"}, []string{"all"}},
		{[]string{"Staff"}, []string{"all"}},
		{[]string{"%", "_____", "*"}, []string{"all"}},
		{[]string{`it's "a" %_ röle`}, []string{"odd", "all"}},
	} {
		what := fmt.Sprintf("with the roles %q", tc.roles)
		a := s.search(x, docs.Query{Generation: g, Words: "door", Vector: axis(), Limit: 10, Roles: tc.roles})
		got := []string{}
		for _, h := range a.Meaning {
			got = append(got, h.Document.URI[len(uri("a/")):])
		}
		s.equal(what, got, tc.want)
		if s.store.Words && len(a.Words) != len(tc.want) {
			s.Errorf("%s found by words: %q, want %q in any order", what, texts(a.Words), tc.want)
		}
		want := []string{}
		for _, path := range tc.want {
			want = append(want, uri("a/"+path))
		}
		slices.Sort(want)
		s.equal(what+" listed", s.listed(x, g, 2, tc.roles...), want)
		for _, path := range []string{"all", "staff", "both", "nobody", "odd"} {
			_, _, err := x.Read(s.Context(), g, uri("a/"+path), tc.roles)
			if slices.Contains(tc.want, path) {
				s.must(err)
			} else {
				s.is(what+" "+path, err, docs.ErrNone)
			}
		}
	}
}

// testRolesBeforeLimit: whoever may not read the best ones still gets as many as he asked
// for.
func testRolesBeforeLimit(s *suite) {
	var items []item
	for i := range 60 {
		items = append(items, item{path: fmt.Sprintf("a/kept%02d", i), roles: []string{"kept"}, texts: []string{"door door door"}, near: []float64{0.999}})
	}
	for i := range 3 {
		items = append(items, item{path: fmt.Sprintf("a/open%d", i), texts: []string{fmt.Sprintf("a long text that has the word door once, and is number %d", i)}, near: []float64{0.1}})
	}
	x, g := s.filled(items...)
	a := s.search(x, docs.Query{Generation: g, Words: "door", Vector: axis(), Limit: 3, Roles: []string{"other"}})
	for what, hits := range map[string][]docs.Hit{"words": a.Words, "meaning": a.Meaning} {
		if what == "words" && !s.store.Words {
			continue
		}
		if len(hits) != 3 {
			s.Errorf("by %s: %d of 3 that he may read: %q", what, len(hits), texts(hits))
		}
		for _, h := range hits {
			if h.Document.Roles != nil {
				s.Errorf("by %s: %s is of others", what, h.Document.URI)
			}
		}
	}
	s.equal("listed", s.listed(x, g, 1), []string{uri("a/open0"), uri("a/open1"), uri("a/open2")})
}

// testAbsent: a document of others and one that is not there give the same.
func testAbsent(s *suite) {
	x, g := s.filled(item{path: "a/kept", roles: []string{"kept"}, texts: []string{"text"}})
	_, _, his := x.Read(s.Context(), g, uri("a/kept"), []string{"other"})
	_, _, none := x.Read(s.Context(), g, uri("a/none"), []string{"other"})
	s.is("a document of others", his, docs.ErrNone)
	s.is("a document that is not there", none, docs.ErrNone)
	if his.Error() != none.Error() {
		s.Errorf("they are told apart: %q and %q", his, none)
	}
}

func testPages(s *suite) {
	var items []item
	want := []string{}
	for i := range 23 {
		one := item{path: fmt.Sprintf("a/%02d", i), texts: []string{"text"}}
		if i%3 == 1 {
			one.roles = []string{"kept"}
		} else {
			want = append(want, uri(one.path))
		}
		items = append(items, one)
	}
	for _, path := range []string{"a/Z", "a/a", "a/ä", "a/~", "b/1"} { // in the order of bytes
		items = append(items, item{path: path, texts: []string{"text"}})
		want = append(want, uri(path))
	}
	slices.Sort(want)
	x, g := s.filled(items...)
	for _, limit := range []int{4, 1000} {
		s.equal(fmt.Sprintf("pages of %d", limit), s.listed(x, g, limit, "other"), want)
	}
	for _, limit := range []int{0, -1, 1001} {
		if _, err := x.List(s.Context(), docs.Listing{Generation: g, Limit: limit}); err == nil {
			s.Errorf("a page of %d is given", limit)
		}
	}
	page, err := x.List(s.Context(), docs.Listing{Generation: g, After: uri("zzz"), Limit: 5})
	if err != nil || len(page) > 0 {
		s.Errorf("after the last: %v, %v", page, err)
	}
}
