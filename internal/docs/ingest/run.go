package ingest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"doorward/internal/docs"
	"doorward/internal/docs/chunk"
)

// Run brings in what is new or different in the sources, and takes out what is gone. Its
// Report is of what was done also where an error says that not all was.
func (j *Job) Run(ctx context.Context, from []From) (Report, error) { return j.run(ctx, from, false) }

// Again brings everything into a new generation, with whatever is configured now. The old
// one answers until the last document is in.
func (j *Job) Again(ctx context.Context, from []From) (Report, error) { return j.run(ctx, from, true) }

func (j *Job) run(ctx context.Context, from []From, again bool) (Report, error) {
	start := time.Now()
	o, err := j.open(ctx, from, again)
	if err != nil {
		return Report{Notes: []Note{}}, err
	}
	r := &running{Job: j, opened: o, reader: chunk.NewReader(), start: start, report: Report{Notes: []Note{}}, patience: patience{embedder: j.Embedder}}
	err = r.all(ctx, from)
	r.report.Took = time.Since(start)
	slices.SortStableFunc(r.report.Notes, func(a, b Note) int {
		return cmp.Or(strings.Compare(a.Source, b.Source), strings.Compare(a.Origin, b.Origin))
	})
	return r.report, errors.Join(err, r.reader.Close(), o.writer.Close())
}

// running is one ingestion.
type running struct {
	*Job
	*opened
	reader   *chunk.Reader
	patience patience
	start    time.Time
	report   Report
}

// all brings in one source after the other. One that cannot be listed keeps none of the
// others out, but the run does not finish without it.
func (r *running) all(ctx context.Context, from []From) error {
	var failed []error
	for _, f := range from {
		err := r.source(ctx, f)
		if err == nil {
			continue
		}
		err = fmt.Errorf("bringing in %s: %w", f.Name, err)
		if _, ok := errors.AsType[*sourceError](err); !ok || ctx.Err() != nil {
			return errors.Join(append(failed, err)...)
		}
		failed = append(failed, err)
	}
	if len(failed) > 0 {
		return errors.Join(failed...)
	}
	left, err := finish(ctx, r.writer, r.made)
	if err != nil {
		return fmt.Errorf("bringing the generation into use: %w", err)
	}
	if left != nil {
		r.report.Left = left.Error()
	}
	r.report.Finished = true
	return nil
}

// sourceError is a source of which not all is known: nothing of it is taken out.
type sourceError struct{ err error }

func (e *sourceError) Error() string { return e.err.Error() }
func (e *sourceError) Unwrap() error { return e.err }

// removedAtOnce is how many documents one removal takes out.
const removedAtOnce = 500

// remove takes documents out.
func remove(ctx context.Context, w docs.Writer, uris []string) error {
	for len(uris) > 0 {
		n := min(len(uris), removedAtOnce)
		if err := w.Remove(ctx, uris[:n]); err != nil {
			return err
		}
		uris = uris[n:]
	}
	return nil
}

// Remove takes a source out of an index with all its documents, and says how many there
// were, and what of generations before is left in the store (*docs.LeftError).
func Remove(ctx context.Context, index docs.Writable, name string) (n int, left, err error) {
	w, err := index.Open(ctx)
	if err != nil {
		return 0, nil, err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	state, err := index.State(ctx)
	if err != nil {
		return 0, nil, err
	}
	held, err := w.Held(ctx, name)
	if err != nil {
		return 0, nil, err
	}
	made := state.Made
	made.Sources = nil
	for _, s := range state.Made.Sources {
		if s.Name != name {
			made.Sources = append(made.Sources, s)
		}
	}
	if len(held) == 0 && len(made.Sources) == len(state.Made.Sources) {
		return 0, nil, ErrNoSource
	}
	uris := make([]string, 0, len(held))
	for uri := range held {
		uris = append(uris, uri)
	}
	if err := remove(ctx, w, uris); err != nil {
		return 0, nil, err
	}
	left, err = finish(ctx, w, made)
	return len(uris), left, err
}

// finish brings a writer's generation into use. What is left of those before is no failure.
func finish(ctx context.Context, w docs.Writer, made docs.Description) (left, err error) {
	err = w.Finish(ctx, made)
	if of, ok := errors.AsType[*docs.LeftError](err); ok {
		return of, nil
	}
	return nil, err
}
