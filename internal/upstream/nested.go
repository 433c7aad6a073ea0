package upstream

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"time"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

// errManySampled is a question for which there is no room.
var errManySampled = fmt.Errorf("%w: too many questions wait for clients' models", errBusy)

// samplerOf is who answers the questions of an exchange: its session, or its principal without one.
func samplerOf(ex *gate.Exchange) owner {
	if ex.Call.Session != nil {
		return ownerOfSession(ex.Call.Session)
	}
	return owner{ofPrincipal, ex.Principal.Key()}
}

// workOf is what the client is at, as far as it says.
func workOf(ex *gate.Exchange) (w work) {
	switch {
	case ex.Call.Session != nil:
	case ex.Trace.Remote != nil:
		w.trace = ex.Trace.Remote.ID
	default:
		w.credential, w.from = ex.Principal.Credential, ex.Inbound.Remote
		at, _ := ex.Call.Message.MetaField(mcp.MetaClientInfo)
		w.client = sha256.Sum256(ex.Call.Message.Bytes(at))
	}
	return w
}

// nested places a call among the questions for the client's model that are open, and refuses one that is
// too deep in them. With none open it costs two loads. What goes on with a call is not a new one.
func (p *Pool) nested(k *calling) error {
	ex := k.ex
	k.origin.began = p.nestings.asked.Load()
	if p.nestings.some.Load() == 0 || ex.Principal == nil || ex.Call.Name == "" || ex.Call.Route.Task {
		return nil
	}
	if p.goesOn(k) {
		return nil
	}
	deep, wait := p.nestings.tooDeep(samplerOf(ex), workOf(ex), ex.Target.Upstream)
	if !deep {
		return nil
	}
	p.count(ex.Target.Upstream, "nested")
	return &gate.Error{
		Code: gate.CodeSampling, Op: "calling", Wait: wait,
		Err: fmt.Errorf("the call is nested in %d or more questions for the client's model that are open, of this upstream too", maxNested),
		Public: fmt.Sprintf("%d calls that led to one another wait for an answer of your model (sampling/createMessage), and this would be one more: answer them without calling %s",
			maxNested, ex.Target.Upstream),
	}
}

// goesOn tells whether a stateless client's call is the next try of one that asked, with what its model
// said: then it stands where that did.
func (p *Pool) goesOn(k *calling) bool {
	m := k.ex.Call.Message
	if k.ex.Call.Session != nil {
		return false
	}
	state, resumed := m.Field("requestState")
	_, answers := m.Field("inputResponses")
	if !resumed && !answers {
		return false
	}
	id, bound := stateNameOf(m.Bytes(state)), sha256.Sum256(binding(k.ex))
	of, known := p.nestings.answered(samplerOf(k.ex), func(q *sampled) bool { return q.id == id && q.bound == bound })
	if known {
		k.origin = of
	}
	return known || resumed
}

// stateName is the beginning of a requestState, which no other has: the nonce that it was sealed with.
func stateName(state string) string {
	const size = 16 // 12 bytes in base64
	if len(state) < size {
		return ""
	}
	return state[:size]
}

// stateNameOf is stateName of a JSON token; empty for none.
func stateNameOf(tok []byte) string {
	state, _ := text(tok)
	return stateName(state)
}

// sampling notes that a stateless client's model is asked, where it is: its call ends with the question, and
// goes on with another request. requests are what the client is asked, id the name of the
// requestState that it gets.
func (p *Pool) sampling(k *calling, requests []mcp.InputRequest, id string) error {
	for _, r := range requests {
		if r.Method != methodSampling {
			continue
		}
		one := sampled{id: id, bound: sha256.Sum256(binding(k.ex)), upstream: k.ex.Target.Upstream, work: workOf(k.ex), expiry: time.Now().Add(sampledWait)}
		if !p.nestings.ask(samplerOf(k.ex), &k.origin, one) {
			return errManySampled
		}
		return nil // all of them are answered at once
	}
	return nil
}

// samplingIn is sampling for an upstream's own result, as the client gets it.
func (p *Pool) samplingIn(k *calling, m *gate.Message) error {
	if _, asks := m.Field("inputRequests"); !asks || k.ex.Call.Session != nil {
		return nil
	}
	list, state, _, err := mcp.InputRequests(m)
	if err != nil {
		return nil //nolint:nilerr // who reads it next refuses it
	}
	return p.sampling(k, list, stateNameOf(state))
}

// unlessEmitted takes back what was noted of a call's questions where the client did not get them.
func (p *Pool) unlessEmitted(k *calling, err error) error {
	if err != nil && k.ex.Principal != nil {
		p.nestings.forget(samplerOf(k.ex), &k.origin)
	}
	return err
}

// noteAsk adds what an upstream asks to what its client is asked: see asks.add. A question for the client's model is of
// the call during which it comes. Where a server asks on a stream that names no call (the TypeScript SDK 1
// does, on its GET stream), it is one of the session's that are under way at this upstream, and cannot end meanwhile:
// with its end, what it has asked is no more open.
func (c *channel) noteAsk(one *ask) ([]byte, bool) {
	p := c.srv.pool
	switch {
	case one.method != methodSampling:
	case one.call != nil:
		one.origin = &one.call.origin
	default:
		p.calls.mu.Lock()
		defer p.calls.mu.Unlock()
		one.origin = p.calls.asker(ownerOfSession(c.session), c.srv.set.Name, &p.nestings)
	}
	return p.asks.add(c.session.ID, one)
}

// asker is the origin of the call under way of that owner's at that upstream which a question for its client's
// model is taken to be of: the oldest that has none open, for a chain of calls has one such; else the newest,
// which asks once more. nil where none is under way. It looks at every call under way, for one question of a model.
// It needs mu.
func (f *inflight) asker(whose owner, upstream string, n *nestings) *origin {
	n.mu.Lock()
	defer n.mu.Unlock()
	var oldest, newest *origin
	for key, u := range f.open {
		if u.call == nil || key.owner != whose || u.call.ex.Target.Upstream != upstream {
			continue
		}
		switch o := &u.call.origin; {
		case n.of[whose].asks(*o):
			if newest == nil || o.first > newest.first {
				newest = o
			}
		case oldest == nil || o.began < oldest.began:
			oldest = o
		}
	}
	return cmp.Or(oldest, newest)
}
