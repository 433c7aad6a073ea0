package upstream

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"
	"time"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

// Bounds of a call of a stateful client to a stateless upstream: how often the
// upstream may answer with questions (the Go SDK's client stops at 10 too), and
// how often with none, which asks to come again later.
const (
	maxRounds = 10
	maxShed   = 3
	shedPause = 500 * time.Millisecond
)

// rounds carries a stateful client's call to a stateless upstream. What the
// upstream needs to know comes back as a result that asks for input (SEP-2322);
// the client is asked with requests of its own era, and the call made again with
// its answers, until there is a result that ends it.
func (c *channel) rounds(ctx context.Context, cn *conn, k *calling) error {
	if done, err := c.subscription(ctx, k); done {
		return err
	}
	defer c.srv.pool.asks.dropCall(k)
	var inputs, state []byte
	shed := 0
	for round := 0; ; round++ {
		final, err := c.turn(ctx, cn, k, inputs, state)
		if err != nil && !k.heard {
			err = c.settled(ctx, cn, nil, err, nil)
		}
		if err != nil {
			return err
		}
		if eraSign(final) && !k.heard && c.flipped(ctx, cn) {
			return errFlipped
		}
		list, token, required, err := mcp.InputRequests(final)
		if required { // its answer is of what this client says
			k.leave(c.srv.pool.answers, fateNotKept)
		}
		switch {
		case err != nil:
			return errors.Join(errProtocol, err)
		case !required:
			m, err := mcp.ForStateful(k.ex, final)
			if err != nil {
				return errors.Join(errProtocol, err)
			}
			k.came(c.srv)
			if err := k.hold(m); err != nil {
				return err
			}
			if round == 0 {
				c.keep(cn, k, final, m)
			}
			return k.emit(ctx, m)
		case round >= maxRounds:
			return fmt.Errorf("%w: it asked for input %d times in one call", errProtocol, round)
		case len(list) > 0:
			if inputs, err = c.questions(ctx, cn, k, list); err != nil {
				return err
			}
		default:
			if shed++; shed > maxShed {
				return fmt.Errorf("%w: it put the call off %d times", errBusy, maxShed)
			}
			if err := pause(ctx, shedPause); err != nil {
				return err
			}
		}
		state, k.heard = token, true
	}
}

// turn makes the call once and returns the answer; what comes before the answer
// goes to the client.
func (c *channel) turn(ctx context.Context, cn *conn, k *calling, inputs, state []byte) (final *gate.Message, err error) {
	k.carry(c, c.toStateless(k.ex, cn, inputs, state))
	err = cn.link.exchange(ctx, k.o, func(m *gate.Message) error {
		k.heard = k.heard || !m.Final()
		switch {
		case m.Final():
			final = m
		case m.Kind == gate.Request: // this era has none
			c.srv.pool.count(c.srv.set.Name, "stray_request")
			return c.decline(ctx, cn.link, m)
		case m.Method == methodLog && !k.o.logs, m.Method == methodCancelled:
		default:
			c.heed(m)
			return k.emit(ctx, mcp.Untagged(m))
		}
		return nil
	})
	return final, err
}

// questions asks the client everything at once and returns the answers as the
// inputResponses of the next round.
func (c *channel) questions(ctx context.Context, cn *conn, k *calling, list []mcp.InputRequest) ([]byte, error) {
	session := k.ex.Call.Session
	can := mcp.ForwardedCapabilities(session.Capabilities)
	replies := make([]chan *gate.Message, len(list))
	for i, r := range list {
		if !mcp.MayAsk(can, r.Method, r.Params) {
			return nil, fmt.Errorf("%w: it asks for %s, which the client did not declare or may not be asked", errProtocol, printable([]byte(r.Method), maxShown))
		}
		replies[i] = make(chan *gate.Message, 1)
		shown, ok := c.srv.pool.asks.add(session.ID, &ask{upstream: c.srv.set.Name, channel: c, conn: cn, method: r.Method, call: k, origin: &k.origin, reply: replies[i]})
		if !ok {
			return nil, fmt.Errorf("%w: too many questions wait for the client", errBusy)
		}
		m := mcp.AskFor(session.Version, r, randomName())
		if m == nil {
			return nil, fmt.Errorf("%w: it asks what the client's revision does not have: %s", errProtocol, r.Method)
		}
		m.ShownID = shown
		k.ask()
		if err := k.emit(ctx, m); err != nil {
			if errors.Is(err, gate.ErrDeclined) {
				return nil, fmt.Errorf("%w: it asks what the client may not be asked", errProtocol)
			}
			return nil, err
		}
	}
	var inputs []byte
	for i, r := range list {
		select {
		case m := <-replies[i]:
			result, err := inputOf(r, m)
			if err != nil {
				return nil, err
			}
			inputs = mcp.AppendInputResponse(inputs, r.Key, c.srv.pool.cfg.Propagation.without(result))
		case <-cn.link.done():
			return nil, errDown
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	return append(inputs, '}'), nil
}

// inputOf is a client's answer as an input response. An elicitation that the
// client failed at is one that was dismissed; for the other questions there is no
// such word, and the call ends.
func inputOf(r mcp.InputRequest, m *gate.Message) ([]byte, error) {
	switch {
	case m.Kind == gate.Result:
		return m.Bytes(m.Result), nil
	case r.Method == methodElicit:
		return []byte(`{"action":"cancel"}`), nil
	}
	return nil, &gate.Error{
		Code: gate.CodeCancelled, Op: "asking the client", Err: fmt.Errorf("the client answered %s with error %s", r.Method, errorCode(m)),
		Public: "the call needs an answer to " + r.Method + ", and the client gave an error",
	}
}

// randomName is an unguessable name of Doorward's own.
func randomName() string {
	var random [16]byte
	_, _ = rand.Read(random[:]) // does not fail (crypto/rand)
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(random[:]))
}
