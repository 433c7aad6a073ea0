package upstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

// follower listens at one upstream to what changes there, for one client of
// either era.
type follower struct {
	pool  *Pool
	srv   *server
	key   channelKey // of the channel that it listens on
	who   string     // the exchange or session it is for, in the log
	put   func(context.Context, *gate.Message) error
	told  func(wanted) // what the upstream honours, each time that it says so
	alone bool         // it listens for all who share the channel's link
	lapse *lapse       // what its clients may miss; nil: run makes one
}

// run keeps the listen open, and opens it again when it ends, until ctx ends. It
// returns early when the upstream does not listen at all, or is configured no
// more.
func (f *follower) run(ctx context.Context, want wanted) error {
	if f.lapse == nil {
		f.lapse = &lapse{}
	}
	acked, told := false, f.told
	f.told = func(w wanted) { acked = true; told(w) }
	for wait := time.Second; ; wait = min(2*wait, relistenMax) {
		began := time.Now()
		err := f.once(ctx, want)
		if !acked || errors.Is(err, errReplaced) || errors.Is(err, errClosing) {
			return err
		}
		if time.Since(began) >= relistenMax { // it stood
			wait = time.Second
		}
		if pause(ctx, wait) != nil {
			return context.Cause(ctx)
		}
	}
}

// once is one listen, until it ends.
func (f *follower) once(ctx context.Context, want wanted) error {
	c, err := f.srv.channel(f.key, nil)
	if err != nil {
		return err
	}
	c.begin()
	defer c.end()
	cn, err := c.use(ctx)
	if err != nil {
		return err
	}
	ctx, end := context.WithCancelCause(ctx)
	a := &attempt{follower: f, c: c, cn: cn, end: end}
	defer a.over()
	if f.key.era == gate.Stateless && c.multiplexed() && !f.alone {
		return a.share(ctx, want)
	}
	if err := f.srv.event(ctx, "upstream.listen", ""); err != nil {
		return err
	}
	if f.key.era == gate.Stateful {
		return a.hear(ctx, want)
	}
	return a.listen(ctx, want)
}

// attempt is one listen of a follower, until it ends.
type attempt struct {
	*follower
	c       *channel
	cn      *conn
	end     context.CancelCauseFunc // of the listen
	rose    bool                    // the upstream has said what it honours
	mending sync.WaitGroup
}

// up takes in what the upstream honours. Where the client's listen broke before, what it missed is made good.
func (a *attempt) up(ctx context.Context, honoured wanted) {
	if a.rose {
		a.told(honoured)
		return
	}
	a.rose = true
	a.lapse.begins(a.cn)
	a.told(honoured) // and what this one takes the place of ends: what that has not made good is due here
	if !a.lapse.due() {
		return
	}
	tell := func(m *gate.Message) error { return a.put(ctx, m) }
	for _, mend := range [...]func() error{
		func() error { return a.lapse.mend(ctx, a.c, a.cn, honoured, tell) },
		func() error { return a.lapse.retell(ctx, a.c, honoured.URIs, tell) },
	} {
		a.mending.Go(func() {
			if err := mend(); err != nil {
				a.lapse.owes()
				a.end(err) // the client does not take it; the next attempt tells it again
			}
		})
	}
}

// hand gives a notification to the client.
func (a *attempt) hand(ctx context.Context, m *gate.Message) error {
	err := a.put(ctx, m)
	if err == nil {
		a.lapse.told(m.Method)
	}
	return err
}

// over ends the attempt.
func (a *attempt) over() {
	a.end(nil)
	a.mending.Wait()
	if a.rose {
		a.lapse.breaks(a.cn)
	}
}

// listen asks a stateless upstream to send what changes, and hands it on.
func (a *attempt) listen(ctx context.Context, want wanted) error {
	list, err := json.Marshal(want)
	if err != nil {
		return fmt.Errorf("asking to listen: %w", err)
	}
	c, cn := a.c, a.cn
	o := &outgoing{id: c.next.Add(1), method: methodListen, version: mcp.V20260728, header: http.Header{mcp.HeaderMethod: {methodListen}}}
	params := fmt.Appendf(nil, `{"notifications":%s,%s}`, list, c.ownMeta())
	o.raw = mcp.NewRequest(o.idToken(), methodListen, params).Raw
	granted := want
	return cn.link.exchange(ctx, o, func(m *gate.Message) error {
		switch {
		case m.Kind == gate.Failure:
			return unheard(m)
		case m.Kind == gate.Request:
			return c.decline(ctx, cn.link, m)
		case m.Method == methodAck:
			granted = want.narrow(honoured(m))
			a.up(ctx, granted)
		case m.Kind == gate.Notification:
			c.heed(m)
			if !granted.has(m) {
				a.pool.count(a.srv.set.Name, "dropped")
				return nil
			}
			if c.shared() && listChanged(m.Method) {
				m = bare(m)
			}
			return a.hand(ctx, m)
		}
		return nil
	})
}

func honoured(m *gate.Message) (w wanted) {
	at, _ := m.Field("notifications")
	_ = json.Unmarshal(m.Bytes(at), &w) // what cannot be read is not honoured
	return w
}
