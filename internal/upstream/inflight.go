package upstream

import (
	"context"
	"sync"

	"doorward/internal/gate"
)

// callKey is a call as its client knows it: whose it is, and its id token.
type callKey struct {
	owner owner
	id    string
}

// underway is one of them.
type underway struct {
	cancel context.CancelCauseFunc
	call   *calling // nil for what no single upstream carries out
}

// inflight are the calls under way that a client can cancel by their id.
type inflight struct {
	mu    sync.Mutex
	open  map[callKey]underway
	stray int64 // cancellations of no call here, in sessions that other gateways serve too
}

// callOwner is whose ids an exchange's id counts among: its session's, or the
// one client of a stdio transport. In the stateless era over HTTP ids belong to
// a connection, which is how such a call is cancelled; there is no owner.
func callOwner(ex *gate.Exchange) owner {
	switch {
	case ex.Call.Session != nil:
		return ownerOfSession(ex.Call.Session)
	case ex.Inbound.Transport == "stdio":
		return owner{ofStdio, ex.Principal.Key()}
	}
	return owner{}
}

// enter puts a request in the table; leave takes it out by the key. An id that
// is under way already is refused: its answer would be taken for the other's.
func (f *inflight) enter(ex *gate.Exchange, call underway) (callKey, error) {
	whose, m := callOwner(ex), ex.Call.Message
	if whose == (owner{}) || m.Kind != gate.Request {
		return callKey{}, nil
	}
	key := callKey{whose, string(m.Bytes(m.ID))}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.open == nil {
		f.open = map[callKey]underway{}
	}
	if _, taken := f.open[key]; taken {
		return callKey{}, &gate.Error{Code: gate.CodeBadMessage, Op: "registering the call", Public: "a request with this id is under way already"}
	}
	f.open[key] = call
	return key, nil
}

// leave does nothing for the zero key, which no call has.
func (f *inflight) leave(key callKey) {
	if key == (callKey{}) {
		return
	}
	f.mu.Lock()
	delete(f.open, key)
	f.mu.Unlock()
}

// cancel ends the call that a client's notification names; an unknown one is
// ignored, for it may have ended (2025-11-25, cancellation). False: there is none, and
// it may be under way at another gateway, which is not told.
func (f *inflight) cancel(ex *gate.Exchange) bool {
	whose := callOwner(ex)
	at, ok := ex.Call.Message.Field("requestId")
	if whose == (owner{}) || !ok {
		return true
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if call, there := f.open[callKey{whose, string(ex.Call.Message.Bytes(at))}]; there {
		call.cancel(errCancel)
		return true
	}
	if ex.Call.Session == nil || !ex.Call.Session.Shared {
		return true
	}
	f.stray++
	return false
}

// StrayCancels counts the cancellations of calls that were not under way here, in
// sessions that other gateways serve too: they were over, or are another's.
func (p *Pool) StrayCancels() int64 {
	p.calls.mu.Lock()
	defer p.calls.mu.Unlock()
	return p.calls.stray
}
