package upstream

import (
	"context"
	"slices"
	"sync"
	"time"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

// How a list is read anew for the sake of listens that broke: lapsePause after the listen is up again, so that
// those that broke with it share the reading, and at most lapseReads times in lapseEvery for one channel: an
// upstream whose streams end every second is not asked each time.
const (
	lapsePause = time.Second
	lapseReads = 4
	lapseEvery = time.Minute
	lapseRetry = 10 * time.Second // between looks whether it may be read, or was
)

// How often clients hear, for the sake of listens that broke, of each resource that they are subscribed to, of one
// listen or channel: nothing tells whether it has changed meanwhile.
const (
	retold      = 4
	retoldEvery = time.Minute
)

// lapse is what clients may know of an upstream's lists, for when the listen breaks that would have told them
// of changes: once it is up again, each list is held against what it was.
type lapse struct {
	mu    sync.Mutex
	up    int                           // listens that are: two while one takes another's place
	again bool                          // none was for a while after one, and what was missed is not made good
	known [gate.Template + 1]*catalogue // nil: nothing is known, or the clients were told of a change since
	other [gate.Template + 1]bool       // another than known has been read
	tells *allowance                    // of resources; nil: none was told so far
}

// note takes in the lists that were read on a conn: where there was none before, as what is known.
func (l *lapse) note(cn *conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for kind := range cn.views {
		v := &cn.views[kind]
		v.mu.Lock()
		list := v.list
		v.mu.Unlock()
		switch {
		case list == nil:
		case l.known[kind] == nil:
			l.known[kind] = list
		case !same(l.known[kind], list):
			l.other[kind] = true
		}
	}
}

// begins notes that a listen is up on a conn.
func (l *lapse) begins(cn *conn) {
	l.note(cn)
	l.mu.Lock()
	l.up++
	l.mu.Unlock()
}

// due tells, once, whether there is something to make good.
func (l *lapse) due() (again bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	again, l.again = l.again, false
	return again
}

// owes notes that what was missed is not made good.
func (l *lapse) owes() {
	l.mu.Lock()
	l.again = true
	l.mu.Unlock()
}

// breaks notes that a listen which was up is up no more.
func (l *lapse) breaks(cn *conn) {
	l.note(cn)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.up--; l.up == 0 {
		l.again = true
	}
}

// told notes that the clients were told of a change: they read those lists anew.
func (l *lapse) told(method string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, kind := range changedKinds(method) {
		l.known[kind], l.other[kind] = nil, false
	}
}

// knows tells whether there is something to hold a list against.
func (l *lapse) knows(kind gate.ItemKind) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.known[kind] != nil || l.other[kind]
}

// differs holds a list that was just read against what is known, which it is from now on. One that could not
// be read, nil, may differ.
func (l *lapse) differs(kind gate.ItemKind, list *catalogue) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	had, other := l.known[kind], l.other[kind]
	l.known[kind], l.other[kind] = list, false
	return other || had != nil && (list == nil || !same(had, list))
}

// untold notes that a change of some kinds could not be told.
func (l *lapse) untold(kinds []gate.ItemKind) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, kind := range kinds {
		l.other[kind] = true
	}
}

// same tells whether two lists are: those that are, and have anything, share their memory (see interned).
func same(a, b *catalogue) bool {
	return a == b || len(a.items) == 0 && len(b.items) == 0
}

// lists are the kinds of which each capability lists what there is.
func (w *wanted) lists() (of [][]gate.ItemKind) {
	for _, one := range [...]struct {
		wanted bool
		kinds  []gate.ItemKind
	}{{w.Tools, []gate.ItemKind{gate.Tool}}, {w.Prompts, []gate.ItemKind{gate.Prompt}}, {w.Resources, []gate.ItemKind{gate.Resource, gate.Template}}} {
		if one.wanted {
			of = append(of, one.kinds)
		}
	}
	return of
}

// mend reads anew what is known of the lists of want, now that a listen to them is up again on cn, and has
// tell tell of those that differ, or cannot be read. It ends early, and leaves the rest as it is known, when
// ctx does: the listen is down again.
func (l *lapse) mend(ctx context.Context, c *channel, cn *conn, want wanted, tell func(*gate.Message) error) error {
	up := time.Now()
	for _, kinds := range want.lists() {
		changed, err := l.compare(ctx, c, cn, kinds, up)
		if err == nil && changed {
			c.srv.changed.Add(1)
			err = tell(bareChange(capabilityOf(kinds[0])))
		}
		if err != nil {
			if changed {
				l.untold(kinds)
			}
			return err
		}
	}
	return nil
}

// retell has tell tell of each resource, of at most maxWatched for each who is subscribed, that it may be another, now
// that a listen to it is up again. It ends early when ctx does: the listen is down again.
func (l *lapse) retell(ctx context.Context, c *channel, uris []string, tell func(*gate.Message) error) error {
	if len(uris) == 0 {
		return nil
	}
	for wait := lapsePause; ; wait = lapseRetry {
		if err := pause(ctx, wait); err != nil {
			return err
		}
		if l.mayRetell() {
			break
		}
	}
	c.srv.changed.Add(1)
	for _, uri := range uris {
		if err := tell(mcp.NewNotification(methodUpdated, uriParams(uri))); err != nil {
			return err
		}
	}
	return nil
}

func (l *lapse) mayRetell() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.tells == nil {
		l.tells = newAllowance(retold, retoldEvery)
	}
	return l.tells.take()
}

