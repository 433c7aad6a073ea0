package qdrant

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"doorward/internal/docs"
)

// Of the right to write: it is kept for as long after it was last renewed, by the clocks of
// those who write, and renewed three times in that.
const (
	turnLasts  = time.Minute
	turnWithin = 10 * time.Second // of renewing it and giving it back
)

// turn is the right to write to an index, which one has at a time: a point in a collection
// beside, which is changed only while nobody else has it.
type turn struct {
	x     *Index
	token string
	stop  context.CancelFunc
	held  sync.WaitGroup // of what renews it
	going docs.Renewal
	ended bool // it was given back; of the writer's alone
}

// holder is what is kept of whoever has the turn.
type holder struct {
	Token string `json:"token"`
	Until int64  `json:"until"` // seconds since 1970
}

var errOld = errors.New("qdrant: it is older than 1.16, and cannot tell who may write: use a newer one")

// least is the first version whose upsert takes update_filter, which older ones would leave
// out: 1.least.
const least = 16

// take takes the right; ErrBusy where somebody else has it.
func (x *Index) take(ctx context.Context) (*turn, error) {
	if err := x.newEnough(ctx); err != nil {
		return nil, err
	}
	t := &turn{x: x, token: rand.Text()}
	err := t.renew(ctx, t.token, time.Now().Add(turnLasts))
	if errors.Is(err, errAbsent) { // it has to be made; who is later than another finds it there
		making := call{doing: "making a collection", method: http.MethodPut, path: []string{"collections", t.collection()}}
		made := x.c.ask(ctx, making, map[string]any{"vectors": map[string]any{}}, nil)
		if err = t.renew(ctx, t.token, time.Now().Add(turnLasts)); errors.Is(err, errAbsent) {
			err = made
		}
	}
	if isLost(err) {
		return nil, docs.ErrBusy
	}
	if err != nil {
		return nil, err
	}
	renewing, stop := context.WithCancel(context.WithoutCancel(ctx))
	t.stop = stop
	t.held.Go(func() { t.keep(renewing) })
	return t, nil
}

func (t *turn) collection() string { return t.x.name + "-writer" }

// newEnough refuses a Qdrant that would not keep two writers apart.
func (x *Index) newEnough(ctx context.Context) error {
	version, err := x.c.version(ctx)
	if err != nil {
		return err
	}
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return errOld
	}
	major, err := strconv.Atoi(parts[0])
	minor, err2 := strconv.Atoi(parts[1])
	if err != nil || err2 != nil || major < 1 || major == 1 && minor < least {
		return errOld
	}
	return nil
}

func isLost(err error) bool {
	_, ok := errors.AsType[*docs.LostError](err)
	return ok
}

// renew writes who has the turn, unless somebody else has it; *docs.LostError.
func (t *turn) renew(ctx context.Context, token string, until time.Time) error {
	now := time.Now().Unix()
	id := idOf("writer")
	err := t.x.c.ask(ctx, put("taking the turn to write", http.MethodPut, "collections", t.collection(), "points"), map[string]any{
		"points":        []point{{ID: id, Vector: map[string]any{}, Payload: holder{token, until.Unix()}}},
		"update_filter": filter{Should: []condition{is("token", t.token), {Key: "until", Range: &span{LT: &now}}}},
	}, nil)
	if err != nil {
		return err
	}
	var found []struct {
		Payload holder `json:"payload"`
	}
	if err := t.x.c.ask(ctx, post("looking who has the turn to write", "collections", t.collection(), "points"), map[string]any{"ids": []string{id}, "with_payload": true}, &found); err != nil {
		return err
	}
	if len(found) != 1 || found[0].Payload.Token != token {
		return t.going.Lost()
	}
	return nil
}

// keep renews the right until it is given back. What went wrong the next change tells that
// finds the right lost.
func (t *turn) keep(ctx context.Context) {
	tick := time.NewTicker(turnLasts / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			t.going.Note(t.renew(ctx, t.token, time.Now().Add(turnLasts)))
		}
	}
}

// still renews the right: whoever has lost it writes nothing.
func (t *turn) still(ctx context.Context) error {
	if t.ended {
		return &docs.LostError{}
	}
	ctx, cancel := context.WithTimeout(ctx, turnWithin)
	defer cancel()
	return t.renew(ctx, t.token, time.Now().Add(turnLasts))
}

// end gives the right back: it ended long ago then.
func (t *turn) end() error {
	t.stop()
	t.held.Wait()
	t.ended = true
	ctx, cancel := context.WithTimeout(context.Background(), turnWithin)
	defer cancel()
	err := t.renew(ctx, "", time.Unix(0, 0))
	if isLost(err) {
		return nil // somebody else has it, or it was given back
	}
	if err != nil {
		return fmt.Errorf("giving the turn to write back: %w", err)
	}
	return nil
}
