package upstream

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

// bridge listens at a stateless upstream for one stateful session: what that
// session would hear on its GET stream, and what it has subscribed to.
type bridge struct {
	pool    *Pool
	srv     *server
	session *gate.Session
	key     channelKey
	cancel  context.CancelFunc
	tuned   *tuned

	mu      sync.Mutex
	uris    []string // sorted; at most maxWatched
	waiting []subscriber
}

// subscriber waits for the upstream's word on a resource.
type subscriber struct {
	uri   string
	heard chan bool // has room for the one word
}

type bridgeKey struct {
	session string
	srv     *server
}

// bridges are those of the open sessions, one for each stateless upstream.
type bridges struct {
	mu   sync.Mutex
	open map[bridgeKey]*bridge
}

// follow makes a stateful session hear what changes at a stateless upstream that
// it uses; for any other pair of eras there is nothing to do.
func (p *Pool) follow(ex *gate.Exchange, s *server, c *channel) *bridge {
	session := ex.Call.Session
	if session == nil || c.key.era != gate.Stateless {
		return nil
	}
	key := bridgeKey{session.ID, s}
	p.bridges.mu.Lock()
	defer p.bridges.mu.Unlock()
	b := p.bridges.open[key]
	if b != nil || len(p.bridges.open) >= maxChannels || p.closed.Load() {
		return b
	}
	if p.bridges.open == nil {
		p.bridges.open = map[bridgeKey]*bridge{}
	}
	ctx, cancel := context.WithCancel(context.Background())
	b = &bridge{pool: p, srv: s, session: session, key: c.key, cancel: cancel}
	b.tuned = newTuned(&follower{pool: p, srv: s, key: c.key, who: "session", put: b.put}, b.wanted, b.told)
	p.bridges.open[key] = b
	p.wg.Go(func() {
		defer cancel()
		ctx, stop := untilStopping(ctx, p.stopping)
		defer stop()
		b.tuned.run(ctx)
		p.bridges.drop(key, b)
	})
	return b
}

func (t *bridges) drop(key bridgeKey, b *bridge) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open[key] == b {
		delete(t.open, key)
	}
}

// sweep ends those that are not to be open: what is left of sessions that ended while a
// call of theirs began, and those to upstreams that are not for the session's tenant.
func (t *bridges) sweep(open func(*gate.Session, *server) bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, b := range t.open {
		if !open(b.session, b.srv) {
			b.cancel()
		}
	}
}

// end ends what a session hears.
func (t *bridges) end(session *gate.Session) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for key, b := range t.open {
		if key.session == session.ID {
			b.cancel()
		}
	}
}

// wanted is what the session is to hear.
func (b *bridge) wanted() wanted {
	b.mu.Lock()
	defer b.mu.Unlock()
	w := wanted{URIs: slices.Clone(b.uris)}
	c, err := b.srv.channel(b.key, nil)
	if err != nil {
		return w
	}
	if cn := c.conn.Load(); cn != nil {
		w.add(cn.hello.Load().changes())
	}
	return w
}

// put hands a notification to the session, of resources while it is subscribed.
func (b *bridge) put(_ context.Context, m *gate.Message) error {
	if m.Method == methodUpdated {
		b.mu.Lock()
		w := wanted{URIs: b.uris}
		wants := w.has(m)
		b.mu.Unlock()
		if !wants {
			return nil
		}
	}
	b.pool.tell(b.session, b.srv.set.Name, mcp.Untagged(m))
	return nil
}

// told answers those who wait for the upstream's word on what it was asked.
func (b *bridge) told(asked, honoured wanted) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting = slices.DeleteFunc(b.waiting, func(s subscriber) bool {
		if !slices.Contains(asked.URIs, s.uri) {
			return false
		}
		s.heard <- slices.Contains(honoured.URIs, s.uri)
		return true
	})
}

// subscription carries out what a stateful client says of subscriptions, which a
// stateless upstream has with its listen. done is false for every other request.
func (c *channel) subscription(ctx context.Context, k *calling) (done bool, err error) {
	method := k.ex.Call.Message.Method
	if method != methodSubscribe && method != methodUnsubscribe {
		return false, nil
	}
	b := c.srv.pool.follow(k.ex, c.srv, c)
	if b == nil {
		return true, fmt.Errorf("%w: too many sessions listen", errBusy)
	}
	if method == methodUnsubscribe {
		b.leave(k.ex.Call.Name)
	} else if err := b.join(ctx, k.ex.Call.Name); err != nil {
		return true, err
	}
	m := k.ex.Call.Message
	return true, k.emit(ctx, mcp.NewResult(m.Bytes(m.ID), []byte("{}")))
}

// join subscribes the session to a resource, once the upstream has agreed.
func (b *bridge) join(ctx context.Context, uri string) error {
	s := subscriber{uri, make(chan bool, 1)}
	b.mu.Lock()
	at, there := slices.BinarySearch(b.uris, uri)
	switch {
	case there:
		b.mu.Unlock()
		return nil
	case len(b.uris) >= maxWatched:
		b.mu.Unlock()
		return tooManyWatched()
	}
	b.uris = slices.Insert(b.uris, at, uri)
	b.waiting = append(b.waiting, s)
	b.mu.Unlock()
	b.tuned.wake()
	t := time.NewTimer(ackTimeout)
	defer t.Stop()
	select {
	case ok := <-s.heard:
		if ok {
			return nil
		}
	case <-t.C:
	case <-ctx.Done():
	}
	b.leave(uri)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return fmt.Errorf("%w: it does not take subscriptions to this resource", errRefused)
}

func (b *bridge) leave(uri string) {
	b.mu.Lock()
	at, there := slices.BinarySearch(b.uris, uri)
	if there {
		b.uris = slices.Delete(b.uris, at, at+1)
	}
	b.waiting = slices.DeleteFunc(b.waiting, func(s subscriber) bool { return s.uri == uri })
	b.mu.Unlock()
	if there {
		b.tuned.wake()
	}
}
