package upstream

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"doorward/internal/gate"
	"doorward/internal/jsonrpc"
	"doorward/internal/mcp"
)

// hearers are who listens to what a stateful upstream sends outside any call,
// beside the session that a channel belongs to: subscriptions of stateless
// clients.
type hearers struct {
	mu  sync.Mutex
	all map[*hearer]struct{}
}

// hearer is one of them. Its queue is bounded; behind a client that does not keep
// up, what comes is dropped.
type hearer struct {
	want  wanted
	uris  map[string]struct{} // of want
	queue chan *gate.Message
}

func newHearer(want wanted) *hearer {
	h := &hearer{want: want, uris: make(map[string]struct{}, len(want.URIs)), queue: make(chan *gate.Message, listenQueue)}
	for _, uri := range want.URIs {
		h.uris[uri] = struct{}{}
	}
	return h
}

func (h *hearers) add(one *hearer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.all == nil {
		h.all = map[*hearer]struct{}{}
	}
	h.all[one] = struct{}{}
}

func (h *hearers) drop(one *hearer) {
	h.mu.Lock()
	delete(h.all, one)
	h.mu.Unlock()
}

// put hands a message to everybody who asked for it, and tells whether anybody
// took it.
func (h *hearers) put(m *gate.Message) (taken bool) {
	uri, updated := mcp.UpdatedResource(m)
	h.mu.Lock()
	defer h.mu.Unlock()
	for one := range h.all {
		asked := false
		if updated {
			_, asked = one.uris[uri]
		} else {
			asked = one.want.has(m)
		}
		if !asked {
			continue
		}
		select {
		case one.queue <- m:
			taken = true
		default:
		}
	}
	return taken
}

// watching counts who is subscribed to which resource of a stateful upstream, on
// one link: the upstream knows one subscription for all of them.
type watching struct {
	mu sync.Mutex
	of map[string]int
}

// list are the resources that somebody is subscribed to.
func (w *watching) list() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Collect(maps.Keys(w.of))
}

// subscriptions are the resources that a stateful session has subscribed to at a
// stateful upstream: it hears of changes to no others, whatever the upstream sends.
type subscriptions struct {
	mu sync.Mutex
	of map[string]struct{} // at most maxWatched
}

// note keeps what a request of the session changes in them.
func (s *subscriptions) note(ex *gate.Exchange) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch ex.Call.Message.Method {
	case methodUnsubscribe:
		delete(s.of, ex.Call.Name)
	case methodSubscribe:
		if len(s.of) >= maxWatched {
			return tooManyWatched()
		}
		if s.of == nil {
			s.of = map[string]struct{}{}
		}
		s.of[ex.Call.Name] = struct{}{}
	}
	return nil
}

// list are all of them.
func (s *subscriptions) list() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.of))
}

