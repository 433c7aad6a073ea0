package upstream

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"doorward/internal/gate"
)

// trunk is the one listen of a channel whose link all calls share: a process or a
// WebSocket. There a second listen may end the first (the Go SDK 1.8.0 keeps one
// for a connection), so there is one for everybody.
type trunk struct {
	tuned  *tuned
	cancel context.CancelFunc
	over   chan struct{}

	mu  sync.Mutex
	all map[*branch]struct{}
}

// branch is one listener's part of a trunk.
type branch struct {
	want  wanted
	queue chan *gate.Message
	heard chan wanted // the upstream's word, once
	told  bool
}

// multiplexed tells whether the channel's link is one stream for all calls.
func (c *channel) multiplexed() bool {
	return c.srv.wire == nil || c.srv.set.Transport == transportWebSocket
}

// branchOff adds a listener to the channel's trunk, and begins one for the first.
func (c *channel) branchOff(b *branch) *trunk {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.trunk
	if t == nil {
		t = &trunk{over: make(chan struct{}), all: map[*branch]struct{}{b: {}}}
		t.tuned = newTuned(&follower{pool: c.srv.pool, srv: c.srv, key: c.key, who: "trunk", put: t.put, alone: true}, func() wanted { return t.wanted(c) }, t.told)
		ctx, cancel := context.WithCancel(context.Background())
		t.cancel, c.trunk = cancel, t
		c.srv.pool.wg.Go(func() {
			defer close(t.over)
			ctx, stop := untilStopping(ctx, c.srv.pool.stopping)
			defer stop()
			t.tuned.run(ctx)
		})
	}
	t.mu.Lock()
	t.all[b] = struct{}{}
	t.mu.Unlock()
	t.tuned.wake()
	return t
}

// part takes a listener out; the last one ends the trunk.
func (c *channel) part(t *trunk, b *branch) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t.mu.Lock()
	delete(t.all, b)
	last := len(t.all) == 0
	t.mu.Unlock()
	if !last {
		t.tuned.wake()
		return
	}
	t.cancel()
	if c.trunk == t {
		c.trunk = nil
	}
}

// wanted is what all of them want together, and every list that may change: so that
// who comes later seldom needs another listen.
func (t *trunk) wanted(c *channel) (w wanted) {
	if cn := c.conn.Load(); cn != nil {
		w = cn.hello.Load().changes()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for b := range t.all {
		w.add(b.want)
	}
	slices.Sort(w.URIs)
	w.URIs = slices.Compact(w.URIs)
	return w
}

// told gives the upstream's word to those who have not had it and were part of
// what it was asked.
func (t *trunk) told(asked, honoured wanted) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for b := range t.all {
		if !b.told && asked.covers(b.want) {
			b.told = true
			b.heard <- b.want.narrow(honoured)
		}
	}
}

// covers tells whether everything that o asks for is asked for.
func (w *wanted) covers(o wanted) bool {
	for _, uri := range o.URIs {
		if !slices.Contains(w.URIs, uri) {
			return false
		}
	}
	return (w.Tools || !o.Tools) && (w.Prompts || !o.Prompts) && (w.Resources || !o.Resources)
}

// put hands a notification to all who want it; who does not keep up misses it.
func (t *trunk) put(_ context.Context, m *gate.Message) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for b := range t.all {
		if b.want.has(m) {
			select {
			case b.queue <- m:
			default:
			}
		}
	}
	return nil
}

// share listens on the channel's trunk.
func (a *attempt) share(ctx context.Context, want wanted) error {
	b := &branch{want: want, queue: make(chan *gate.Message, listenQueue), heard: make(chan wanted, 1)}
	t := a.c.branchOff(b)
	defer a.c.part(t, b)
	late := time.NewTimer(ackTimeout)
	defer late.Stop()
	for {
		select {
		case w := <-b.heard:
			late.Stop()
			a.up(ctx, w)
		case m := <-b.queue:
			if err := a.hand(ctx, m); err != nil {
				return err
			}
		case <-late.C:
			return errors.New("the upstream does not acknowledge a listen")
		case <-t.over:
			return errDown
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
