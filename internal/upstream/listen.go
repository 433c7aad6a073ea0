package upstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

// Bounds of a listen.
const (
	maxWatched  = 256              // URIs of one listen
	listenQueue = 256              // notifications that wait for the client
	ackTimeout  = 5 * time.Second  // for upstreams to say what they honour
	relistenMax = 30 * time.Second // between attempts to listen again
)

// wanted is what a listen asks for (2026-07-28, subscriptions/listen).
type wanted struct {
	Tools     bool     `json:"toolsListChanged,omitempty"`
	Prompts   bool     `json:"promptsListChanged,omitempty"`
	Resources bool     `json:"resourcesListChanged,omitempty"`
	URIs      []string `json:"resourceSubscriptions,omitempty"`
}

func (w *wanted) empty() bool { return !w.Tools && !w.Prompts && !w.Resources && len(w.URIs) == 0 }

// has tells whether a notification was asked for.
func (w *wanted) has(m *gate.Message) bool {
	switch m.Method {
	case "notifications/tools/list_changed":
		return w.Tools
	case "notifications/prompts/list_changed":
		return w.Prompts
	case "notifications/resources/list_changed":
		return w.Resources
	case methodUpdated:
		at, _ := m.Field("uri")
		uri, ok := text(m.Bytes(at))
		return ok && slices.Contains(w.URIs, uri)
	}
	return false
}

// narrow is what of w an upstream said that it honours.
func (w *wanted) narrow(honoured wanted) wanted {
	n := wanted{Tools: w.Tools && honoured.Tools, Prompts: w.Prompts && honoured.Prompts, Resources: w.Resources && honoured.Resources}
	for _, uri := range w.URIs {
		if slices.Contains(honoured.URIs, uri) {
			n.URIs = append(n.URIs, uri)
		}
	}
	return n
}

func (w *wanted) add(o wanted) {
	w.Tools, w.Prompts, w.Resources = w.Tools || o.Tools, w.Prompts || o.Prompts, w.Resources || o.Resources
	w.URIs = append(w.URIs, o.URIs...)
}

// listener is one client's listen over all of its upstreams.
type listener struct {
	pool   *Pool
	ex     *gate.Exchange
	queue  chan *gate.Message
	acks   chan wanted // what each upstream honours; one value of each, at most
	wg     sync.WaitGroup
	pulses map[string]*pulse   // by method
	look   chan struct{}       // whether the client may go on with it; has room for one
	where  map[string][]string // upstream → URIs that were asked for

	honoured wanted // what was acknowledged; set before it is announced to
}

// listen opens a listen at each upstream that has something of what the client
// asks for, acknowledges what all of them honour, and relays until the client
// leaves or the gateway stops. Of an upstream that is away all is acknowledged
// that it may come to honour.
func (p *Pool) listen(ctx context.Context, ex *gate.Exchange, emit gate.Emit) error {
	asked, err := p.asked(ctx, ex)
	if err != nil {
		return err
	}
	key := ex.Principal.Key()
	if !p.listening.enter(key) {
		return &gate.Error{Code: gate.CodeSessionLimit, Op: "listening", Public: fmt.Sprintf("%d subscriptions of yours are open: end one, or put what you listen to into one", maxListens)}
	}
	defer p.listening.leave(key)
	all := p.greetAll(ctx, ex, greetTimeout)
	all.tell(ctx, p.log, ex)
	l := &listener{pool: p, ex: ex, queue: make(chan *gate.Message, listenQueue), acks: make(chan wanted, len(all.open)), pulses: map[string]*pulse{}, look: make(chan struct{}, 1), where: asked.where}
	ctx, stop := context.WithCancel(ctx)
	defer l.wg.Wait()
	defer stop()
	n := 0
	for _, g := range all.open {
		if w := asked.of(g); !w.empty() {
			n++
			l.wg.Go(func() { l.attend(ctx, g, w, asked) })
		}
	}
	var later wanted // of upstreams that are away
	for _, left := range all.left {
		later.add(wanted{Tools: asked.Tools, Prompts: asked.Prompts, Resources: asked.Resources, URIs: asked.where[left.name]})
		l.wg.Go(func() { l.await(ctx, left.name, asked) })
	}
	if err := l.acknowledge(ctx, n, later, emit); err != nil {
		return err
	}
	l.look <- struct{}{} // there may have been a reload before it is announced to
	p.listening.add(l)
	defer p.listening.drop(l)
	return l.relay(ctx, emit)
}

