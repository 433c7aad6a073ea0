package app

import (
	"context"
	"errors"
	"sync"

	"doorward/internal/gate"
)

// underway are the calls and streams that are being carried out, for whoever has to
// end one before it does. The zero value is ready.
type underway struct {
	mu    sync.Mutex
	calls map[*gate.Exchange]running
}

type running struct {
	concern concern
	cancel  context.CancelCauseFunc
}

// join takes a call in; leave lets it go, and must be called.
func (u *underway) join(ctx context.Context, ex *gate.Exchange, c concern) (_ context.Context, leave func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	u.mu.Lock()
	if u.calls == nil {
		u.calls = make(map[*gate.Exchange]running)
	}
	u.calls[ex] = running{concern: c, cancel: cancel}
	u.mu.Unlock()
	return ctx, func() {
		u.mu.Lock()
		delete(u.calls, ex)
		u.mu.Unlock()
		cancel(nil)
	}
}

// end cancels the calls for which why has a code.
func (u *underway) end(why func(*concern) gate.Code) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, r := range u.calls {
		if code := why(&r.concern); code != gate.CodeUnset {
			r.cancel(stopped(code))
		}
	}
}

// stopped is the end of a call that was suspended while it ran.
func stopped(code gate.Code) error {
	return &gate.Error{Code: code, Op: "carrying it out", Err: errStopped}
}

var errStopped = errors.New("suspended while it ran")

// stoppable carries out calls that end when what they are about is suspended.
type stoppable struct {
	forwards
	app *App
}

// Forward implements gate.Forwarder.
func (f stoppable) Forward(ctx context.Context, ex *gate.Exchange, emit gate.Emit) error {
	c := concernOf(ex)
	ctx, leave := f.app.underway.join(ctx, ex, c)
	defer leave()
	// What was suspended since the stages have looked, and before it was under way: it
	// may have waited for people meanwhile.
	code, err := (suspended{&f.app.shared}).call(&c)
	if err != nil {
		return err
	}
	if code != gate.CodeUnset {
		return stopped(code)
	}
	err = f.forwards.Forward(ctx, ex, emit)
	if cause := context.Cause(ctx); ctx.Err() != nil && errors.Is(cause, errStopped) {
		return cause
	}
	return err
}
