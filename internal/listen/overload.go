package listen

import (
	"context"
	"net/http"
	"time"

	"doorward/internal/ceiling"
	"doorward/internal/gate"
	"doorward/internal/jsonrpc"
)

// overloadWait is after which a client that found no room may try again: what is under way has mostly
// ended by then.
const overloadWait = time.Second

// enter takes in a message that comes by POST. False: there are too many under way, and the client is
// told so at once. That is no exchange, and not on record one by one: a record each would be the more
// work the more there is. A small one is read first: what ends others passes. Who enters leaves with v.held.
func (v *visit) enter() bool {
	if n := v.r.ContentLength; n >= 0 && n <= ceiling.Small {
		v.held.Small()
	}
	if v.server.cfg.Ceiling.Enter(&v.held) {
		if !v.held.Spare() {
			return true
		}
		if raw, err := v.read(v.settings.maxBody()); err == nil && ending(raw) {
			v.early = raw
			return true
		}
		v.held.Refuse()
	}
	v.server.cfg.Meter.Turned(gate.CodeOverload)
	v.overloaded()
	return false
}

// overloaded answers a message that found no room, and was not read.
func (v *visit) overloaded() {
	h := v.out.w.Header()
	h["Retry-After"] = []string{"1"}
	row := rowOf(gate.CodeOverload)
	ex := &gate.Exchange{ID: v.id, Inbound: gate.Inbound{Transport: transportHTTP, Header: v.r.Header}}
	id, _ := requestID(ex)
	body := append(appendError(nil, id, row.JSONRPC, row.Text), `,"data":`...)
	body = appendData(body, ex, row.Code)
	body = append(body[:len(body)-1], `,"retryAfter":1}}}`...)
	_ = v.out.json(http.StatusServiceUnavailable, body) // a client that is gone has no use for the error
}

// ending tells whether a message is an answer or a notification: it ends what is under way.
func ending(raw []byte) bool {
	m, err := jsonrpc.Parse(raw, jsonrpc.ClientLimits())
	return err == nil && m.Kind != jsonrpc.Request
}

// unheld is what a client reads instead of an answer to one message of a batch for which there was no
// room beside the others.
func unheld(ex *gate.Exchange, s *Settings) []byte {
	return render(ex, gate.Outcome{Verdict: gate.Verdict{
		Effect: gate.Deny, Code: gate.CodeUpstreamOutcome,
		Public: "there is an answer, and this gateway has no room for it beside the others of the batch: the call may have been carried out, so look before you make it again",
	}}, s).body
}

// overload refuses what found no room.
func overload() error {
	return &gate.Error{Code: gate.CodeOverload, Wait: overloadWait, Op: "holding a message"}
}

// belongs notes whose message it is, or refuses it: the principal has its share under way.
func belongs(h *ceiling.Holding, p *gate.Principal) error {
	if p != nil && !h.Belongs(p.Realm, p.Tenant, p.Subject) {
		return overload()
	}
	return nil
}

// body is the message of a connection that is a session. It has been read, so that a refusal can say
// which request it is of. Answers and notifications are let pass: they end what is under way.
func (e *errand) body(data []byte, failure error) func(context.Context) ([]byte, error) {
	return func(context.Context) ([]byte, error) {
		if failure != nil {
			return nil, failure
		}
		if e.pipe.server.cfg.Ceiling.Enter(e.held) && belongs(e.held, e.ex.Principal) == nil && e.held.Grow(int64(len(data))) {
			return data, nil
		}
		m, err := jsonrpc.Parse(data, jsonrpc.ClientLimits())
		switch {
		case err != nil: // a batch, too
		case m.Kind != jsonrpc.Request:
			return data, nil
		default:
			id := m.Bytes(m.ID)
			e.ex.Call.Message = &gate.Message{Raw: id, ID: gate.Span{End: len(id)}}
		}
		e.pipe.server.cfg.Meter.Turned(gate.CodeOverload)
		return nil, overload()
	}
}
