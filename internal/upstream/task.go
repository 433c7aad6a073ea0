package upstream

import (
	"context"
	"errors"
	"sync"
	"time"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

// maxTasks is how many tasks of one session are known outside the calls about
// them. What an upstream says of older ones there is dropped.
const maxTasks = 256

// tasks are the ids of tasks, and what sessions of the stateful era have been
// given: an upstream tells a session of its tasks outside any call too.
type tasks struct {
	sealer taskSealer

	mu sync.Mutex
	of map[string]*known // by session id; at most maxChannels
}

// known are the newest tasks of one session.
type known struct {
	shown  map[taskKey][]byte // what the client knows it by, a JSON string
	order  []taskKey          // oldest first
	expiry time.Time          // of the last of them
}

// taskKey is a task as its upstream knows it.
type taskKey struct{ upstream, id string }

// put remembers by what a session knows a task.
func (t *tasks) put(session *gate.Session, key taskKey, shown []byte, expiry time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.of == nil {
		t.of = map[string]*known{}
	}
	k := t.of[session.ID]
	if k == nil {
		if len(t.of) >= maxChannels && !t.evict() {
			return
		}
		k = &known{shown: map[taskKey][]byte{}}
		t.of[session.ID] = k
	}
	if _, there := k.shown[key]; !there {
		k.order = append(k.order, key)
	}
	k.shown[key] = shown
	if expiry.After(k.expiry) {
		k.expiry = expiry
	}
	if len(k.order) > maxTasks {
		delete(k.shown, k.order[0])
		k.order = k.order[1:]
	}
}

// evict forgets the sessions whose tasks have all expired, and tells whether
// there was one; it needs mu. A session that ended while its call was under way
// may have left some.
func (t *tasks) evict() (evicted bool) {
	now := time.Now()
	for id, k := range t.of {
		if now.After(k.expiry) {
			delete(t.of, id)
			evicted = true
		}
	}
	return evicted
}

func (t *tasks) get(session *gate.Session, key taskKey) []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	if k := t.of[session.ID]; k != nil {
		return k.shown[key]
	}
	return nil
}

func (t *tasks) drop(session *gate.Session) {
	t.mu.Lock()
	delete(t.of, session.ID)
	t.mu.Unlock()
}

// showTasks is a message of the upstream's with the ids of tasks as the client
// of the exchange knows them; outside any call ex is nil, and the session that
// the channel belongs to is the client. It is nil for what is about a task that
// the client has nothing to do with.
func (c *channel) showTasks(ex *gate.Exchange, m *gate.Message) (*gate.Message, error) {
	var fault error
	out, err := mcp.ShowTasks(ex, m, func(id []byte, made bool) []byte {
		if !made {
			return c.knownTask(ex, id)
		}
		shown, err := c.newTask(ex, m, id)
		fault = err
		return shown
	})
	switch {
	case fault != nil:
		return nil, fault
	case err != nil:
		return nil, errors.Join(errProtocol, err)
	case out == nil:
		c.srv.pool.count(c.srv.set.Name, "stray_task")
	}
	return out, nil
}

// aboutTasks is showTasks for a notification outside any call; nil for one that
// is dropped.
func (c *channel) aboutTasks(m *gate.Message) *gate.Message {
	shown, err := c.showTasks(nil, m)
	if err != nil {
		c.srv.pool.count(c.srv.set.Name, "malformed")
		return nil
	}
	return shown
}

// newTask is by what the client knows the task that its call has just made.
func (c *channel) newTask(ex *gate.Exchange, m *gate.Message, id []byte) ([]byte, error) {
	it := ex.Target.Item
	if it == nil {
		return nil, errors.New("a task of no tool")
	}
	ttl := taskTTL
	if d, ok := mcp.TaskTTL(ex, m); ok && d < ttl {
		ttl = d
	}
	expiry := time.Now().Add(ttl)
	sealed, err := c.srv.pool.tasks.sealer.seal(ex, gate.Task{Upstream: it.Upstream, Tool: it.Name, ID: id}, expiry)
	if err != nil {
		return nil, err
	}
	shown := quoted(sealed)
	if own, ok := text(id); ok && ex.Call.Session != nil {
		c.srv.pool.tasks.put(ex.Call.Session, taskKey{c.srv.set.Name, own}, shown, expiry)
	}
	return shown, nil
}

// knownTask is by what the client knows a task: the one that its call is about,
// by the very text that it brought, or one that its session was given before.
func (c *channel) knownTask(ex *gate.Exchange, id []byte) []byte {
	session := c.session
	if ex != nil {
		if t := ex.Target.Task; t != nil && t.Upstream == c.srv.set.Name && mcp.SameText(t.ID, id) {
			return quoted(ex.Call.Name)
		}
		session = ex.Call.Session
	}
	own, ok := text(id)
	if session == nil || !ok {
		return nil
	}
	return c.srv.pool.tasks.get(session, taskKey{c.srv.set.Name, own})
}

