package ingest

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"doorward/internal/docs"
	"doorward/internal/docs/gather"
)

// What is under way at once.
const (
	readers  = 2        // documents that are read
	asking   = 4        // requests to the embedder
	waiting  = 64       // documents between the listing and the readers
	maxBytes = 64 << 20 // text and vectors that wait to be kept
)

// bringing is one source on its way in. Its goroutines are: one that lists, readers, one
// that puts texts together, and those that ask the embedder; bring itself writes.
type bringing struct {
	*running
	from     From
	held     map[string][sha256.Size]byte
	room     *semaphore.Weighted
	found    chan gather.Found
	read     chan *filed
	batches  chan batch
	outcomes chan outcome
	listed   atomic.Bool
	many     atomic.Int64 // documents that were found

	done   int
	stay   map[string]bool // documents that are not to be taken out
	below  []string        // what begins so is not either
	before map[string]bool // URIs that were told of already
}

// source brings one in, and takes out what it has no more.
func (r *running) source(ctx context.Context, f From) error {
	held, err := r.writer.Held(ctx, f.Name)
	if err != nil {
		return err
	}
	b := &bringing{
		running: r, from: f, held: held, room: semaphore.NewWeighted(maxBytes), stay: map[string]bool{}, before: map[string]bool{},
		found: make(chan gather.Found, waiting), read: make(chan *filed), batches: make(chan batch), outcomes: make(chan outcome, waiting),
	}
	if err := b.bring(ctx); err != nil {
		return err
	}
	if b.many.Load() == 0 && len(b.below) == 0 {
		if len(held) == 0 {
			return &sourceError{ErrNothing}
		}
		return &sourceError{fmt.Errorf("%w: nothing of it is taken out; doorward docs remove %s does that", ErrNothing, f.Name)}
	}
	var gone []string
	for uri := range held {
		if !b.stay[uri] && !slices.ContainsFunc(b.below, func(p string) bool { return strings.HasPrefix(uri, p) }) {
			gone = append(gone, uri)
		}
	}
	slices.Sort(gone)
	if err := remove(ctx, r.writer, gone); err != nil {
		return err
	}
	r.report.Removed += len(gone)
	b.tell()
	return nil
}

// bring runs all of it and returns when nothing is left of it.
func (b *bringing) bring(parent context.Context) error {
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return b.list(ctx) })
	b.crew(g, readers, func() { close(b.read) }, func() error { return b.reading(ctx) })
	g.Go(func() error {
		defer close(b.batches)
		return b.together(ctx)
	})
	b.crew(g, asking, func() {}, func() error { return b.embedding(ctx) })
	ended := make(chan error, 1)
	go func() {
		ended <- g.Wait()
		close(b.outcomes)
	}()
	var failed error
	for o := range b.outcomes {
		if failed == nil {
			if failed = b.take(parent, o); failed != nil { // what is ready is kept though something else failed
				cancel(failed)
			}
		}
	}
	err := <-ended
	switch {
	case parent.Err() != nil:
		return context.Cause(parent)
	case failed != nil:
		return failed
	}
	return err
}

// crew has n do the same; the last one to end does after.
func (*bringing) crew(g *errgroup.Group, n int, after func(), do func() error) {
	var left sync.WaitGroup
	for range n {
		left.Add(1)
		g.Go(func() error {
			defer left.Done()
			return do()
		})
	}
	g.Go(func() error {
		left.Wait()
		after()
		return nil
	})
}