// relay passes on what the upstreams send, each kind of change at most once in
// pulseEvery, until the client leaves or may stay no longer. A listen of which an upstream
// is not for the client's tenant any more is completed: the client listens anew to the others.
func (l *listener) relay(ctx context.Context, emit gate.Emit) error {
	p, ex := l.pool, l.ex
	check := time.NewTicker(recheck)
	defer check.Stop()
	late := make(chan *gate.Message, 1) // a change that was held back
	for {
		var next *gate.Message
		select {
		case <-l.look:
		case <-check.C:
			if live := p.cfg.Live; live != nil && !live(ex.Principal) {
				return &gate.Error{Code: gate.CodeBadCredential, Op: "listening", Err: errors.New("the credential is not good any more")}
			}
		case m := <-l.queue:
			if l.due(ctx, m, late) {
				next = m
			}
		case next = <-late:
			l.pulses[next.Method].beat(time.Now())
		case <-p.stopping:
			return l.complete(ctx, emit)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if !l.served() {
			return l.complete(ctx, emit)
		}
		if next == nil || !l.heard(next) {
			continue
		}
		if err := emit(ctx, next); err != nil {
			return err
		}
	}
}

// complete ends the listen on the gateway's side.
func (l *listener) complete(ctx context.Context, emit gate.Emit) error {
	m := l.ex.Call.Message
	return emit(ctx, mcp.NewResult(m.Bytes(m.ID), []byte(`{"resultType":"complete"}`)))
}

// due tells whether a notification may go out now; one that may not comes back
// through late.
func (l *listener) due(ctx context.Context, m *gate.Message, late chan<- *gate.Message) bool {
	if !listChanged(m.Method) {
		return true
	}
	beat := l.pulses[m.Method]
	if beat == nil {
		beat = &pulse{}
		l.pulses[m.Method] = beat
	}
	out, wait, first := beat.now(time.Now())
	if first {
		l.wg.Go(func() {
			if pause(ctx, wait) == nil {
				select {
				case late <- m:
				case <-ctx.Done():
				}
			}
		})
	}
	return out
}

// recheck is how often an open subscription's credential is looked at
// (security case HTT-40: within ten seconds).
const recheck = 3 * time.Second

// acknowledge says what is honoured, once each of n upstreams has said so or is late,
// beside what it may be already.
func (l *listener) acknowledge(ctx context.Context, n int, honoured wanted, emit gate.Emit) error {
	t := time.NewTimer(ackTimeout)
	defer t.Stop()
	for range n {
		select {
		case w := <-l.acks:
			honoured.add(w)
			continue
		case <-t.C:
		case <-l.pool.stopping:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		break
	}
	l.honoured = honoured
	list, err := json.Marshal(honoured)
	if err != nil {
		return fmt.Errorf("acknowledging: %w", err)
	}
	m := l.ex.Call.Message
	params := fmt.Appendf(nil, `{"notifications":%s,"_meta":{"%s":%s}}`, list, mcp.MetaSubscription, m.Bytes(m.ID))
	return emit(ctx, mcp.NewNotification(methodAck, params))
}

// watched is what a client asks for, with the upstream of each resource.
type watched struct {
	wanted
	where map[string][]string // upstream → URIs
}

// of is the part that concerns one upstream.
func (w *watched) of(g greeted) wanted {
	of := wanted{
		Tools:     w.Tools && g.hello.offers("tools"),
		Prompts:   w.Prompts && g.hello.offers("prompts"),
		Resources: w.Resources && g.hello.offers("resources"),
	}
	if !g.hello.alone { // else what changes a resource is in another process
		of.URIs = w.where[g.srv.set.Name]
	}
	return of
}

// asked reads the request. Of resources it keeps those that are approved and that the principal may
// read; it looks for them at all upstreams at once, each of which has listTimeout.
func (p *Pool) asked(ctx context.Context, ex *gate.Exchange) (*watched, error) {
	w := &watched{where: map[string][]string{}}
	at, ok := ex.Call.Message.Field("notifications")
	if !ok || json.Unmarshal(ex.Call.Message.Bytes(at), &w.wanted) != nil || len(w.URIs) > maxWatched {
		return nil, &gate.Error{Code: gate.CodeParams, Op: "reading a listen", Public: fmt.Sprintf("params.notifications is missing or malformed, or has more than %d resourceSubscriptions", maxWatched)}
	}
	slices.Sort(w.URIs)
	w.URIs = slices.Compact(w.URIs)
	var looks sync.WaitGroup
	lists := make([]*catalogue, len(ex.Target.Upstreams))
	for i, name := range ex.Target.Upstreams {
		if slices.ContainsFunc(w.URIs, func(uri string) bool { return p.mayRead(ex, name, uri) }) {
			looks.Go(func() { lists[i] = p.resources(ctx, ex, name) })
		}
	}
	looks.Wait()
	for _, uri := range w.URIs {
		for i, name := range ex.Target.Upstreams {
			if p.mayRead(ex, name, uri) && p.offers(lists[i], uri) {
				w.where[name] = append(w.where[name], uri)
				break
			}
		}
	}
	return w, nil
}

func (p *Pool) mayRead(ex *gate.Exchange, name, uri string) bool {
	return p.cfg.MayRead != nil && p.cfg.MayRead(ex, name, uri)
}

// resources is the list of an upstream's resources, of one that fails the last; nil for none.
func (p *Pool) resources(ctx context.Context, ex *gate.Exchange, name string) *catalogue {
	list, _, err := p.lookAt(ctx, ex, name, gate.Resource)
	if err != nil {
		list, _ = p.lastList(ctx, ex, name, gate.Resource, err)
	}
	return list
}

// offers tells whether a list has the resource, approved.
func (p *Pool) offers(list *catalogue, uri string) bool {
	if list == nil {
		return false
	}
	i, ok := list.byName[uri]
	return ok && p.state(&list.items[i]) == gate.Approved
}

// attend keeps a listen open at one upstream. One that fails to listen may come to, so that what
// is asked of it is acknowledged; one that says that it cannot is left alone.
func (l *listener) attend(ctx context.Context, g greeted, want wanted, asked *watched) {
	acked, err := l.follow(ctx, g, want, func(w wanted) { l.acks <- w })
	if !acked { // the client must not wait for it
		if deaf(err) {
			want = wanted{}
		}
		l.acks <- want
		l.pool.log.InfoContext(ctx, "upstream does not listen", "exchange", l.ex.ID, "trace_id", l.ex.Trace.TraceID(), "span_id", l.ex.Trace.SpanID(), "upstream", g.srv.set.Name, "error", err)
	}
	if !deaf(err) {
		l.await(ctx, g.srv.set.Name, asked)
	}
}

// put queues a notification. Behind a client that does not keep up, the
// upstream's listen ends and begins anew.
func (l *listener) put(ctx context.Context, m *gate.Message) error {
	t := time.NewTimer(sendTimeout)
	defer t.Stop()
	select {
	case l.queue <- m:
		return nil
	case <-t.C:
		return errors.New("the client does not keep up with its listen")
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
