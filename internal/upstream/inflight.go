package upstream

import (
	"context"
	"sync"

	"doorward/internal/gate"
)

// callKey is a call as its client knows it: whose it is, and its id token.
type callKey struct{ owner, id string }

// inflight are the calls under way that a client can cancel by their id.
type inflight struct {
	mu   sync.Mutex
	open map[callKey]context.CancelCauseFunc
}

// callOwner is whose ids an exchange's id counts among: its session's, or the
// one client of a stdio transport. In the stateless era over HTTP ids belong to
// a connection, which is how such a call is cancelled; there is no owner.
func callOwner(ex *gate.Exchange) string {
	switch {
	case ex.Call.Session != nil:
		return ownerOfSession(ex.Call.Session)
	case ex.Inbound.Transport == "stdio":
		return "stdio\x00" + ex.Principal.Key()
	}
	return ""
}

// begin puts a request in the table; the func takes it out. An id that is under
// way already is refused: its answer would be taken for the other's.
func (f *inflight) begin(ctx context.Context, ex *gate.Exchange) (context.Context, func(), error) {
	owner, m := callOwner(ex), ex.Call.Message
	if owner == "" || m.Kind != gate.Request {
		return ctx, func() {}, nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	key := callKey{owner, string(m.Bytes(m.ID))}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.open == nil {
		f.open = map[callKey]context.CancelCauseFunc{}
	}
	if _, taken := f.open[key]; taken {
		cancel(nil)
		return nil, nil, &gate.Error{Code: gate.CodeBadMessage, Op: "registering the call", Public: "a request with this id is under way already"}
	}
	f.open[key] = cancel
	return ctx, func() {
		f.mu.Lock()
		delete(f.open, key)
		f.mu.Unlock()
		cancel(nil)
	}, nil
}

// cancel ends the call that a client's notification names; an unknown one is
// ignored, for it may have ended (2025-11-25, cancellation).
func (f *inflight) cancel(ex *gate.Exchange) {
	owner := callOwner(ex)
	at, ok := ex.Call.Message.Field("requestId")
	if owner == "" || !ok {
		return
	}
	f.mu.Lock()
	cancel := f.open[callKey{owner, string(ex.Call.Message.Bytes(at))}]
	f.mu.Unlock()
	if cancel != nil {
		cancel(errCancel)
	}
}
