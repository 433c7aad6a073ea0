package ingest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"doorward/internal/docs"
)

// How long an embedder is asked again.
const (
	firstWait   = time.Second
	longestWait = time.Minute      // that grows by itself
	mostWait    = 15 * time.Minute // of all waits for one answer, those that it asked for included
	mostFaults  = 4                // tries where it fails without asking for time
)

// patience asks an embedder, and leaves it alone when it asks for that: all who ask wait
// then, and not at the same time for the end.
type patience struct {
	embedder docs.Embedder

	mu    sync.Mutex
	until time.Time // nobody asks before
}

// embed has texts embedded. Its error is *docs.MismatchError where vectors do not fit.
func (p *patience) embed(ctx context.Context, texts []string) ([][]float32, error) {
	spent := time.Duration(0)
	for try := 0; ; try++ {
		if err := p.wait(ctx); err != nil {
			return nil, err
		}
		vectors, err := docs.Embed(ctx, p.embedder, docs.Texts{All: texts})
		if err == nil {
			return vectors, nil
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		wait, ok := again(err, try)
		if !ok {
			return nil, err
		}
		if spent += wait; spent > mostWait {
			return nil, fmt.Errorf("the embedder was waited for %s, and is to be for longer: %w", (spent - wait).Round(time.Second), err)
		}
		p.leave(wait)
	}
}

// again is how long to wait before another try; false where none would help.
func again(err error, try int) (time.Duration, bool) {
	if _, ok := errors.AsType[*docs.MismatchError](err); ok || errors.Is(err, docs.ErrNoKey) {
		return 0, false
	}
	own := min(firstWait<<min(try, 10), longestWait)
	own = own/2 + rand.N(own/2) //nolint:gosec // jitter
	later, ok := errors.AsType[*docs.LaterError](err)
	if !ok {
		return own, try+1 < mostFaults
	}
	if later.After > 0 {
		return later.After + rand.N(later.After/10+1), true //nolint:gosec // jitter
	}
	return own, true
}

// leave has nobody ask for a while.
func (p *patience) leave(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if at := time.Now().Add(d); at.After(p.until) {
		p.until = at
	}
}

// left is how long nobody asks.
func (p *patience) left() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(time.Until(p.until), 0)
}

func (p *patience) wait(ctx context.Context) error {
	for {
		d := p.left()
		if d == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(d):
		}
	}
}
