package pgvector

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"doorward/internal/docs"
)

// Of the right to write: it is kept for as long after it was last renewed, by the server's
// clock, and renewed three times in that.
const (
	turnLasts  = time.Minute
	turnWithin = 10 * time.Second // of renewing it and giving it back
)

// turn is the right to write to a schema, which one has at a time: a row, and not a lock of
// a session, which a pooler gives to another. Every change looks at it in its transaction.
type turn struct {
	x     *Index
	token string
	stop  context.CancelFunc
	held  sync.WaitGroup // of what renews it
	going docs.Renewal
}

// take takes the right; ErrBusy where somebody else has it.
func (x *Index) take(ctx context.Context) (*turn, error) {
	t := &turn{x: x, token: rand.Text()}
	err := x.within(ctx, pgx.TxOptions{}, turnWithin, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, fmt.Sprintf("UPDATE %s.writer SET token = $1::text, until = clock_timestamp() + make_interval(secs => $2::float8) WHERE token = '' OR until < clock_timestamp()", x.schema), t.token, turnLasts.Seconds())
		if err == nil && tag.RowsAffected() == 0 {
			err = docs.ErrBusy
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	renewing, stop := context.WithCancel(context.WithoutCancel(ctx))
	t.stop = stop
	t.held.Go(func() { t.renew(renewing) })
	return t, nil
}

// renew keeps the right until it is given back. What went wrong the next change tells that
// finds the right lost.
func (t *turn) renew(ctx context.Context) {
	tick := time.NewTicker(turnLasts / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			t.going.Note(t.x.within(ctx, pgx.TxOptions{}, turnWithin, func(tx pgx.Tx) error { return t.still(ctx, tx) }))
		}
	}
}

// still renews the right, and holds its row until the transaction ends: nobody takes it
// meanwhile. *docs.LostError.
func (t *turn) still(ctx context.Context, tx pgx.Tx) error {
	tag, err := tx.Exec(ctx, fmt.Sprintf("UPDATE %s.writer SET until = clock_timestamp() + make_interval(secs => $2::float8) WHERE token = $1::text", t.x.schema), t.token, turnLasts.Seconds())
	if err == nil && tag.RowsAffected() == 0 {
		err = t.going.Lost()
	}
	return err
}

// end gives the right back.
func (t *turn) end() error {
	t.stop()
	t.held.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), turnWithin)
	defer cancel()
	return t.x.within(ctx, pgx.TxOptions{}, turnWithin, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, fmt.Sprintf("UPDATE %s.writer SET token = '' WHERE token = $1::text", t.x.schema), t.token)
		return err
	})
}
