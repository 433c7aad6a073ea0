package upstream

import (
	"context"
	"errors"
	"fmt"

	"doorward/internal/gate"
	"doorward/internal/jsonrpc"
	"doorward/internal/mcp"
)

// alone tells whether the channel is one call's, and ends with it.
func (c *channel) alone() bool { return c.key.call != 0 }

// channelAlone makes a channel for the exchange's call alone (Settings.PerCall).
// Whose it is, and what it can be asked, is as on a channel that lasts; its process
// is started with the keys that the client brought.
func (s *server) channelAlone(ex *gate.Exchange, era gate.Era) (*channel, error) {
	key, session, err := s.keyFor(ex, era)
	if err != nil {
		return nil, err
	}
	key.call = s.lone.Add(1)
	c, err := s.channel(key, session)
	if err != nil {
		return nil, err
	}
	c.keys = s.startKeys(ex) // before anybody opens it
	return c.speakingFor(ex), nil
}

// discard ends a channel that is one call's alone, in the background, and then
// does what waits for the end. One that is in the table no more is ended by who
// took it out.
func (s *server) discard(c *channel, then func()) {
	s.mu.Lock()
	there := s.channels[c.key] == c
	if there {
		delete(s.channels, c.key)
		s.pool.channels.Add(-1)
		// Under the lock, so that a drain, which the pool waits for, is not over before.
		s.pool.wg.Go(func() {
			c.close(errDown)
			then()
		})
	}
	s.mu.Unlock()
	if !there {
		then()
	}
}

// perCall refuses what a process that ends with the call cannot do: keep a
// subscription, or a task.
func (s *server) perCall(ex *gate.Exchange) error {
	if !s.set.PerCall {
		return nil
	}
	public := ""
	code := gate.CodeMethod
	switch m := ex.Call.Message; {
	case ex.Call.Route.Task, ex.Call.Era == gate.Stateful && mcp.AsksTask(ex):
		code, public = gate.CodeTaskSupport, fmt.Sprintf("upstream %s has a process for each call, and no task outlasts that", s.set.Name)
	case m.Method == methodSubscribe || m.Method == methodUnsubscribe:
		public = fmt.Sprintf("upstream %s has a process for each call, and keeps no subscriptions", s.set.Name)
	default:
		return nil
	}
	return &gate.Error{Code: code, Op: "calling upstream " + s.set.Name, Err: errors.New("it has a process for each call"), Public: public}
}

// ephemeral is what an upstream says of itself, without what a process that ends
// with its call cannot do.
func (h *hello) ephemeral() {
	h.alone = true
	if resources, ok := memberOf(h.capabilities, "resources"); ok {
		h.capabilities = jsonrpc.With(h.capabilities, "resources", jsonrpc.Without(resources, "subscribe"))
	}
}

// tellLevel tells the process of a session's call the level of log messages that
// the session has set. One that does not take it keeps its own.
func (c *channel) tellLevel(ctx context.Context, cn *conn) {
	if !c.alone() || c.session == nil || !cn.hello.Load().offers("logging") {
		return
	}
	level := c.srv.pool.levels.chosen(c.session)
	if level == "" {
		return
	}
	params := append(jsonrpc.AppendString([]byte(`{"level":`), level), '}')
	if _, err := c.request(ctx, cn.link, methodSetLevel, params); err != nil {
		c.srv.log.WarnContext(ctx, "upstream does not take a log level", "upstream", c.srv.set.Name, "error", err)
	}
}
