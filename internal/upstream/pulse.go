package upstream

import (
	"sync"
	"time"

	"doorward/internal/gate"
)

// pulseEvery is how often a client hears that a list changed, at most: its
// answer is to read the whole list, of all upstreams (security case RES-07).
const pulseEvery = time.Second

// pulse is the rhythm of one notification to one client.
type pulse struct {
	until time.Time // before which the next one waits
	held  bool      // one waits
}

// now tells whether a notification may go out at once. Otherwise one is held
// back for wait, and first says that nobody waits for it yet.
func (p *pulse) now(t time.Time) (out bool, wait time.Duration, first bool) {
	if wait = p.until.Sub(t); wait <= 0 && !p.held {
		p.until = t.Add(pulseEvery)
		return true, 0, false
	}
	first, p.held = !p.held, true
	return false, max(wait, 0), first
}

// beat is when the held one goes out.
func (p *pulse) beat(t time.Time) {
	p.held, p.until = false, t.Add(pulseEvery)
}

type pulseKey struct{ session, method string }

// pulses are those of the open sessions, one for each kind of list.
type pulses struct {
	mu sync.Mutex
	of map[pulseKey]*pulse
}

func (p *pulses) drop(session *gate.Session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for key := range p.of {
		if key.session == session.ID {
			delete(p.of, key)
		}
	}
}

// tell passes what an upstream sent outside any call on to a session. Changes of
// a list, of whichever upstream, are told at most once in pulseEvery, and the
// last one always is.
func (p *Pool) tell(session *gate.Session, upstream string, m *gate.Message) {
	send := p.cfg.Unsolicited
	switch {
	case send == nil:
		p.count(upstream, "dropped")
		return
	case !listChanged(m.Method):
		send(session, upstream, m)
		return
	}
	key := pulseKey{session.ID, m.Method}
	p.pulses.mu.Lock()
	if p.pulses.of == nil {
		p.pulses.of = map[pulseKey]*pulse{}
	}
	beat := p.pulses.of[key]
	if beat == nil {
		beat = &pulse{}
		p.pulses.of[key] = beat
	}
	out, wait, first := beat.now(time.Now())
	p.pulses.mu.Unlock()
	switch {
	case out:
		send(session, upstream, m)
	case first:
		p.wg.Go(func() {
			if !p.sleep(wait) {
				return
			}
			p.pulses.mu.Lock()
			open := p.pulses.of[key] == beat
			beat.beat(time.Now())
			p.pulses.mu.Unlock()
			if open {
				send(session, upstream, m)
			}
		})
	}
}

// sleep waits; false when the pool closes first.
func (p *Pool) sleep(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-p.stopping:
		return false
	}
}

// latecomers are the sessions that began before the upstream was there.
type latecomers struct {
	mu   sync.Mutex
	wait map[string]*gate.Session
}

func (l *latecomers) add(session *gate.Session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.wait == nil {
		l.wait = map[string]*gate.Session{}
	}
	if len(l.wait) < maxChannels {
		l.wait[session.ID] = session
	}
}

func (l *latecomers) drop(session *gate.Session) {
	l.mu.Lock()
	delete(l.wait, session.ID)
	l.mu.Unlock()
}

// take returns the sessions that can use a channel that has opened.
func (l *latecomers) take(c *channel) (of []*gate.Session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, session := range l.wait {
		if c.shared() || c.session == session || c.session == nil && session.Owner == c.key.owner.key {
			of = append(of, session)
			delete(l.wait, id)
		}
	}
	return of
}

// arrived tells the sessions that began without the upstream what it brings.
func (c *channel) arrived(cn *conn) {
	h := cn.hello.Load()
	for _, session := range c.srv.latecomers.take(c) {
		for _, kind := range [...]gate.ItemKind{gate.Tool, gate.Prompt, gate.Resource} {
			if name := capabilityOf(kind); h.offers(name) {
				c.srv.pool.tell(session, c.srv.set.Name, bareChange(name))
			}
		}
	}
}
