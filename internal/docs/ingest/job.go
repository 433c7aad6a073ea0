// Package ingest brings documents into an index: what is new and what has changed is cut,
// inspected and embedded, what is gone is taken out. An ingestion can end at any moment;
// the next does what is left.
//
// One goroutine owns the writer and the counts; readers and embedders work beside it, as
// many as Job says, and all have ended when Run returns.
package ingest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"

	"doorward/internal/docs"
	"doorward/internal/docs/chunk"
	"doorward/internal/docs/gather"
)

// Job is what documents are brought in with. App makes it from the configuration.
type Job struct {
	Index    docs.Writable
	Embedder docs.Embedder
	Wanted   docs.Wanted
	Bounds   chunk.Bounds // Wanted.Chunker is their name
	// Access are the roles that may read a document; nil: whoever may use the server.
	Access func(uri string) []string
	// Inspect looks at a document's text before it is kept.
	Inspect func(ctx context.Context, text string) (Verdict, error)
	// Progress is told of each step, by one goroutine; nil: nobody is.
	Progress func(Progress)
}

// Verdict is what detectors say of a text.
type Verdict struct {
	Findings []string // rule names
	Block    bool     // it is not to be kept
}

// From is a source of a run.
type From struct {
	docs.Source
	Documents gather.Source // the caller closes it
}

// Errors of a run, told from others with errors.Is.
var (
	ErrNothing  = errors.New("the source gives no document")
	ErrNoSource = errors.New("the index has no such source")
	errMeant    = errors.New("the index was changed by another ingestion just now: run this one again")
)

// unsettled stands in a description in place of the access rules while they change: no
// configuration has it, so the index is not searched before a run has finished.
func unsettled() [sha256.Size]byte { return sha256.Sum256([]byte("access rules are being changed")) }

// check refuses a job that is not whole, and sources that cannot be told apart.
func (j *Job) check(from []From) error {
	if j.Access == nil || j.Inspect == nil {
		return errors.New("nobody says who may read documents, or looks at them")
	}
	if err := j.Bounds.Check(); err != nil {
		return err
	}
	if name := j.Bounds.Name(); name != j.Wanted.Chunker {
		return &docs.MismatchError{What: "chunker", Here: "the configuration says " + j.Wanted.Chunker, There: "documents are cut by " + name, Do: "this is a fault of Doorward's"}
	}
	if is := j.Embedder.Model(); is != j.Wanted.Model {
		return &docs.MismatchError{What: "embedder", Here: fmt.Sprintf("the configuration says %+v", j.Wanted.Model), There: fmt.Sprintf("the embedder is %+v", is), Do: "configure what the embedder is"}
	}
	names := map[string]bool{}
	for _, f := range from {
		if err := gather.CheckName(f.Name); err != nil {
			return err
		}
		if names[f.Name] {
			return fmt.Errorf("two sources are called %s: give one another name", f.Name)
		}
		names[f.Name] = true
	}
	if len(from) == 0 {
		return errors.New("there is no source to bring documents in from")
	}
	return nil
}

// opened is a writer, and what the run ends with.
type opened struct {
	writer docs.Writer
	made   docs.Description // once all of it is done
	strict bool             // nothing may be left as it was: other rules, another chunker, a new generation
}

// open compares everything, lets the writer in and says in the index what is about to
// change. Before all fits nothing is written.
func (j *Job) open(ctx context.Context, from []From, again bool) (*opened, error) {
	if err := j.check(from); err != nil {
		return nil, err
	}
	state, err := j.Index.State(ctx)
	empty := errors.Is(err, docs.ErrEmpty)
	if err != nil && !empty {
		return nil, err
	}
	o := &opened{made: j.Wanted.Made(), strict: empty || again}
	if !empty {
		if err := j.fits(&state, from, again); err != nil {
			return nil, err
		}
		o.strict = o.strict || j.changed(&state)
	}
	o.made.Sources = sources(state.Made.Sources, from)
	if err := o.made.Check(); err != nil {
		return nil, err
	}
	if err := j.probe(ctx); err != nil {
		return nil, err
	}
	if empty || again {
		o.writer, err = j.Index.Begin(ctx, o.made)
	} else {
		o.writer, err = j.Index.Open(ctx)
	}
	if err != nil {
		return nil, err
	}
	if err := j.settle(ctx, o, &state, empty || again); err != nil {
		return nil, errors.Join(err, o.writer.Close())
	}
	return o, nil
}

// fits compares the configuration and the sources with the index.
func (j *Job) fits(state *docs.State, from []From, again bool) error {
	if !again {
		if err := j.Wanted.Fits(state); err != nil {
			return err
		}
	}
	given := map[string]docs.Source{}
	for _, f := range from {
		given[f.Name] = f.Source
	}
	var missing []string
	for _, has := range state.Made.Sources {
		is, ok := given[has.Name]
		if !ok {
			missing = append(missing, has.Name)
			continue
		}
		if is != has {
			return fmt.Errorf("the source %s of the index is the %s %s, and not %s: give this one another name (--name), or take that one out first (doorward docs remove %s)", has.Name, has.Kind, has.Origin, is.Origin, has.Name)
		}
	}
	if len(missing) == 0 || !again && !j.changed(state) {
		return nil
	}
	what := "access rules"
	switch {
	case again:
		what = "sources"
	case state.Made.Access == j.Wanted.Access:
		what = "chunker"
	}
	return &docs.MismatchError{
		What: what, Here: "this run has not all sources", There: "the index " + j.Wanted.Name + " has also " + strings.Join(missing, ", "),
		Do: "bring in all of them together, naming none, or take out what is wanted no more (doorward docs remove SOURCE)",
	}
}

// changed tells whether documents of the index were brought in by other rules than are
// configured, or cut in another way.
func (j *Job) changed(state *docs.State) bool {
	return state.Made.Access != j.Wanted.Access || state.Made.Chunker != j.Wanted.Chunker
}

// sources are those of the index with those of the run, by name.
func sources(has []docs.Source, from []From) []docs.Source {
	all := slices.Clone(has)
	for _, f := range from {
		if !slices.ContainsFunc(all, func(s docs.Source) bool { return s.Name == f.Name }) {
			all = append(all, f.Source)
		}
	}
	slices.SortFunc(all, func(a, b docs.Source) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// probe asks the embedder for a vector, so that one of another length is known before
// anything is written.
func (j *Job) probe(ctx context.Context) error {
	p := patience{embedder: j.Embedder}
	_, err := p.embed(ctx, []string{"doorward"})
	return err
}

// settle makes sure that the index is still what was compared, now that nobody else writes
// to it. In a generation that is in use it then says which sources come to it, and that
// its rules are neither the old nor the new until the run has finished: a run that ends
// before leaves nothing behind that a later one would not know of.
func (j *Job) settle(ctx context.Context, o *opened, was *docs.State, begun bool) error {
	is, err := j.Index.State(ctx)
	if err != nil && !errors.Is(err, docs.ErrEmpty) {
		return err
	}
	if is.Generation != was.Generation || !is.Made.Same(&was.Made) {
		return errMeant
	}
	if begun || !o.strict && len(o.made.Sources) == len(was.Made.Sources) {
		return nil
	}
	made := was.Made
	made.Sources = o.made.Sources
	if o.strict {
		made.Access, made.Chunker = unsettled(), ""
	}
	if _, err := finish(ctx, o.writer, made); err != nil { // what is left is told when all is in
		return err
	}
	if err := o.writer.Close(); err != nil {
		return err
	}
	w, err := j.Index.Open(ctx)
	if err != nil {
		return err
	}
	o.writer = w
	return nil
}
