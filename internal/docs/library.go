package docs

import (
	"context"
	"errors"
	"slices"

	"doorward/internal/gate"
)

// Library is an index and the embedder that its vectors are made by.
type Library struct {
	Index    Index
	Embedder Embedder
	Wanted   Wanted
}

// Question is a search by a caller.
type Question struct {
	Text   string
	Most   int         // passages in the answer, 1 to MaxFound
	Mode   string      // hybrid, words or meaning
	Source string      // as Query's
	Under  string      // as Query's
	Roles  []string    // of the caller, sorted
	Key    gate.Secret // the caller's own, for the embedder; zero: the operator's
}

// How a question is searched for.
const (
	Hybrid  = "hybrid"  // by both, their lists made one by reciprocal rank
	Words   = "words"   // by full text alone: no embedder is asked
	Meaning = "meaning" // by vectors alone
)

// MaxFound is the most passages of an answer.
const MaxFound = 50

// depth is how many of each list are looked at for one answer.
const depth = 4

// Found is a passage of an answer.
type Found struct {
	Hit
	// The places in the two lists, from 1; 0: not in it.
	ByWords, ByMeaning int
}

// errMode is a way to search that there is not.
var errMode = errors.New("the mode is hybrid, words or meaning")

// Search finds passages, best first. What the configuration, the embedder and the index
// say of the vectors is compared before: *MismatchError. What the embedder fails by is an *EmbedderError.
func (l *Library) Search(ctx context.Context, q Question) ([]Found, error) {
	in := Query{Limit: min(MaxHits, max(1, q.Most)*depth), Roles: q.Roles, Source: q.Source, Under: q.Under}
	switch q.Mode {
	case Hybrid, Words:
		in.Words = q.Text
	case Meaning:
	default:
		return nil, errMode
	}
	var answer Answer
	err := l.within(ctx, func(generation string) (err error) {
		in.Generation = generation
		if in.Vector == nil && q.Mode != Words { // asked only once the index is known to fit
			if in.Vector, err = l.vector(ctx, q); err != nil {
				return err
			}
		}
		answer, err = l.Index.Search(ctx, in)
		return err
	})
	if err != nil {
		return nil, err
	}
	meaning := 1.0
	if l.Wanted.Model.Kind == Lexical {
		meaning = lexicalWeight
	}
	found := fuse(answer, meaning)
	return found[:min(len(found), q.Most)], nil
}

// state is the index as it is, once it was held against the configuration.
func (l *Library) state(ctx context.Context) (State, error) {
	s, err := l.Index.State(ctx)
	if err != nil {
		return State{}, err
	}
	if l.Embedder.Model() != l.Wanted.Model {
		return State{}, errors.New("the embedder is not the one that is configured")
	}
	return s, l.Wanted.Serves(&s)
}

// vector is the question's own.
func (l *Library) vector(ctx context.Context, q Question) ([]float32, error) {
	vectors, err := Embed(ctx, l.Embedder, Texts{All: []string{q.Text}, Query: true, Key: q.Key})
	if err != nil {
		return nil, &EmbedderError{Err: err, WithOwn: q.Key != gate.Secret{}}
	}
	return vectors[0], nil
}

// Embed has texts embedded, and refuses vectors that are not the model's.
func Embed(ctx context.Context, e Embedder, t Texts) ([][]float32, error) {
	vectors, err := e.Embed(ctx, t)
	if err != nil {
		return nil, err
	}
	return vectors, e.Model().fit(vectors, len(t.All))
}

// List is a page of the documents that the roles may read.
func (l *Library) List(ctx context.Context, in Listing) (docs []Document, err error) {
	err = l.within(ctx, func(generation string) error {
		in.Generation = generation
		docs, err = l.Index.List(ctx, in)
		return err
	})
	return docs, err
}

// Read is a document and its passages; ErrNone.
func (l *Library) Read(ctx context.Context, uri string, roles []string) (d Document, passages []Passage, err error) {
	err = l.within(ctx, func(generation string) error {
		d, passages, err = l.Index.Read(ctx, generation, uri, roles)
		return err
	})
	return d, passages, err
}

// within does something in the generation in use, once more if it is another by then.
func (l *Library) within(ctx context.Context, do func(generation string) error) error {
	for again := false; ; again = true {
		state, err := l.state(ctx)
		if err != nil {
			return err
		}
		if err = do(state.Generation); again || !errors.Is(err, ErrGone) {
			return err
		}
	}
}

// fused is how much the first places of a list count for more than the next: the constant
// of reciprocal rank fusion (Cormack, Clarke, Büttcher, SIGIR 2009).
const fused = 60

// lexicalWeight is what places by meaning count for, to places by words, where vectors are
// made of words too: they find parts of words, and rank whole ones worse than full text
// does. It was chosen by trying, with 80 questions over the pages of this project: of 0.15,
// 0.3, 0.5 and 1 it finds the right page among the first five most often.
const lexicalWeight = 0.3

// fuse makes one list of two, by reciprocal rank. meaning is what a place in the second
// counts for.
func fuse(a Answer, meaning float64) []Found {
	all := map[string]*Found{}
	for i, h := range a.Words {
		all[h.Passage.ID] = &Found{Hit: h, ByWords: i + 1}
	}
	for i, h := range a.Meaning {
		if f := all[h.Passage.ID]; f != nil {
			f.ByMeaning = i + 1
			continue
		}
		all[h.Passage.ID] = &Found{Hit: h, ByMeaning: i + 1}
	}
	found := make([]Found, 0, len(all))
	for _, f := range all {
		f.Score = reciprocal(f.ByWords) + meaning*reciprocal(f.ByMeaning)
		found = append(found, *f)
	}
	slices.SortFunc(found, func(x, y Found) int {
		switch {
		case x.Score > y.Score:
			return -1
		case x.Score < y.Score:
			return 1
		case x.Passage.ID < y.Passage.ID:
			return -1
		}
		return 1
	})
	return found
}

func reciprocal(place int) float64 {
	if place == 0 {
		return 0
	}
	return 1 / float64(fused+place)
}
