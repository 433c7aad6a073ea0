package upstream

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
	"weak"

	"doorward/internal/gate"
	"doorward/internal/jsonrpc"
	"doorward/internal/leak"
	"doorward/internal/mcp"
)

// Bounds of one upstream's list.
const (
	maxPages    = 100
	maxItems    = 10_000
	maxCatalog  = 16 << 20 // bytes of its definitions
	maxLeftOut  = 100      // entries that are left out and logged each
	listTimeout = 10 * time.Second
	shownTTL    = 5 * time.Second // how long clients may keep a list; an approval changes it
	statefulTTL = time.Minute     // how long a session's list is believed when nothing says that it changed
)

// catalogue is what an upstream offers of one kind, as read once. It never
// changes; several channels may share it.
type catalogue struct {
	items  []gate.Item // State and Shown are not set
	odd    []gate.Item // that cannot be used, and that the lock must know of: what the upstream offered in a name's place
	byName map[string]int
	twins  map[string][]int             // by mcp.Fold, of names that look the same
	params map[string][]mcp.HeaderParam // of tools that have any
}

// view is a conn's catalogue of one kind.
type view struct {
	mu      sync.Mutex
	list    *catalogue
	until   time.Time // fresh until
	changed uint64    // how often the upstream said that it changed
	read    uint64    // changed when list was read
	drift   uint64    // the upstream's drift when list was read
	at      time.Time // when list was read
	begun   time.Time // when list was begun to be read
	hasty   int       // reads in a row that came within floodPause of the one before
	loading *loading
}

// loading is a list that is being read, for all who wait for it.
type loading struct {
	done  chan struct{}
	begun time.Time // guarded by the view's mu; zero before its first page is asked for
	list  *catalogue
	err   error
}

// heed notes that a list changed: the next use reads it again. No answer that was kept
// before is given after it, nor after a resource changed.
func (c *channel) heed(m *gate.Message) {
	if m.Method == methodUpdated || listChanged(m.Method) {
		c.srv.changed.Add(1)
	}
	cn := c.conn.Load()
	if cn == nil {
		return
	}
	for _, kind := range changedKinds(m.Method) {
		v := &cn.views[kind]
		v.mu.Lock()
		v.changed++
		v.mu.Unlock()
	}
}

// changedKinds are the kinds that a notification says have changed.
func changedKinds(method string) []gate.ItemKind {
	switch method {
	case "notifications/tools/list_changed":
		return []gate.ItemKind{gate.Tool}
	case "notifications/prompts/list_changed":
		return []gate.ItemKind{gate.Prompt}
	case "notifications/resources/list_changed":
		return []gate.ItemKind{gate.Resource, gate.Template}
	}
	return nil
}

func listChanged(method string) bool { return changedKinds(method) != nil }

// capabilityOf is the capability without which a kind is not listed.
func capabilityOf(kind gate.ItemKind) string {
	switch kind {
	case gate.Tool:
		return "tools"
	case gate.Prompt:
		return "prompts"
	case gate.Resource, gate.Template:
		return "resources"
	default:
		return ""
	}
}

