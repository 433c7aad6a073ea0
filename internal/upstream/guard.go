package upstream

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"doorward/internal/gate"
	"doorward/internal/leak"
	"doorward/internal/mcp"
)

// guard looks for the secrets that an upstream was handed in everything that it
// returns, before anybody reads it: what is found is masked and put on record.
type guard struct {
	name   string
	keep   time.Duration // how long a value is looked for once another took its place: as long as a call that went with it may last
	record func(context.Context, gate.Event) error
	count  func(what string)
	blocks func() bool // a message with a secret is refused, and not masked

	fixed []leak.Secret // of the URL
	watch atomic.Pointer[leak.Watch]

	mu     sync.Mutex
	handed []handedOut
	told   map[telling]*tally
}

// handedOut is a secret that went to the upstream with a request.
type handedOut struct {
	name, prefix, value string
	until               time.Time // zero: it is the one in use
}

// telling is what one record a minute is about.
type telling struct{ secret, where string }

// tally is how often that happened since the last record.
type tally struct {
	mu    sync.Mutex // one record at a time, and guards the rest: who comes meanwhile waits for it
	next  time.Time
	since int
}

// Bounds of the records of leaks.
const (
	leakEvery  = time.Minute // between two about the same secret at the same place
	maxLeaking = 1_000       // places and secrets that are told apart
	elsewhere  = "other places"
)

func (s *server) newGuard() *guard {
	p := s.pool
	g := &guard{name: s.set.Name, keep: s.set.Timeout, record: p.cfg.Events, count: func(what string) { p.count(s.set.Name, what) }, blocks: p.cfg.BlockLeaks, told: map[telling]*tally{}}
	g.fixed = ofURL(s.set.URL)
	g.watch.Store(leak.New(g.fixed))
	return g
}

// ofURL are the secrets of an upstream's URL: a password, and what stands in its query
// under the name of a credential.
func ofURL(raw string) (list []leak.Secret) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil
	}
	if basic := basicAuth(u); basic != "" {
		list = append(list, spelledOut("the user of the url", "Basic ", strings.TrimPrefix(basic, "Basic "))...)
	}
	for name, values := range u.Query() {
		if !slices.ContainsFunc([]string{"key", "token", "secret", "pass", "auth", "sig"}, func(w string) bool { return strings.Contains(strings.ToLower(name), w) }) {
			continue
		}
		for _, v := range values {
			list = append(list, leak.Secret{Name: "the query of the url", Text: v})
		}
	}
	return list
}

// spelledOut is a secret with the parts of it that are secrets as well: the lines of a
// key in a file, the password in the header of HTTP Basic (RFC 7617), and those of a URL of a
// database.
func spelledOut(name, prefix, value string) []leak.Secret {
	list := append(leak.WithLines(name, value), passwords(name, value)...)
	if strings.EqualFold(strings.TrimSpace(prefix), "basic") {
		if pair, err := base64.StdEncoding.DecodeString(value); err == nil {
			_, password, _ := strings.Cut(string(pair), ":")
			list = append(list, leak.Secret{Name: name, Text: string(pair)}, leak.Secret{Name: name, Text: password})
		}
	}
	return list
}

// hand notes that a secret goes to the upstream. It costs nothing while its value stays, and
// little where two versions take turns, as they do with each call while the upstream takes the
// older one alone: each is there once.
func (g *guard) hand(name, prefix, value string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now, there := time.Now(), false
	for i := range g.handed {
		h := &g.handed[i]
		switch {
		case h.name != name:
		case h.value == value:
			h.until, there = time.Time{}, true
		case h.until.IsZero():
			h.until = now.Add(g.keep)
		}
	}
	if there {
		return
	}
	g.handed = append(g.handed, handedOut{name: name, prefix: prefix, value: value})
	g.settle(now)
}

// expire forgets values that others took the place of.
func (g *guard) expire(now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if slices.ContainsFunc(g.handed, func(h handedOut) bool { return h.past(now) }) {
		g.settle(now)
	}
}

func (h *handedOut) past(now time.Time) bool { return !h.until.IsZero() && now.After(h.until) }

// settle makes the watch anew; it needs mu.
func (g *guard) settle(now time.Time) {
	g.handed = slices.DeleteFunc(g.handed, func(h handedOut) bool { return h.past(now) })
	list := slices.Clone(g.fixed)
	for i := range g.handed {
		list = append(list, spelledOut(g.handed[i].name, g.handed[i].prefix, g.handed[i].value)...)
	}
	g.watch.Store(leak.New(list))
}

// ownKeyName is what reports call a key that a client brought.
const ownKeyName = "a client's own key"

// ownKey is what goes with one call alone, a client's own key or a secret that is made for it, which
// is looked for in what comes back. The search is made
// ready once something has: of most calls that fail, nothing does.
type ownKey struct {
	key   gate.Secret
	name  string // that reports say
	once  sync.Once
	watch *leak.Watch
}

// newOwnKey is nil for no key.
func newOwnKey(own gate.Secret, name string) *ownKey {
	if own == (gate.Secret{}) {
		return nil
	}
	return &ownKey{key: own, name: name}
}

// look looks for the key; nil finds nothing.
func (k *ownKey) look() *leak.Watch {
	if k == nil {
		return nil
	}
	k.once.Do(func() { k.watch = leak.New([]leak.Secret{{Name: k.name, Text: k.key.Reveal()}}) })
	return k.watch
}

