package upstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
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
}

// run keeps the listen open, and opens it again when it ends, until ctx ends. It
// returns early when the upstream does not listen at all, or is configured no
// more.
func (f *follower) run(ctx context.Context, want wanted) error {
	acked, told := false, f.told
	f.told = func(w wanted) { acked = true; told(w) }
	for wait := time.Second; ; wait = min(2*wait, relistenMax) {
		err := f.once(ctx, want)
		if !acked || errors.Is(err, errReplaced) || errors.Is(err, errClosing) {
			return err
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
	if f.key.era == gate.Stateless && c.multiplexed() && !f.alone {
		return f.share(ctx, c, want)
	}
	if err := f.srv.event(ctx, "upstream.listen", ""); err != nil {
		return err
	}
	if f.key.era == gate.Stateful {
		return f.hear(ctx, c, cn, want)
	}
	return f.listen(ctx, c, cn, want)
}

// listen asks a stateless upstream to send what changes, and hands it on.
func (f *follower) listen(ctx context.Context, c *channel, cn *conn, want wanted) error {
	list, err := json.Marshal(want)
	if err != nil {
		return fmt.Errorf("asking to listen: %w", err)
	}
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
			f.told(granted)
		case m.Kind == gate.Notification:
			c.heed(m)
			if !granted.has(m) {
				f.pool.count(f.srv.set.Name, "dropped")
				return nil
			}
			if c.shared() && listChanged(m.Method) {
				m = bare(m)
			}
			return f.put(ctx, m)
		}
		return nil
	})
}

func honoured(m *gate.Message) (w wanted) {
	at, _ := m.Field("notifications")
	_ = json.Unmarshal(m.Bytes(at), &w) // what cannot be read is not honoured
	return w
}