// compare tells whether one of some lists differs from what is known, as it is since a time, or cannot be read.
func (l *lapse) compare(ctx context.Context, c *channel, cn *conn, kinds []gate.ItemKind, since time.Time) (changed bool, err error) {
	for _, kind := range kinds {
		if !l.knows(kind) {
			continue
		}
		list, err := c.anew(ctx, cn, kind, since)
		switch {
		case ctx.Err() != nil:
			return changed, context.Cause(ctx)
		case err != nil && closed(cn.link):
			return changed, err
		case err != nil:
			c.srv.log.DebugContext(ctx, "a list is not read after a listen broke; clients hear that it changed", "upstream", c.srv.set.Name, "kind", kind.String(), "error", err)
			list = nil
		}
		changed = l.differs(kind, list) || changed
	}
	return changed, nil
}

// hears notes that the GET stream of a stateful upstream is open on which it says what changes. late tells that
// there was none for a while before. down is to be called when it has ended.
func (c *channel) hears(cn *conn, late bool) (down func()) {
	if c.alone() { // lists are read from another link
		return func() {}
	}
	c.lapse.note(cn)
	ctx, end := context.WithCancelCause(context.Background())
	var mending sync.WaitGroup
	if late {
		mending.Go(func() { c.mend(ctx, cn, true) })
		mending.Go(func() { c.retell(ctx, cn, true) })
	}
	return func() {
		end(errDown)
		mending.Wait()
		c.lapse.note(cn)
	}
}

// renewed has the sessions that use a stateful channel told of what is another on a link in place of one that
// ended. Who listens there is told by its own listen, which begins anew.
func (c *channel) renewed(cn, before *conn) {
	if before == nil || c.key.era != gate.Stateful || c.alone() {
		return
	}
	c.lapse.note(before)
	for _, mend := range [...]func(context.Context){
		func(ctx context.Context) { c.mend(ctx, cn, false) },
		func(ctx context.Context) { c.resubscribe(ctx, cn); c.retell(ctx, cn, false) },
	} {
		c.srv.pool.wg.Go(func() {
			ctx, end := untilStopping(context.Background(), c.srv.pool.stopping)
			defer end()
			mend(ctx)
		})
	}
}

// mend tells the sessions that use a stateful channel, and those who listen there where listens says so, of
// lists that have changed while nothing said so.
func (c *channel) mend(ctx context.Context, cn *conn, listens bool) {
	if cn.hello.Load() == nil { // nothing was read on it
		return
	}
	ctx, end := until(ctx, cn.link.done(), func() error { return errDown })
	defer end()
	err := c.lapse.mend(ctx, c, cn, wanted{Tools: true, Prompts: true, Resources: true}, func(m *gate.Message) error {
		if listens {
			c.hearers.put(m)
		}
		if c.session != nil {
			c.srv.pool.tell(c.session, c.srv.set.Name, m)
		}
		for _, session := range c.listeners() {
			c.srv.pool.tell(session, c.srv.set.Name, m)
		}
		return nil
	})
	if err != nil { // the next stream or link tells
		c.srv.log.DebugContext(ctx, "lists are not looked at after a listen broke", "upstream", c.srv.set.Name, "error", err)
	}
}

// retell is mend for the resources that the session is subscribed to, and that those are who listen there.
func (c *channel) retell(ctx context.Context, cn *conn, listens bool) {
	ctx, end := until(ctx, cn.link.done(), func() error { return errDown })
	defer end()
	uris := c.watched.list()
	if listens {
		uris = append(uris, cn.watch.list()...)
		slices.Sort(uris)
		uris = slices.Compact(uris)
	}
	err := c.lapse.retell(ctx, c, uris, func(m *gate.Message) error {
		if listens {
			c.hearers.put(m)
		}
		if c.session != nil && c.watched.has(m) {
			c.srv.pool.tell(c.session, c.srv.set.Name, m)
		}
		return nil
	})
	if err != nil { // the next stream or link tells
		c.srv.log.DebugContext(ctx, "resources are not told of after a listen broke", "upstream", c.srv.set.Name, "error", err)
	}
}

// closed tells whether a link is of no more use.
func closed(l link) bool {
	select {
	case <-l.done():
		return true
	default:
		return false
	}
}

// anew is a list that was not begun to be read before a time.
func (c *channel) anew(ctx context.Context, cn *conn, kind gate.ItemKind, since time.Time) (*catalogue, error) {
	for wait := lapsePause; ; wait = lapseRetry {
		if err := pause(ctx, wait); err != nil {
			return nil, err
		}
		if !cn.views[kind].ageing(since) || c.rereads(kind) {
			break
		}
	}
	v := &cn.views[kind]
	v.mu.Lock()
	if v.old(since) {
		v.changed++
	}
	v.mu.Unlock()
	list, err := c.catalogue(ctx, cn, kind)
	if err == nil && v.ageing(since) { // one was being read from before
		list, err = c.catalogue(ctx, cn, kind)
	}
	return list, err
}

// rereads tells whether a list may be read anew now for the sake of a listen that broke.
func (c *channel) rereads(kind gate.ItemKind) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lapsed[kind] == nil {
		c.lapsed[kind] = newAllowance(lapseReads, lapseEvery)
	}
	return c.lapsed[kind].take()
}

// ageing tells whether a list was begun to be read before a time, and is not being read since.
func (v *view) ageing(since time.Time) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.old(since)
}

// old is ageing; it needs mu.
func (v *view) old(since time.Time) bool {
	if l := v.loading; l != nil && (l.begun.IsZero() || !l.begun.Before(since)) {
		return false
	}
	return v.list == nil || v.begun.Before(since)
}