// send hands something on, unless all of it ends.
func send[T any](ctx context.Context, to chan<- T, one T) error {
	select {
	case to <- one:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// list walks the source.
func (b *bringing) list(ctx context.Context) error {
	defer close(b.found)
	err := b.from.Documents.Walk(ctx, gather.Visit{
		Found: func(f gather.Found) error {
			if b.before[f.URI] {
				return send(ctx, b.outcomes, outcome{what: skipped, origin: f.Origin, why: "another document has its URI"})
			}
			b.before[f.URI] = true
			b.many.Add(1)
			return send(ctx, b.found, f)
		},
		Skipped: func(origin, why string) {
			_ = send(ctx, b.outcomes, outcome{what: skipped, origin: origin, why: why}) // the walk ends with ctx
		},
		Unread: func(below, origin string, err error) {
			_ = send(ctx, b.outcomes, outcome{what: unread, uri: below, below: true, origin: origin, why: err.Error()}) // the walk ends with ctx
		},
	})
	b.listed.Store(err == nil)
	if err != nil && ctx.Err() == nil {
		return &sourceError{err}
	}
	return err
}

// reading reads what was found.
func (b *bringing) reading(ctx context.Context) error {
	for f := range b.found {
		o, err := b.Job.read(ctx, b.reader, b.from.Name, f, b.held)
		if err != nil {
			return err
		}
		if o.what != kept {
			if err := send(ctx, b.outcomes, o); err != nil {
				return err
			}
			continue
		}
		o.filed.weight = min(o.filed.weight, maxBytes)
		if err := b.room.Acquire(ctx, o.filed.weight); err != nil {
			return context.Cause(ctx)
		}
		if err := send(ctx, b.read, o.filed); err != nil {
			return err
		}
	}
	return nil
}

// take is told what became of a document. It alone writes.
func (b *bringing) take(ctx context.Context, o outcome) error {
	name := ""
	switch o.what {
	case kept:
		if err := b.keep(ctx, o.filed); err != nil {
			return err
		}
		b.stay[o.uri] = true
	case unchanged:
		b.report.Unchanged++
		b.whose(o.roles)
		b.stay[o.uri] = true
	case skipped:
		b.report.Skipped++
		name = "skipped"
	case blocked:
		b.report.Blocked++
		name = "blocked"
	case unread:
		b.report.Unread++
		name = "unread"
		b.unread(&o)
	}
	if name != "" {
		b.report.note(Note{Source: b.from.Name, Origin: o.origin, What: name, Why: o.why})
	}
	if o.uri != "" && !o.below {
		b.done++
	}
	b.tell()
	return nil
}

// unread leaves what could not be read as it was, unless that was by other rules.
func (b *bringing) unread(o *outcome) {
	switch {
	case b.strict:
		o.why += "; it is not in the index"
	case o.below:
		b.below = append(b.below, o.uri)
	default:
		b.stay[o.uri] = true
	}
}

// keep puts a document into the index.
func (b *bringing) keep(ctx context.Context, f *filed) error {
	defer b.room.Release(f.weight)
	if err := b.writer.Put(ctx, &f.Document, f.passages, f.vectors); err != nil {
		return fmt.Errorf("keeping %s: %w", f.Origin, err)
	}
	if _, had := b.held[f.URI]; had {
		b.report.Changed++
	} else {
		b.report.New++
	}
	if len(f.Findings) > 0 {
		b.report.Marked++
		b.report.note(Note{Source: b.from.Name, Origin: f.Origin, What: "marked", Why: strings.Join(f.Findings, ", ")})
	}
	b.whose(f.Roles)
	b.report.Passages += len(f.passages)
	b.report.Bytes += int64(f.Size)
	return nil
}

// whose counts a document that the index has, where nobody may read it.
func (b *bringing) whose(roles []string) {
	if slices.Contains(roles, docs.Nobody) {
		b.report.Nobodys++
	}
}

// tell says how far it is.
func (b *bringing) tell() {
	if b.Progress == nil {
		return
	}
	b.Progress(Progress{
		Source: b.from.Name, Listed: b.listed.Load(), Found: int(b.many.Load()), Done: b.done,
		Passages: b.report.Passages, Bytes: b.report.Bytes, Took: time.Since(b.start), Waiting: b.patience.left(),
	})
}
