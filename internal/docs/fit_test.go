package docs_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"doorward/internal/docs"
)

// made is a generation as the configuration of wanted makes it.
func made(w docs.Wanted) docs.State {
	return docs.State{Generation: "1", Made: w.Made(), Reports: w.Model.Dimensions}
}

// Mismatches of every kind are refused before anything is searched, and say both sides and
// what to do.
func TestMismatches(t *testing.T) {
	t.Parallel()
	w := docs.Wanted{Name: "handbook", Model: docs.Model{Kind: "openai", Name: "small", Dimensions: 1536}, Chunker: "chunk-1"}
	for name, c := range map[string]struct {
		change func(*docs.State)
		says   []string
	}{
		"dimensions": {func(s *docs.State) { s.Made.Dimensions, s.Reports = 384, 384 }, []string{"1536", "384", "reindex"}},
		"store":      {func(s *docs.State) { s.Reports = 768 }, []string{"1536", "768", "store", "reindex"}},
		"model":      {func(s *docs.State) { s.Made.Model = "large" }, []string{"small", "large", "reindex"}},
		"embedder":   {func(s *docs.State) { s.Made.Embedder = "lexical" }, []string{"openai", "lexical", "reindex"}},
		"metric":     {func(s *docs.State) { s.Made.Metric = "dot" }, []string{"cosine", "dot", "reindex"}},
		"access":     {func(s *docs.State) { s.Made.Access[0] = 1 }, []string{"access rules", "ingest"}},
	} {
		s := made(w)
		if err := w.Serves(&s); err != nil {
			t.Fatalf("what fits is refused: %v", err)
		}
		c.change(&s)
		err := w.Serves(&s)
		if _, ok := errors.AsType[*docs.MismatchError](err); !ok {
			t.Errorf("%s: got %v", name, err)
			continue
		}
		for _, word := range append(c.says, "handbook") {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%s: %q does not say %q", name, err, word)
			}
		}
	}
}

// answers is an embedder that answers with what it has.
type answers struct {
	model docs.Model
	all   [][]float32
	asked int
}

func (a *answers) Model() docs.Model { return a.model }
func (*answers) Most() int           { return 1 }
func (*answers) Close() error        { return nil }

func (a *answers) Embed(context.Context, docs.Texts) ([][]float32, error) {
	a.asked++
	return a.all, nil
}

// shelf is an index with one answer, which says how often it was searched.
type shelf struct {
	docs.Index
	state    []docs.State // one after the other; the last again and again
	answer   docs.Answer
	searched int
}

func (s *shelf) State(context.Context) (docs.State, error) {
	now := s.state[0]
	if len(s.state) > 1 {
		s.state = s.state[1:]
	}
	return now, nil
}

func (s *shelf) Search(_ context.Context, q docs.Query) (docs.Answer, error) {
	s.searched++
	if q.Generation != s.state[0].Generation {
		return docs.Answer{}, docs.ErrGone
	}
	return s.answer, nil
}

// An embedder that answers with another length, or another number of vectors, is found out
// before the index is searched with them.
func TestAnEmbedderThatChanges(t *testing.T) {
	t.Parallel()
	w := docs.Wanted{Name: "handbook", Model: docs.Model{Kind: "openai", Name: "small", Dimensions: 3}}
	for name, c := range map[string]struct {
		all [][]float32
		fit bool
	}{
		"as it says": {[][]float32{{1, 0, 0}}, true},
		"longer":     {[][]float32{{1, 0, 0, 0}}, false},
		"shorter":    {[][]float32{{1}}, false},
		"none":       {nil, false},
		"two":        {[][]float32{{1, 0, 0}, {1, 0, 0}}, false},
	} {
		in := &shelf{state: []docs.State{made(w)}}
		l := docs.Library{Index: in, Embedder: &answers{model: w.Model, all: c.all}, Wanted: w}
		_, err := l.Search(t.Context(), docs.Question{Text: "x", Most: 1, Mode: docs.Hybrid})
		if (err == nil) != c.fit || (in.searched > 0) != c.fit {
			t.Errorf("%s: %v, searched %d times", name, err, in.searched)
		}
	}
}

// An index that does not fit is not searched, and no embedder is asked.
func TestNothingIsAskedOfWhatDoesNotFit(t *testing.T) {
	t.Parallel()
	w := docs.Wanted{Name: "handbook", Model: docs.Model{Kind: "openai", Name: "small", Dimensions: 3}}
	other := made(w)
	other.Reports = 4
	in, by := &shelf{state: []docs.State{other}}, &answers{model: w.Model}
	l := docs.Library{Index: in, Embedder: by, Wanted: w}
	for _, mode := range []string{docs.Hybrid, docs.Words, docs.Meaning} {
		var mismatch *docs.MismatchError
		if _, err := l.Search(t.Context(), docs.Question{Text: "x", Most: 1, Mode: mode}); !errors.As(err, &mismatch) {
			t.Errorf("%s: %v", mode, err)
		}
	}
	if in.searched != 0 || by.asked != 0 {
		t.Errorf("searched %d times, embedded %d times", in.searched, by.asked)
	}
}

// A search that meets the switch to another generation is made again in the new one.
func TestASearchAcrossASwitch(t *testing.T) {
	t.Parallel()
	w := docs.Wanted{Name: "handbook", Model: docs.Model{Kind: "openai", Name: "small", Dimensions: 1}}
	old, now := made(w), made(w)
	now.Generation = "2"
	in := &shelf{state: []docs.State{old, now}, answer: docs.Answer{Words: []docs.Hit{{Passage: docs.Passage{ID: "a"}}}}}
	by := &answers{model: w.Model, all: [][]float32{{1}}}
	l := docs.Library{Index: in, Embedder: by, Wanted: w}
	found, err := l.Search(t.Context(), docs.Question{Text: "x", Most: 5, Mode: docs.Hybrid})
	if err != nil || len(found) != 1 || in.searched != 2 || by.asked != 1 {
		t.Errorf("%v %v, searched %d times, embedded %d times", found, err, in.searched, by.asked)
	}
}

// What both lists have comes before what one of them has, by the sum of the reciprocal ranks.
func TestReciprocalRank(t *testing.T) {
	t.Parallel()
	w := docs.Wanted{Name: "handbook", Model: docs.Model{Kind: "openai", Name: "small", Dimensions: 1}}
	hits := func(ids ...string) (all []docs.Hit) {
		for _, id := range ids {
			all = append(all, docs.Hit{Passage: docs.Passage{ID: id}})
		}
		return all
	}
	in := &shelf{state: []docs.State{made(w)}, answer: docs.Answer{Words: hits("a", "b", "c"), Meaning: hits("d", "b", "e", "a")}}
	l := docs.Library{Index: in, Embedder: &answers{model: w.Model, all: [][]float32{{1}}}, Wanted: w}
	found, err := l.Search(t.Context(), docs.Question{Text: "x", Most: 4, Mode: docs.Hybrid})
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, f := range found {
		got += f.Passage.ID
	}
	// b: 1/62+1/62 = 0.03226; a: 1/61+1/64 = 0.03202; d: 1/61; c, e: 1/63, by id.
	if got != "badc" || found[0].ByWords != 2 || found[0].ByMeaning != 2 || found[2].ByWords != 0 {
		t.Errorf("got %s, %+v", got, found)
	}
}
