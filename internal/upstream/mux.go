package upstream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"doorward/internal/gate"
	"doorward/internal/leak"
)

// callQueue is how many messages of one call may wait for the client.
const callQueue = 256

// sender sends one message; every link is one.
type sender interface {
	send(ctx context.Context, raw []byte) error
}

// mux tells apart what comes on a link that all calls of a channel share: the
// output of a process, an SSE stream of 2024-11-05, a WebSocket. One goroutine,
// the link's reader, gives it what comes and ends it.
type mux struct {
	name  string
	log   *slog.Logger
	loose func(*gate.Message) // what belongs to no call; must not block
	count func(what string)
	owned bool // one principal's own: stray messages may go to a call of it
	guard *guard
	mute  bool // nothing of a message that cannot be read is quoted, for it may be a client's own key

	noise *allowance    // of what the log says about what is no message; the reader's
	token chan struct{} // holds one: who has it writes
	over  chan struct{} // closed when nothing more will come
	once  sync.Once
	cause error // why it is over; read after over

	mu    sync.Mutex
	calls map[int64]*waiting
}

// waiting is a call whose answer has not come.
type waiting struct {
	o     *outgoing
	own   *ownKey            // the client's own key; nil for none
	queue chan *gate.Message // notifications and asks
	final chan *gate.Message // room for the one; nil for an answer that is not taken
	why   error              // that is so; written before
}

func (s *server) newMux(loose func(*gate.Message), owned bool) *mux {
	x := &mux{
		name: s.set.Name, log: s.log, loose: loose, owned: owned, guard: s.guard, mute: len(s.ownKeys) > 0,
		count: func(what string) { s.pool.count(s.set.Name, what) },
		noise: newAllowance(20, time.Minute), token: make(chan struct{}, 1), over: make(chan struct{}),
		calls: map[int64]*waiting{},
	}
	x.token <- struct{}{}
	return x
}

func (x *mux) done() <-chan struct{} { return x.over }

// stop says why nothing more will come. The first cause counts.
func (x *mux) stop(cause error) {
	x.once.Do(func() {
		x.cause = cause
		close(x.over)
	})
}

// turn waits for the right to write, which pass gives back: a message that is
// begun has to be finished before the next.
func (x *mux) turn(ctx context.Context) error {
	select {
	case <-x.token:
		return nil
	case <-x.over:
		return fmt.Errorf("%w: %w", errUnsent, x.cause)
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", errUnsent, context.Cause(ctx))
	}
}

func (x *mux) pass() { x.token <- struct{}{} }

// exchange sends a request and waits for its answer.
func (x *mux) exchange(ctx context.Context, to sender, o *outgoing, take func(*gate.Message) error) error {
	w := x.enter(o)
	defer x.leave(ctx, to, w)
	if err := to.send(ctx, o.whole()); err != nil {
		return err
	}
	return x.await(ctx, to, w, nil, take)
}

// whole is the request in one piece.
func (o *outgoing) whole() []byte {
	if o.pieces == nil {
		return o.raw
	}
	return bytes.Join(o.pieces, nil)
}

// enter makes a call one that messages may belong to, until leave.
func (x *mux) enter(o *outgoing) *waiting {
	w := &waiting{o: o, own: newOwnKey(o.own, ownKeyName), queue: make(chan *gate.Message, callQueue), final: make(chan *gate.Message, 1)}
	x.mu.Lock()
	x.calls[o.id] = w
	x.mu.Unlock()
	return w
}

// leave ends that, and answers what the upstream has asked and nobody took.
func (x *mux) leave(ctx context.Context, to sender, w *waiting) {
	x.mu.Lock()
	delete(x.calls, w.o.id)
	x.mu.Unlock()
	var open [][]byte
	for len(w.queue) > 0 { // nothing comes any more; see dispatch
		if m := <-w.queue; m.Kind == gate.Request {
			open = append(open, moot(m.Bytes(m.ID)))
		}
	}
	if len(open) == 0 {
		return
	}
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), tellTimeout)
	defer stop()
	for _, answer := range open {
		if to.send(ctx, answer) != nil {
			return // the link is over, or stuck
		}
	}
}

// await hands what belongs to a call to take until its answer has come. What
// comes from unsent is why the request did not go out; nil where that is known
// before.
func (x *mux) await(ctx context.Context, to sender, w *waiting, unsent <-chan error, take func(*gate.Message) error) error {
	for {
		select {
		case m := <-w.queue:
			w.o.taken = true
			if err := take(m); err != nil {
				x.cancel(ctx, to, w.o)
				return err
			}
		case m := <-w.final:
			return w.finish(m, take)
		case err := <-unsent:
			if ctx.Err() != nil { // that is why, and the request may have arrived
				return x.abandon(ctx, to, w)
			}
			return w.orFinal(err, take)
		case <-x.over:
			return w.orFinal(x.cause, take)
		case <-ctx.Done():
			return x.abandon(ctx, to, w)
		}
	}
}

