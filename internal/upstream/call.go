package upstream

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"doorward/internal/ceiling"
	"doorward/internal/gate"
	"doorward/internal/mcp"
	"doorward/internal/queue"
)

// askWait is how long a client may take to answer what an upstream asks during
// a call: a person reads a form meanwhile. The upstream's own time stands still.
const askWait = 10 * time.Minute

// maxAsking bounds how long a call may last beyond its timeout for what the upstream asks:
// one that asks again and again would hold its place for ever. Progress adds nothing.
const maxAsking = time.Hour

// calling is a call of a client's under way, in the terms of its exchange.
type calling struct {
	ex      *gate.Exchange
	o       *outgoing // of this upstream request; a call that is translated may make several
	emit    gate.Emit
	cancel  context.CancelCauseFunc // ends the context of the exchange
	late    *time.Timer             // cancels it when the upstream takes too long
	timeout time.Duration
	end     time.Time    // the latest that it may last, whatever the upstream asks meanwhile
	until   time.Time    // when it is too late, unless the client is asked meanwhile; mu guards it
	place   queue.Place  // at the upstream; the zero value once it is given back
	waited  atomic.Bool  // for the client: how long it took says nothing of the upstream
	alone   *channel     // that ends with the call, and with it the place is given back; nil where calls share one
	lookup  *lookup      // of an answer that is kept; nil where none can be
	heard   bool         // the upstream has said something of the call: it acts on it, and it is not made again
	done    bool         // the answer has come: what fails from here on is no failure of the upstream's
	sent    time.Time    // when its last request was made
	queued  atomic.Int64 // nanoseconds that it waited for a place
	held    ceiling.Holding
	origin  origin // among the questions for its client's model; nestings guards it once the call has asked

	mu    sync.Mutex
	asked int32 // questions that wait for the client
}

// free gives the upstream's place back: what is left is between Doorward and the
// client, and one that does not read must not keep others from the upstream.
func (k *calling) free() {
	p, c := k.place, k.alone
	k.place, k.alone = queue.Place{}, nil
	switch {
	case !p.Held():
	case c != nil:
		held, kind := p, k.kind() // on the heap, for calls of their own processes alone
		c.srv.discard(c, func() { held.Leave(kind) })
	default:
		p.Leave(k.kind())
	}
}

// kind is what kind of call it was, for how long such a call takes: empty where this one does not tell,
// as it waited for its client, or failed or was given up before its time was over. What is asked about a
// tool's task is no call of the tool.
func (k *calling) kind() string {
	switch it := k.ex.Target.Item; {
	case k.waited.Load() || !k.done && time.Now().Before(k.due()):
		return ""
	case it != nil && it.Kind == gate.Tool && !k.ex.Call.Route.Task:
		return it.Name
	}
	return k.ex.Call.Route.Method
}

// came notes that the answer has come, at once: how long its client takes to read it says
// nothing of the upstream.
func (k *calling) came(s *server) {
	k.done = true
	s.breakerOf(k.ex.Principal.Key()).worked()
	if k.waited.Load() {
		s.queue.Ended()
	}
	k.free()
}

// taken tells whether the upstream certainly has the call.
func (k *calling) taken() bool { return k.heard || k.done || k.o != nil && k.o.taken }

// ask stops the upstream's clock while the client is asked.
func (k *calling) ask() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asked++
	k.waited.Store(true)
	k.late.Reset(min(askWait, time.Until(k.end)))
}

// due is when the call is too late.
func (k *calling) due() time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.until
}

// answered lets the upstream's clock run again after the last answer.
func (k *calling) answered() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.asked--; k.asked == 0 {
		left := min(k.timeout, time.Until(k.end))
		k.late.Reset(left)
		k.until = time.Now().Add(left)
	}
}

// call sends a request to an upstream of the client's own era and passes on what
// belongs to it.
func (c *channel) call(ctx context.Context, cn *conn, k *calling) error {
	defer func() {
		if k.o.asks {
			c.srv.pool.asks.dropCall(k)
		}
	}()
	var odd *gate.Message
	err := cn.link.exchange(ctx, k.o, func(m *gate.Message) error {
		k.heard = k.heard || !m.Final()
		switch m.Kind {
		case gate.Request:
			shown, err := c.passAsk(ctx, cn, k, m)
			if shown == nil || err != nil {
				return err
			}
			k.ask()
			if err := k.emit(ctx, shown); !errors.Is(err, gate.ErrDeclined) {
				return err
			}
			k.answered()
			c.srv.pool.asks.take(c.session.ID, string(shown.ShownID))
			return c.decline(ctx, cn.link, m)
		case gate.Notification:
			c.heed(m)
			if m.Method == methodCancelled || m.Method == methodLog && !k.o.logs {
				return nil
			}
			shown, err := c.showTasks(k.ex, m)
			if shown == nil || err != nil {
				return err
			}
			return k.emit(ctx, shown)
		default:
			if eraSign(m) && !k.heard {
				odd = m
				return nil
			}
			return c.answer(ctx, cn, k, m)
		}
	})
	if odd == nil && err == nil {
		return nil
	}
	return c.settled(ctx, cn, odd, err, func(m *gate.Message) error { return c.answer(ctx, cn, k, m) })
}

// answer passes the upstream's answer on to a client of its own era.
func (c *channel) answer(ctx context.Context, cn *conn, k *calling, m *gate.Message) error {
	k.came(c.srv)
	if err := k.hold(m); err != nil {
		return err
	}
	said := m
	m, err := c.srv.pool.sealState(k.ex, m)
	if err != nil {
		return err
	}
	if m, err = c.showTasks(k.ex, m); err != nil {
		return err
	}
	if c.key.era == gate.Stateless {
		if m, err = mcp.Private(m, maxTTL); err != nil {
			return errors.Join(errProtocol, err)
		}
	}
	c.keep(cn, k, said, m)
	if err := c.srv.pool.samplingIn(k, m); err != nil {
		return err
	}
	return c.srv.pool.unlessEmitted(k, k.emit(ctx, m))
}

// passAsk makes a request of the upstream's one that the client can answer. It
// is answered at once, and nil returned, when the client cannot be asked. k is
// the call during which it came; nil outside any.
func (c *channel) passAsk(ctx context.Context, cn *conn, k *calling, m *gate.Message) (*gate.Message, error) {
	if c.session == nil || m.Method == methodPing || !mcp.MayAsk(mcp.ForwardedCapabilities(c.session.Capabilities), m.Method, m.Bytes(m.Params)) {
		return nil, c.decline(ctx, cn.link, m)
	}
	one := &ask{upstream: c.srv.set.Name, channel: c, conn: cn, id: m.Bytes(m.ID), method: m.Method, call: k}
	about, err := c.askAbout(ctx, cn, one, m)
	if about == nil || err != nil {
		return nil, err
	}
	shown, ok := c.noteAsk(one)
	if !ok {
		c.srv.pool.count(c.srv.set.Name, "dropped")
		return nil, c.decline(ctx, cn.link, m)
	}
	out := *about
	out.ShownID = shown
	return &out, nil
}
