package upstream

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"doorward/internal/gate"
	"doorward/internal/queue"
)

// place takes one of the upstream's places for a call, and waits for it in turn with those of
// others. The call gives it back with free. Who gets none was sent nowhere.
func (s *server) place(ctx context.Context, k *calling) error {
	k.waited.Store(false) // it may have been asked before
	if p, ok := s.queue.Try(); ok {
		k.place = p
		return nil
	}
	begun := time.Now()
	p, err := s.queue.Wait(ctx, k.ex.Principal.Key(), k.due())
	waited := time.Since(begun)
	k.queued.Add(int64(waited))
	k.ex.Tally.Waited += waited
	if err == nil {
		k.place = p
		if m := s.pool.cfg.Queues; m != nil && p.Waited() {
			m.Waited(s.set.Name, waited)
		}
		return nil
	}
	refusal, refused := errors.AsType[*queue.Refusal](err)
	switch {
	case errors.Is(err, queue.ErrClosed):
		if s.pool.closed.Load() {
			return errClosing
		}
		return errReplaced
	case errors.Is(err, errTimeout): // it waited for as long as it may last
		refusal = s.queue.TooLate()
	case !refused:
		return err
	}
	if m := s.pool.cfg.Queues; m != nil {
		m.Shed(s.set.Name, string(refusal.Reason))
	}
	return s.crowded(refusal)
}

// crowded is what a client reads whose call got no place. The upstream has not failed.
func (s *server) crowded(r *queue.Refusal) *gate.Error {
	return &gate.Error{
		Code: gate.CodeUpstreamQueue, Wait: r.Wait, Op: "waiting for a place at upstream " + s.set.Name, Err: r,
		Public: fmt.Sprintf("too many calls wait for upstream %s, so nothing was sent to it: try again in %d s", s.set.Name, gate.WholeSeconds(r.Wait)),
	}
}

// same tells whether settings are those that the server has, but for what its queue takes on
// while calls go on.
func (s *server) same(set Settings) bool {
	set.Concurrency, set.Queue = s.set.Concurrency, s.set.Queue
	return reflect.DeepEqual(s.set, set)
}