// abandon ends a call whose context has ended.
func (x *mux) abandon(ctx context.Context, to sender, w *waiting) error {
	x.cancel(ctx, to, w.o)
	if w.o.method == methodListen {
		x.farewell(w)
	}
	return context.Cause(ctx)
}

// listenEnd is how long the end of a listen may take.
const listenEnd = time.Second

// farewell waits for the answer to a listen that was cancelled. The next one on
// the same link must not begin before: the Go SDK 1.8.0 takes everything that a
// connection listens to away when one of its listens ends.
func (x *mux) farewell(w *waiting) {
	t := time.NewTimer(listenEnd)
	defer t.Stop()
	for {
		select {
		case <-w.queue:
		case <-w.final:
			return
		case <-x.over:
			return
		case <-t.C:
			return
		}
	}
}

// orFinal takes the answer if it came before the end, and returns err if not.
func (w *waiting) orFinal(err error, take func(*gate.Message) error) error {
	select {
	case m := <-w.final:
		return w.finish(m, take)
	default:
		return err
	}
}

// finish takes what the reader queued before the final message, then that.
func (w *waiting) finish(final *gate.Message, take func(*gate.Message) error) error {
	for {
		select {
		case m := <-w.queue:
			if err := take(m); err != nil {
				return err
			}
		default:
			if final == nil {
				return w.why
			}
			return take(final)
		}
	}
}

// cancel tells the upstream that a call is cancelled.
func (x *mux) cancel(ctx context.Context, to sender, o *outgoing) {
	if o.method == methodInitialize { // must not be cancelled
		return
	}
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), tellTimeout)
	defer stop()
	_ = to.send(ctx, cancelled(o.id))
}

// receive gives a message to the call that it belongs to, if it is one, without the
// secrets that also looks for, and tells whether a call has it. raw becomes the message's own.
func (x *mux) receive(raw []byte, also ...*leak.Watch) (had bool) {
	m, err := x.guard.parse(raw, x.method, x.watches(also)...)
	if refused, ok := errors.AsType[*leakError](err); ok {
		x.fail(refused.id, refused.err)
		return false
	}
	if err != nil {
		x.count("malformed")
		if x.noise.take() {
			x.log.Warn("upstream wrote a malformed message", "upstream", x.name, "error", unquoted(x.mute, err))
		}
		x.fail(faultID(err), fmt.Errorf("%w: its answer is malformed", errProtocol))
		return false
	}
	return x.dispatch(m)
}

func (x *mux) dispatch(m *gate.Message) (had bool) {
	x.mu.Lock()
	w := x.owner(m)
	if w != nil && !m.Final() {
		defer x.mu.Unlock() // so that nothing comes to a call that has left
	} else {
		x.mu.Unlock()
	}
	switch {
	case m.Final() && w == nil:
		x.count("stray_answer")
	case m.Final():
		select {
		case w.final <- m:
			return true
		default:
			x.count("stray_answer") // a second answer
		}
	case w == nil && m.Method == methodProgress:
		x.count("stray_progress")
	case w == nil:
		x.loose(m)
	default:
		select {
		case w.queue <- m:
			return true
		default:
			x.count("dropped") // a flood; the client does not keep up
		}
	}
	return false
}

// owner finds the call that a message belongs to: by id, progress token or
// subscription. What names none belongs to the oldest call that may have it,
// on a link that serves one principal alone.
func (x *mux) owner(m *gate.Message) *waiting {
	if m.Final() {
		id, ok := idOf(m.Bytes(m.ID))
		if !ok {
			return nil
		}
		w := x.calls[id]
		delete(x.calls, id)
		return w
	}
	if m.Method == methodProgress {
		if id, ok := progressOf(m); ok && x.calls[id] != nil && x.calls[id].o.token {
			return x.calls[id]
		}
		return nil
	}
	if id, ok := subscriptionOf(m); ok {
		if w := x.calls[id]; w != nil && w.o.method == methodListen {
			return w
		}
		return nil
	}
	if !x.owned {
		return nil
	}
	var oldest *waiting
	for _, w := range x.calls {
		fits := m.Kind == gate.Request && w.o.asks || m.Method == methodLog && w.o.logs
		if fits && (oldest == nil || w.o.id < oldest.o.id) {
			oldest = w
		}
	}
	return oldest
}

// fail answers the call whose answer is not taken, so that it does not wait for its
// timeout.
func (x *mux) fail(token []byte, why error) {
	id, ok := idOf(token)
	if !ok {
		return
	}
	x.mu.Lock()
	w := x.calls[id]
	delete(x.calls, id)
	x.mu.Unlock()
	if w != nil { // and no more in the table, so no other answer comes
		w.why = why
		w.final <- nil
	}
}