// remember notes the task that a session's call is about: the session may have
// got its id from another one, which is the same principal's.
func (p *Pool) remember(ex *gate.Exchange) {
	t := ex.Target.Task
	if t == nil || ex.Call.Session == nil {
		return
	}
	if own, ok := text(t.ID); ok {
		p.tasks.put(ex.Call.Session, taskKey{t.Upstream, own}, quoted(ex.Call.Name), time.Now().Add(taskTTL))
	}
}

// forTasks refuses what needs tasks and cannot have them on this link. Tasks are
// relayed within one era and not translated, and only to an upstream that
// declared them; no parameter is ever taken out of a call.
func (c *channel) forTasks(cn *conn, ex *gate.Exchange) error {
	h, it := cn.hello.Load(), ex.Target.Item
	if ex.Call.Route.Task {
		if c.key.era != ex.Call.Era || !h.runsTasks(c.key.era) {
			return noTasks("the upstream no longer offers tasks in the protocol version in which this one was made")
		}
		c.srv.pool.remember(ex)
		return nil
	}
	if it == nil || it.Kind != gate.Tool {
		return nil
	}
	asks, can := mcp.AsksTask(ex), h.takesTask(c.key.era, ex)
	switch must := h.mustBeTask(c.key.era, it); {
	case must && !can:
		return noTasks("this tool runs as a task only, which cannot be had in this protocol version")
	case must && !asks:
		return noTasks("this tool runs as a task only: call it with params.task")
	case !asks || c.key.era == gate.Stateless && ex.Call.Era == gate.Stateless: // where the parameter means nothing
		return nil
	case !can || mcp.TaskSupport(it.Raw) != "optional" && !must:
		return noTasks("this tool does not run as a task: call it without params.task")
	}
	return nil
}

func noTasks(public string) error {
	return &gate.Error{Code: gate.CodeTaskSupport, Op: "calling", Err: errors.New(public), Public: public}
}

// runsTasks tells whether an upstream that said this in an era runs calls of
// tools as tasks. In the stateful era that is the last revision's alone. A process
// for each call runs none: they would end with it.
func (h *hello) runsTasks(era gate.Era) bool {
	return h.tasks && !h.alone && (era == gate.Stateless || h.version == mcp.V20251125)
}

// takesTask tells whether the client of the exchange may ask this upstream to run
// a call as a task.
func (h *hello) takesTask(era gate.Era, ex *gate.Exchange) bool {
	return era == gate.Stateful && ex.Call.Era == gate.Stateful && ex.Call.Version == mcp.V20251125 && h.runsTasks(era)
}

// mustBeTask tells whether a tool runs as a task only. Where the upstream did not
// declare tasks the definition says nothing (2025-11-25, tasks, tool-level
// negotiation), and in the stateless era it never does.
func (h *hello) mustBeTask(era gate.Era, it *gate.Item) bool {
	return h.tasks && era == gate.Stateful && it.Kind == gate.Tool && mcp.TaskSupport(it.Raw) == "required"
}

// callable are the definitions without the tools that this client could only
// call as tasks and cannot. The slice is the caller's.
func (t teller) callable(ex *gate.Exchange, items []gate.Item) []gate.Item {
	if !t.hello.tasks || t.hello.takesTask(t.era, ex) {
		return items
	}
	kept := items[:0]
	for i := range items {
		if !t.hello.mustBeTask(t.era, &items[i]) {
			kept = append(kept, items[i])
		}
	}
	return kept
}

// withTasks adds to the capabilities of all upstreams together that some of them
// run tasks in the era and version of the client.
func (g *greetings) withTasks(era gate.Era, version string, capabilities []byte) []byte {
	if era == gate.Stateful && version != mcp.V20251125 {
		return capabilities
	}
	runs, cancels := false, false
	for _, o := range g.open {
		if o.channel.key.era != era || !o.hello.runsTasks(era) {
			continue
		}
		c := o.hello.endsTasks
		runs, cancels = true, cancels || c
	}
	if !runs {
		return capabilities
	}
	return mcp.WithTasks(era, capabilities, cancels)
}

// answerTo is a client's answer as the upstream that asked reads it.
func (k *ask) answerTo(m *gate.Message) []byte { return mcp.AnswerFor(m, k.id, k.shownTask, k.task) }

// askAbout is the upstream's request as the client reads it, with the task that
// both name; it is answered at once, and nil returned, when the client has
// nothing to do with that task.
func (c *channel) askAbout(ctx context.Context, cn *conn, k *ask, m *gate.Message) (*gate.Message, error) {
	var ex *gate.Exchange
	if k.call != nil {
		ex = k.call.ex
	}
	shown, err := c.showTasks(ex, m)
	if err != nil || shown == nil {
		return nil, errors.Join(err, c.decline(ctx, cn.link, m))
	}
	k.task, k.shownTask = mcp.RelatedTask(m), mcp.RelatedTask(shown)
	return shown, nil
}
