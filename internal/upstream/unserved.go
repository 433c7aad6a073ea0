package upstream

import (
	"slices"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

// serves tells whether an upstream is for a principal's tenant.
func (p *Pool) serves(who *gate.Principal, upstream string) bool {
	return p.cfg.Serves == nil || p.cfg.Serves(who, upstream)
}

// CloseUnserved ends what is open at upstreams that are no more for the tenant that it is
// open for: listens, sessions and processes with their calls, and the lists that were read
// for its people. A call under way in a session that all share gets its answer. App calls it when Config.Serves may say something else, and then told,
// which tells the clients of sessions that their lists have changed.
func (p *Pool) CloseUnserved() (told func()) {
	lost := map[string][]*gate.Session{}
	for _, s := range p.list() {
		if left := s.unserved(); len(left) > 0 {
			lost[s.set.Name] = left
		}
	}
	p.listening.wake()
	p.bridges.sweep(func(session *gate.Session, s *server) bool { return p.serves(session.Principal, s.set.Name) })
	for _, s := range p.list() {
		s.closeUnserved(lost[s.set.Name])
	}
	return func() {
		for name, sessions := range lost {
			p.announce(name, sessions, nil)
		}
	}
}

// unserved are the sessions of clients that use the upstream, and for whose tenant it is not.
func (s *server) unserved() []*gate.Session {
	return slices.DeleteFunc(s.sessions(), func(session *gate.Session) bool { return s.pool.serves(session.Principal, s.set.Name) })
}

// closeUnserved closes the channels of those for whom the upstream is not; of a shared one
// the sessions hear nothing more.
func (s *server) closeUnserved(sessions []*gate.Session) {
	gone := func(key string) bool { return !s.servesOwner(key) }
	s.kept.forget(gone)
	s.closeAside(s.take(func(c *channel) bool {
		switch {
		case c.session != nil:
			return !s.pool.serves(c.session.Principal, s.set.Name)
		case c.key.owner.kind != "":
			return gone(c.key.owner.key)
		}
		for _, session := range sessions {
			c.leave(session)
		}
		return false
	}))
}

// servesOwner tells it of the principal with a key (gate.Principal.Key).
func (s *server) servesOwner(key string) bool {
	realm, tenant, subject, ok := gate.KeyParts(key)
	return ok && s.pool.serves(&gate.Principal{Realm: realm, Tenant: tenant, Subject: subject}, s.set.Name)
}

// served tells whether every upstream of the listen is for its client's tenant still.
func (l *listener) served() bool {
	return !slices.ContainsFunc(l.ex.Target.Upstreams, func(name string) bool { return !l.pool.serves(l.ex.Principal, name) })
}

// may tells whether the listen's client may listen to one upstream still.
func (l *listener) may(name string) bool {
	p, who := l.pool, l.ex.Principal
	return p.serves(who, name) && (p.cfg.Live == nil || p.cfg.Live(who))
}

// heard tells whether the client may hear of a change still: who may not read a resource
// any more is not told that it has changed.
func (l *listener) heard(m *gate.Message) bool {
	uri, ok := mcp.UpdatedResource(m)
	if !ok {
		return true
	}
	for name, uris := range l.where {
		if slices.Contains(uris, uri) {
			return l.pool.cfg.MayRead != nil && l.pool.cfg.MayRead(l.ex, name, uri)
		}
	}
	return false // it was not asked for
}