// has tells whether the session may hear a message as far as subscriptions go.
func (s *subscriptions) has(m *gate.Message) bool {
	uri, ok := mcp.UpdatedResource(m)
	if !ok {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, there := s.of[uri]
	return there
}

func tooManyWatched() error {
	return &gate.Error{Code: gate.CodeParams, Op: "subscribing", Public: fmt.Sprintf("a session may subscribe to %d resources of an upstream at once; unsubscribe from one", maxWatched)}
}

// hear is a stateless client's listen at a stateful upstream, until either ends:
// told says what the upstream can send of it, put takes what comes.
func (a *attempt) hear(ctx context.Context, want wanted) error {
	c, cn := a.c, a.cn
	h := cn.hello.Load()
	granted := want.narrow(h.changes())
	if h.flag("resources", "subscribe") {
		for _, uri := range want.URIs {
			if err := c.subscribe(ctx, cn, uri); err != nil {
				a.pool.log.WarnContext(ctx, "upstream does not take a subscription", "exchange", a.who, "upstream", a.srv.set.Name, "error", err)
				continue
			}
			defer c.unsubscribe(cn, uri) // at most maxWatched
			granted.URIs = append(granted.URIs, uri)
		}
	}
	ear := newHearer(granted)
	c.hearers.add(ear)
	defer c.hearers.drop(ear)
	a.up(ctx, granted)
	for {
		select {
		case m := <-ear.queue:
			if err := a.hand(ctx, m); err != nil {
				return err
			}
		case <-cn.link.done():
			return errDown
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// changes are the lists that the upstream says when they change.
func (h *hello) changes() wanted {
	return wanted{Tools: h.flag("tools", "listChanged"), Prompts: h.flag("prompts", "listChanged"), Resources: h.flag("resources", "listChanged")}
}

// flag tells whether the upstream declared a part of a capability.
func (h *hello) flag(capability, name string) bool {
	c, _ := memberOf(h.capabilities, capability)
	v, _ := memberOf(c, name)
	return string(v) == "true"
}

func (c *channel) subscribe(ctx context.Context, cn *conn, uri string) error {
	cn.watch.mu.Lock()
	if cn.watch.of == nil {
		cn.watch.of = map[string]int{}
	}
	cn.watch.of[uri]++
	first := cn.watch.of[uri] == 1
	cn.watch.mu.Unlock()
	if !first {
		return nil
	}
	err := c.subscribeOnce(ctx, cn, uri)
	if err != nil {
		cn.watch.leave(uri)
	}
	return err
}

// resubscribe subscribes the session on a new link to the resources that it is subscribed to, at most maxWatched, in
// the time of one call. What the upstream does not take is in the log: the client has its answer of before.
func (c *channel) resubscribe(ctx context.Context, cn *conn) {
	h := cn.hello.Load()
	if c.session == nil || h == nil || !h.flag("resources", "subscribe") || c.srv.approved(cn) != nil {
		return
	}
	ctx, end := until(ctx, cn.link.done(), func() error { return errDown })
	defer end()
	ctx, stop := withLimit(ctx, c.srv.set.Timeout)
	defer stop()
	for _, uri := range c.watched.list() {
		err := c.subscribeOnce(ctx, cn, uri)
		if why := context.Cause(ctx); errors.Is(why, errDown) || errors.Is(why, errClosing) { // the next link's turn
			return
		}
		if err != nil {
			c.srv.log.WarnContext(ctx, "upstream does not take a subscription again in a new session", "upstream", c.srv.set.Name, "error", err)
		}
		if ctx.Err() != nil {
			return
		}
	}
}

// subscribeOnce asks the upstream for what changes of a resource.
func (c *channel) subscribeOnce(ctx context.Context, cn *conn, uri string) error {
	m, err := c.request(ctx, cn.link, methodSubscribe, uriParams(uri))
	if err == nil && m.Kind == gate.Failure {
		err = fmt.Errorf("%w: resources/subscribe answered with error %s", errRefused, errorCode(m))
	}
	return err
}

// leave tells whether nobody is left.
func (w *watching) leave(uri string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.of[uri]--; w.of[uri] > 0 {
		return false
	}
	delete(w.of, uri)
	return true
}

// unsubscribe ends one subscription; the last one is told to the upstream, which
// may be gone.
func (c *channel) unsubscribe(cn *conn, uri string) {
	if !cn.watch.leave(uri) {
		return
	}
	select {
	case <-cn.link.done():
		return
	default:
	}
	ctx, cancel := withLimit(context.Background(), tellTimeout)
	defer cancel()
	if _, err := c.request(ctx, cn.link, methodUnsubscribe, uriParams(uri)); err != nil {
		c.srv.log.Debug("upstream does not take the end of a subscription", "upstream", c.srv.set.Name, "error", err)
	}
}

func uriParams(uri string) []byte {
	return append(jsonrpc.AppendString([]byte(`{"uri":`), uri), '}')
}

// bareChange is the notification that the lists of a capability changed.
func bareChange(capability string) *gate.Message {
	return mcp.NewNotification("notifications/"+capability+"/list_changed", nil)
}
