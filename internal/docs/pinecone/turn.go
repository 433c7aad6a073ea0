package pinecone

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"doorward/internal/docs"
)

// Of the right to write: it is kept for as long after it was last renewed, by the clocks of
// those who write, and renewed three times in that.
const (
	turnLasts  = time.Minute
	turnWithin = 10 * time.Second // of renewing it and giving it back
	turnSpare  = 5 * time.Second  // before its end in which nothing is begun
)

// maxTurns bounds the records of those who have or want the turn.
const maxTurns = 100

// turn is the right to write to an index, which one has at a time. Pinecone changes nothing
// on a condition. So whoever wants the turn writes a record of its own, reads all others up
// to where that is seen, and withdraws when it finds one that is not over: of two, the later
// sees the earlier. Both may withdraw, never both write.
type turn struct {
	t     *target
	token string
	until atomic.Int64 // nanoseconds since 1970; as others can see it
	stop  context.CancelFunc
	held  sync.WaitGroup // of what renews it
	going docs.Renewal
	cut   bool // a writer before did not end: it may have changed documents and not said so
	ended bool // it was given back; of the writer's alone
}

// take takes the right; ErrBusy where somebody else has it or wants it.
func (t *target) take(ctx context.Context) (*turn, error) {
	r := &turn{t: t, token: rand.Text()}
	now := time.Now()
	number, err := r.write(ctx, now.Add(turnLasts))
	if err != nil {
		return nil, err
	}
	over, err := r.others(ctx, number, now)
	if err == nil {
		_, err = t.remove(ctx, writers, over)
	}
	if err != nil {
		return nil, errors.Join(err, r.withdraw())
	}
	r.cut = len(over) > 0
	r.until.Store(now.Add(turnLasts).UnixNano())
	renewing, stop := context.WithCancel(context.WithoutCancel(ctx))
	r.stop = stop
	r.held.Go(func() { r.keep(renewing) })
	return r, nil
}

// write writes until when the turn is wanted.
func (r *turn) write(ctx context.Context, until time.Time) (uint64, error) {
	return r.t.put(ctx, writers, &record{ID: r.token, Values: axis(r.t.dimension), Metadata: payload{Until: float64(until.Unix())}})
}

// others are the records of turns that were over at a time; ErrBusy where one was not.
func (r *turn) others(ctx context.Context, number uint64, now time.Time) (over []string, err error) {
	found, err := r.t.since(ctx, number, map[string]any{"namespace": writers, "topK": maxTurns, "vector": axis(r.t.dimension), "includeMetadata": true})
	if err != nil {
		return nil, err
	}
	own := false
	for i := range found {
		switch {
		case found[i].ID == r.token:
			own = true
		case found[i].Metadata.Until >= float64(now.Unix()):
			return nil, docs.ErrBusy
		default:
			over = append(over, found[i].ID)
		}
	}
	if !own || len(found) == maxTurns {
		return nil, fmt.Errorf("pinecone: the namespace %s has more in it than who writes: remove it while nobody does", writers)
	}
	return over, nil
}

// keep renews the right until it is given back. What went wrong the next change tells that
// finds the right lost.
func (r *turn) keep(ctx context.Context) {
	tick := time.NewTicker(turnLasts / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			r.going.Note(r.renew(ctx))
		}
	}
}

// renew counts once others can see it, and only before the turn was over.
func (r *turn) renew(ctx context.Context) error {
	if !r.has() {
		return r.going.Lost()
	}
	ctx, cancel := context.WithTimeout(ctx, turnWithin)
	defer cancel()
	until := time.Now().Add(turnLasts)
	number, err := r.write(ctx, until)
	if err == nil {
		err = r.t.wait(ctx, writers, number)
	}
	if err == nil && r.has() {
		r.until.Store(until.UnixNano())
	}
	return err
}

func (r *turn) has() bool { return time.Now().Add(turnSpare).UnixNano() < r.until.Load() }

// still refuses whoever has lost the right: *docs.LostError.
func (r *turn) still() error {
	if r.ended {
		return &docs.LostError{}
	}
	if !r.has() {
		return r.going.Lost()
	}
	return nil
}

// end gives the right back.
func (r *turn) end() error {
	if r.ended {
		return nil
	}
	r.stop()
	r.held.Wait()
	r.ended = true
	return r.withdraw()
}

func (r *turn) withdraw() error {
	ctx, cancel := context.WithTimeout(context.Background(), turnWithin)
	defer cancel()
	if _, err := r.t.remove(ctx, writers, []string{r.token}); err != nil {
		return fmt.Errorf("giving the turn to write back: %w", err)
	}
	return nil
}
