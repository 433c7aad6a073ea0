package upstream

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"doorward/internal/gate"
	"doorward/internal/jsonrpc"
	"doorward/internal/mcp"
)

// SealHold is a requestState that stands for an approval that the call waits for.
// The approve stage gives it to a stateless client.
func (p *Pool) SealHold(ex *gate.Exchange, id string) (string, error) {
	return p.seal(ex, stateHeld, []byte(id))
}

// OpenHold is the approval that the client's requestState stands for; false when
// it stands for none.
func (p *Pool) OpenHold(ex *gate.Exchange) (id string, ok bool) {
	state := p.unseal(ex)
	return string(state.payload), state.kind == stateHeld
}

// Resumes tells whether the client brings back what the upstream asked for during
// a call of exactly this kind, with what that answer can be told apart from any
// other, however the client spells it, and when the question was sealed. Only a
// call that was let pass is given such a state.
func (p *Pool) Resumes(ex *gate.Exchange) (once string, made time.Time, ok bool) {
	state := p.unseal(ex)
	if state.kind != stateTheirs && state.kind != stateParked {
		return "", time.Time{}, false
	}
	sum := sha256.Sum256(state.sealed)
	return hex.EncodeToString(sum[:]), state.made, true
}

// confirm asks a stateful client whose call a rule lets pass only with its own
// confirmation, and waits for the answer.
func (p *Pool) confirm(ctx context.Context, k *calling) error {
	if k.ex.Confirm == nil {
		return nil
	}
	session := k.ex.Call.Session
	refused := &gate.Error{Code: gate.CodeApprovalDenied, Op: "asking the caller to confirm", Public: "the call was not confirmed"}
	if session == nil {
		return refused
	}
	m := mcp.AskFor(session.Version, mcp.InputRequest{Method: mcp.MethodElicit, Params: k.ex.Confirm}, "")
	if m == nil {
		return refused
	}
	reply := make(chan *gate.Message, 1)
	shown, ok := p.asks.add(session.ID, &ask{upstream: k.ex.Target.Upstream, method: m.Method, call: k, reply: reply})
	if !ok {
		return fmt.Errorf("%w: too many questions wait for the client", errBusy)
	}
	defer p.asks.dropCall(k)
	m.ShownID = shown
	k.ask()
	if err := k.emit(ctx, m); err != nil {
		return err
	}
	select {
	case m := <-reply:
		var answer struct {
			Action string `json:"action"`
		}
		if m.Kind == gate.Result && json.Unmarshal(m.Bytes(m.Result), &answer) == nil && answer.Action == "accept" {
			return nil
		}
		return refused
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// pruned takes out of a request what nobody has agreed to: of one that is bare the
// members of _meta that are not the protocol's own, and with resumed what belongs to
// a held call's next try, for which the upstream has not asked. drop are other members of
// _meta that go.
func pruned(ex *gate.Exchange, edits []jsonrpc.Edit, resumed bool, drop []string) []jsonrpc.Edit {
	m := ex.Call.Message
	inner := make([]jsonrpc.Edit, 0, len(edits))
	outer := make([]jsonrpc.Edit, 0, len(edits)+1)
	at := jsonrpc.Span(m.Params)
	for _, e := range edits { // the params are spliced whole
		if e.At.Start >= at.Start && e.At.End <= at.End {
			e.At.Start -= at.Start
			e.At.End -= at.Start
			inner = append(inner, e)
		} else {
			outer = append(outer, e)
		}
	}
	params := jsonrpc.Splice(m.Bytes(m.Params), inner...)
	if resumed {
		params = jsonrpc.Without(params, "requestState", "inputResponses")
	}
	foreign := drop
	for _, f := range m.Meta {
		if ex.Bare && mcp.Foreign(f.Name) {
			foreign = append(foreign, f.Name)
		}
	}
	if meta, ok := memberOf(params, "_meta"); ok && len(foreign) > 0 {
		params = jsonrpc.With(params, "_meta", jsonrpc.Without(meta, foreign...))
	}
	return append(outer, jsonrpc.Edit{At: at, New: params})
}
