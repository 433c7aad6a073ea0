package upstream

import (
	"slices"
	"sync"

	"doorward/internal/gate"
)

// maxListens is how many subscriptions/listen one principal may keep open: each
// holds a connection, and one at each of its upstreams.
const maxListens = 100

// listeners are the subscriptions/listen that are open.
type listeners struct {
	mu   sync.Mutex
	all  map[*listener]struct{}
	each map[string]int // by principal
}

// enter takes a place for a listen of the principal's; false when there is none.
func (t *listeners) enter(principal string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.each[principal] >= maxListens {
		return false
	}
	if t.each == nil {
		t.each = map[string]int{}
	}
	t.each[principal]++
	return true
}

func (t *listeners) leave(principal string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.each[principal]--; t.each[principal] <= 0 {
		delete(t.each, principal)
	}
}

func (t *listeners) add(l *listener) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.all == nil {
		t.all = map[*listener]struct{}{}
	}
	t.all[l] = struct{}{}
}

func (t *listeners) drop(l *listener) {
	t.mu.Lock()
	delete(t.all, l)
	t.mu.Unlock()
}

// wake has every listen ask whether its client may go on with it.
func (t *listeners) wake() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for l := range t.all {
		select {
		case l.look <- struct{}{}:
		default: // it is going to
		}
	}
}

// announce queues a change for those who asked for it, and whose upstream it is;
// one whose queue is full reads its lists again soon in any case.
func (t *listeners) announce(upstream string, m *gate.Message) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for l := range t.all {
		if !l.honoured.has(m) || !slices.Contains(l.ex.Target.Upstreams, upstream) {
			continue
		}
		select {
		case l.queue <- m:
		default:
		}
	}
}

// Announce tells every client that uses the upstream that its lists may have
// changed: not there, but in what a client may see of it. kinds are those that
// were decided about; others than lists have, and none at all, mean all of them.
// App calls it when a person has decided about definitions, and when the policy is
// another. Answers that were kept before are given no more.
func (p *Pool) Announce(upstream string, kinds ...gate.ItemKind) {
	s, err := p.server(upstream)
	if err != nil {
		return // it is gone, and whoever took it away tells its clients
	}
	s.changed.Add(1)
	p.announce(upstream, s.sessions(), kinds)
}

// announce tells those sessions, and who listens.
func (p *Pool) announce(upstream string, sessions []*gate.Session, kinds []gate.ItemKind) {
	all := len(kinds) == 0 || slices.ContainsFunc(kinds, func(k gate.ItemKind) bool { return capabilityOf(k) == "" })
	for _, name := range [...]string{"tools", "prompts", "resources"} {
		if !all && !slices.ContainsFunc(kinds, func(k gate.ItemKind) bool { return capabilityOf(k) == name }) {
			continue
		}
		m := bareChange(name)
		p.listening.announce(upstream, m)
		for _, session := range sessions {
			p.tell(session, upstream, m)
		}
	}
}

// sessions are those of the stateful clients that use the upstream now.
func (s *server) sessions() []*gate.Session {
	var all []*gate.Session
	s.mu.Lock()
	for _, c := range s.channels {
		if c.session != nil {
			all = append(all, c.session)
		}
		all = append(all, c.listeners()...)
	}
	s.mu.Unlock()
	s.pool.bridges.mu.Lock()
	defer s.pool.bridges.mu.Unlock()
	for key, b := range s.pool.bridges.open {
		if key.srv == s {
			all = append(all, b.session)
		}
	}
	return all
}