// parse reads an upstream's message without the secrets in it. also are those of the
// link or the call beside the upstream's, and answers is the request that a result
// is for, where that is known.
func (g *guard) parse(raw []byte, answers func(*gate.Message) string, also ...*leak.Watch) (*gate.Message, error) {
	masked, names := g.watch.Load().MaskJSON(raw)
	for _, w := range also {
		var more []string
		masked, more = w.MaskJSON(masked)
		names = append(names, more...)
	}
	m, err := mcp.ParseUpstream(masked)
	if len(names) == 0 {
		return m, err
	}
	if failed := g.report(names, saidIn(m, answers)); failed != nil {
		return nil, &leakError{idTokenOf(m), failed}
	}
	if err != nil {
		return nil, err
	}
	if g.blocks != nil && g.blocks() {
		return nil, &leakError{idTokenOf(m), &gate.Error{
			Code: gate.CodeResultRefused, Op: "reading from upstream " + g.name, Err: fmt.Errorf("it holds %s", strings.Join(names, ", ")),
			Public: "What the server sent back was refused: it holds a credential of the gateway's.",
		}}
	}
	m.Leaked = true
	return m, nil
}

func idTokenOf(m *gate.Message) []byte {
	if m == nil || !m.Final() {
		return nil
	}
	return m.Bytes(m.ID)
}

// leakError is a message that is refused for a secret in it.
type leakError struct {
	id  []byte // of the request that it answers
	err error
}

func (e *leakError) Error() string { return e.err.Error() }

// Unwrap returns why.
func (e *leakError) Unwrap() error { return e.err }

// saidIn says in what a secret was, in one of a few ways.
func saidIn(m *gate.Message, answers func(*gate.Message) string) string {
	switch {
	case m == nil:
		return "a malformed message"
	case m.Final():
		if method := answers(m); method != "" {
			return "the answer to " + method
		}
		return "an answer"
	}
	switch m.Method {
	case methodProgress, methodLog, methodUpdated, methodSampling, methodElicit, methodRootsList:
		return m.Method
	}
	if m.Kind == gate.Request {
		return "a request"
	}
	return "a notification"
}

// report puts on record which secrets were where, each once a minute.
func (g *guard) report(names []string, where string) error {
	g.count("secret_leaked")
	for _, name := range names {
		if err := g.tell(telling{name, where}); err != nil {
			return &gate.Error{Code: gate.CodeAudit, Op: "recording secret.leaked", Err: err}
		}
	}
	return nil
}

// tell makes a record where one is due. One that was not made the next of the kind has to make,
// and is refused, too, where that fails.
func (g *guard) tell(t telling) error {
	one := g.tally(t)
	one.mu.Lock()
	defer one.mu.Unlock()
	now := time.Now()
	if now.Before(one.next) {
		one.since++
		return nil
	}
	detail := fmt.Sprintf("secret %s in %s", t.secret, t.where)
	if one.since > 0 {
		detail += fmt.Sprintf(", and %d times since it was last told", one.since)
	}
	if err := g.record(context.Background(), gate.Event{Kind: "secret.leaked", Actor: "doorward", Upstream: g.name, Detail: detail, Status: "masked"}); err != nil {
		one.since++
		return err
	}
	one.since, one.next = 0, now.Add(leakEvery)
	return nil
}

// tally is that of a secret at a place; of all places together once there are too many.
func (g *guard) tally(t telling) *tally {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.told[t] == nil {
		if len(g.told) >= maxLeaking {
			t.where = elsewhere
		}
		if g.told[t] == nil {
			g.told[t] = &tally{}
		}
	}
	return g.told[t]
}

// quiet is an error that says nothing of the secrets.
func (g *guard) quiet(err error) error {
	if err == nil {
		return nil
	}
	masked, names := g.watch.Load().Mask([]byte(err.Error()))
	if names == nil {
		return err
	}
	return &quotedError{string(masked), err}
}

// given is what a process was given as it began, for what it writes.
type given struct {
	guard *guard
	watch *leak.Watch
}

// conceal takes an upstream's secrets out of a line that it wrote beside its messages.
func conceal(line []byte, g *given) []byte {
	masked, names := g.watch.Mask(line)
	if names != nil && g.guard.report(names, "a line of its output") != nil {
		return []byte(leak.Mark) // without a record nothing of it is shown
	}
	return masked
}

// method is the request that a message on the link answers.
func (x *mux) method(m *gate.Message) string {
	id, ok := idOf(m.Bytes(m.ID))
	x.mu.Lock()
	defer x.mu.Unlock()
	if w := x.calls[id]; ok && w != nil {
		return w.o.method
	}
	return ""
}

// watches adds those of the calls that are under way, for their clients' own keys.
func (x *mux) watches(all []*leak.Watch) []*leak.Watch {
	for _, k := range x.ownKeys() {
		all = append(all, k.look())
	}
	return all
}

func (x *mux) ownKeys() (keys []*ownKey) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, w := range x.calls {
		if w.own != nil {
			keys = append(keys, w.own)
		}
	}
	return keys
}

// saying is what an upstream says over HTTP: of one request, or of none.
type saying struct {
	guard  *guard
	method string  // of the request
	own    *ownKey // the client's; nil for none
}

func (s saying) parse(raw []byte) (*gate.Message, error) {
	return s.guard.parse(raw, func(*gate.Message) string { return s.method }, s.own.look())
}

// errLeaked is a definition that holds a secret.
var errLeaked = errors.New("it holds a secret of Doorward's")