// catalogue returns the view of a kind, reading it where it is not fresh.
func (c *channel) catalogue(ctx context.Context, cn *conn, kind gate.ItemKind) (*catalogue, error) {
	name := capabilityOf(kind)
	if name == "" {
		return nil, fmt.Errorf("a %s is not listed", kind)
	}
	if !cn.hello.Load().offers(name) {
		return &catalogue{}, nil
	}
	v := &cn.views[kind]
	v.mu.Lock()
	if list := v.fresh(c.srv.drift.of(kind)); list != nil {
		v.mu.Unlock()
		return list, nil
	}
	l := v.loading
	if l == nil {
		l = &loading{done: make(chan struct{})}
		v.loading = l
		c.srv.pool.wg.Go(func() { c.load(cn, kind, l) })
	}
	v.mu.Unlock()
	select {
	case <-l.done:
		return l.list, l.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// fresh is the list where it need not be read again, nil otherwise; it needs mu.
func (v *view) fresh(drift uint64) *catalogue {
	if v.list != nil && v.read == v.changed && v.drift == drift && time.Now().Before(v.until) {
		return v.list
	}
	return nil
}

// atHand is the catalogue of an open link where it is fresh, which is what
// nearly every call finds: it waits for nothing and needs no deadline.
func (c *channel) atHand(kind gate.ItemKind) (*conn, *catalogue) {
	cn := c.ready()
	if cn == nil || int(kind) >= len(cn.views) || !cn.hello.Load().offers(capabilityOf(kind)) {
		return nil, nil
	}
	v := &cn.views[kind]
	v.mu.Lock()
	defer v.mu.Unlock()
	return cn, v.fresh(c.srv.drift.of(kind))
}

// A list that the upstream says has changed more than floodChanges times since it
// was read is read again floodPause after that at the earliest: whoever uses it
// waits, and nobody is served the old one (security case RES-07).
const (
	floodChanges = 8
	floodPause   = time.Second
	hastyReads   = 3 // that need not wait
)

// load reads a list for everybody who waits for it.
func (c *channel) load(cn *conn, kind gate.ItemKind, l *loading) {
	v := &cn.views[kind]
	v.mu.Lock()
	if v.read != v.changed && time.Since(v.at) < floodPause {
		v.hasty++
	} else {
		v.hasty = 0
	}
	flood, at := v.changed-v.read > floodChanges || v.hasty > hastyReads, v.at
	v.mu.Unlock()
	if flood {
		c.srv.pool.sleep(time.Until(at.Add(floodPause)))
	}
	v.mu.Lock()
	changed := v.changed
	l.begun = time.Now()
	v.mu.Unlock()
	ctx, cancel := withLimit(context.Background(), min(c.srv.set.Timeout, listTimeout))
	defer cancel()
	ctx, end := untilStopping(ctx, c.srv.pool.stopping)
	defer end()
	began, ttl := time.Now(), time.Duration(0)
	if l.err = c.srv.event(ctx, "catalogue.read", kind.String()); l.err == nil {
		l.list, ttl, l.err = c.pages(ctx, cn, kind)
		l.err = c.srv.classify(ctx, "listing", l.err)
		c.settleBreaker(began, l.err)
	}
	if l.err == nil {
		l.list = c.srv.pool.lists.intern(l.list)
		if seen := c.srv.pool.cfg.Seen; seen != nil && c.srv.pinned(kind) {
			seen(l.list.all())
		}
	}
	v.mu.Lock()
	v.loading = nil
	if l.err == nil {
		if c.key.era == gate.Stateful {
			ttl = statefulTTL
		}
		v.list, v.read, v.begun, v.at, v.until = l.list, changed, l.begun, time.Now(), time.Now().Add(ttl)
		v.drift = c.srv.drift.compare(kind, l.list)
	}
	v.mu.Unlock()
	close(l.done)
}

// pages reads all pages of a list.
func (c *channel) pages(ctx context.Context, cn *conn, kind gate.ItemKind) (*catalogue, time.Duration, error) {
	g := &gathering{srv: c.srv, kind: kind, names: map[string]int{}, first: map[string]int{}, headers: c.key.era == gate.Stateless && c.srv.wire != nil}
	cursor, ttl := "", maxTTL
	for page := 1; ; page++ {
		m, err := c.request(ctx, cn.link, mcp.ListMethod(kind), c.listParams(cursor))
		if _, odd := errors.AsType[*statusError](err); (odd || err == nil && eraSign(m)) && c.flipped(ctx, cn) {
			return nil, 0, errFlipped
		}
		if err != nil {
			return nil, 0, err
		}
		if m.Kind == gate.Failure {
			if errorCode(m) == "-32601" { // declared, and yet not there
				return g.catalogue(), ttl, nil
			}
			return nil, 0, fmt.Errorf("%w: listing answered with error %s", errProtocol, errorCode(m))
		}
		g.leaked = m.Leaked
		ttl = min(ttl, ttlOf(m))
		before := cursor
		cursor, err = mcp.Page(kind, m.Bytes(m.Result), g.add)
		switch {
		case errors.Is(err, errFull):
		case err != nil:
			return nil, 0, errors.Join(errProtocol, err)
		case cursor == "":
			return g.catalogue(), ttl, nil
		case cursor == before:
			err = fmt.Errorf("%w: the same page again and again", errFull)
		case page == maxPages:
			err = fmt.Errorf("%w: more than %d pages", errFull, maxPages)
		default:
			continue
		}
		return g.catalogue(), ttl, c.truncated(ctx, kind, err)
	}
}

// errFull is a list that is longer than what is kept of it.
var errFull = errors.New("the list is cut short")

// truncated puts on record that the rest of a list is not there for anybody: what
// came first can be used, and who approves should know (security case RES-06).
func (c *channel) truncated(ctx context.Context, kind gate.ItemKind, why error) error {
	c.srv.log.WarnContext(ctx, "upstream offers more than is read; the rest cannot be used", "upstream", c.srv.set.Name, "kind", kind.String(), "reason", why)
	return c.srv.event(ctx, "catalogue.truncated", fmt.Sprintf("%s: %v", kind, why))
}

func (c *channel) listParams(cursor string) []byte {
	b := []byte{'{'}
	if cursor != "" {
		b = jsonrpc.AppendString(append(b, `"cursor":`...), cursor)
	}
	if c.key.era == gate.Stateless {
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(b, c.ownMeta()...)
	}
	return append(b, '}')
}

// gathering is a catalogue in the making.
type gathering struct {
	srv     *server
	kind    gate.ItemKind
	headers bool // tools must have proper x-mcp-header annotations
	items   []gate.Item
	odd     []gate.Item    // whose names came before
	names   map[string]int // how often each came
	first   map[string]int // where each is in items
	bytes   int
	total   int
	left    int  // entries left out
	leaked  bool // a secret was masked in the page that is read
}

// add takes one entry of a list. One that is no object, or has no proper name or
// digest, is left out: nobody could approve it, or call it. It does not take the
// rest of the list with it (security case MHB-12).
func (g *gathering) add(raw []byte) error {
	if g.total++; g.total > maxItems {
		return fmt.Errorf("%w: more than %d items", errFull, maxItems)
	}
	if g.bytes += len(raw); g.bytes > maxCatalog {
		return fmt.Errorf("%w: more than %d bytes", errFull, maxCatalog)
	}
	if len(raw) == 0 || raw[0] != '{' {
		g.leaveOut("", errors.New("it is no object"))
		return nil
	}
	name, err := mcp.NameOf(g.kind, raw)
	if err != nil {
		g.leaveOut(name, err)
		return nil
	}
	if g.leaked && bytes.Contains(raw, []byte(leak.Mark)) { // and nobody shall pin it
		g.leaveOut(name, errLeaked)
		return nil
	}
	it := gate.Item{Kind: g.kind, Upstream: g.srv.set.Name, Name: name, Raw: raw, Unread: !g.srv.pinned(g.kind)}
	g.names[name]++
	if at, ok := g.first[name]; ok && bytes.Equal(g.items[at].Raw, raw) {
		return nil // the same again: nothing new for the lock
	}
	if it.Digest, err = mcp.DigestOf(g.kind, raw); err != nil {
		g.leaveOut(name, err)
		return nil
	}
	if g.names[name] > 1 {
		g.odd = append(g.odd, it)
		return nil
	}
	g.first[name] = len(g.items)
	g.items = append(g.items, it)
	return nil
}

func (g *gathering) leaveOut(name string, why error) {
	if g.left++; g.left > maxLeftOut {
		return
	}
	g.srv.log.Warn("upstream offers what cannot be shown", "upstream", g.srv.set.Name,
		"kind", g.kind.String(), "name", printable([]byte(name), maxShown), "error", why)
}

// catalogue is what was gathered. A name that came twice is left out both
// times: which of the two a call means cannot be known. The lock learns of both.
func (g *gathering) catalogue() *catalogue {
	c := &catalogue{byName: map[string]int{}, odd: g.odd}
	for _, it := range g.items {
		if g.names[it.Name] > 1 {
			g.leaveOut(it.Name, errors.New("the name is used twice"))
			c.odd = append(c.odd, it)
			continue
		}
		if it.Kind == gate.Tool && g.headers {
			schema, _ := memberOf(it.Raw, "inputSchema")
			params, err := mcp.HeaderParams(schema)
			if err != nil {
				g.leaveOut(it.Name, err)
				c.odd = append(c.odd, it)
				continue
			}
			if len(params) > 0 {
				if c.params == nil {
					c.params = map[string][]mcp.HeaderParam{}
				}
				c.params[it.Name] = params
			}
		}
		c.byName[it.Name] = len(c.items)
		c.items = append(c.items, it)
	}
	looks := make(map[string][]int, len(c.items))
	for i := range c.items {
		look := mcp.Fold(c.items[i].Name)
		looks[look] = append(looks[look], i)
	}
	for look, of := range looks {
		if len(of) > 1 {
			if c.twins == nil {
				c.twins = map[string][]int{}
			}
			c.twins[look] = of
		}
	}
	return c
}

// all is every definition that the upstream offered under a name, for the lock.
func (c *catalogue) all() []gate.Item {
	if len(c.odd) == 0 {
		return c.items
	}
	return slices.Concat(c.items, c.odd)
}

// interned lets channels that read the same list share its memory.
type interned struct {
	mu   sync.Mutex
	held map[[32]byte]weak.Pointer[catalogue]
}

func (in *interned) intern(c *catalogue) *catalogue {
	if len(c.items) == 0 {
		return c
	}
	h := sha256.New()
	all := c.all()
	for i := range all {
		it := &all[i]
		head := append(binary.BigEndian.AppendUint64([]byte{byte(it.Kind)}, uint64(len(it.Raw))), it.Upstream...)
		h.Write(head)
		h.Write(it.Raw)
	}
	// The same tools with and without header parameters read are not the same, nor
	// are those that can be used and those that cannot.
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(c.params))))
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(c.items))))
	key := [32]byte(h.Sum(nil))
	in.mu.Lock()
	defer in.mu.Unlock()
	if had := in.held[key].Value(); had != nil {
		return had
	}
	if in.held == nil {
		in.held = map[[32]byte]weak.Pointer[catalogue]{}
	}
	for k, w := range in.held {
		if w.Value() == nil {
			delete(in.held, k)
		}
	}
	in.held[key] = weak.Make(c)
	return c
}
