package upstream

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"slices"
	"time"

	"doorward/internal/gate"
)

// Bounds of the processes that are started before the call that each is for
// (Settings.PerCall). None waits where clients' own keys, or secrets that are made for a
// call, are part of what a process is started with: those are there for a call alone.
const (
	warmEach = 2               // for the calls of one client: the next, and one beside it
	warmAll  = 16              // of one upstream; the longest unused makes room
	warmIdle = 2 * time.Minute // unused; it is looked at each minute
	warmOwn  = maxOwnChildren / 2
	coldFor  = 10 * time.Minute // without any, for a client whose unused process asked something
	warmKeys = 1024             // clients that are told apart
)

// warmKey tells apart whom a process may be kept for. Its handshake has said whose it is
// and what that client can be asked, so it serves nobody else, and no other session.
type warmKey struct {
	channel channelKey // without the number of a call
	says    string     // of a stateless one, the capabilities in requests of Doorward's own
}

// warmth is what is kept for one warmKey.
type warmth struct {
	unused []*channel
	cold   time.Time // until then nothing is
}

func (c *channel) warmKey() warmKey {
	k := warmKey{channel: c.key}
	k.channel.call = 0
	if says := c.says.Load(); says != nil {
		k.says = string(*says)
	}
	return k
}

// warms tells whether processes of the upstream can be started before their calls. One
// whose time is bounded from its start would lose it to waiting.
func (s *server) warms() bool {
	timed := s.set.Sandbox != nil && s.set.Sandbox.Limits.Wall > 0
	return s.set.PerCall && !s.startsWithKeys() && !timed
}

// openWarm gives the exchange's call a process that waits for one, or is just being
// started; nil where there is none that it may have. The caller ends its use.
func (s *server) openWarm(ctx context.Context, ex *gate.Exchange, era gate.Era) (*channel, *conn) {
	if !s.warms() {
		return nil, nil
	}
	key, session, err := s.keyFor(ex, era)
	if err != nil {
		return nil, nil // which is met again at once
	}
	c := s.takeWarm(newChannel(s, key, session).speakingFor(ex).warmKey())
	if c == nil {
		s.pool.count(s.set.Name, "warm_miss")
		return nil, nil
	}
	cn, err := c.use(ctx)
	if err != nil || !s.asNow(cn) {
		c.end()
		s.discard(c, func() {})
		s.pool.count(s.set.Name, "warm_miss")
		return nil, nil
	}
	s.pool.count(s.set.Name, "warm_hit")
	s.stock(c)
	return c, cn
}

// takeWarm takes a process out of those that wait, in use from here on: one that is ready
// before one that is not.
func (s *server) takeWarm(k warmKey) *channel {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.warm[k]
	if w == nil {
		return nil
	}
	w.unused = slices.DeleteFunc(w.unused, s.lost)
	if len(w.unused) == 0 {
		return nil
	}
	at := max(slices.IndexFunc(w.unused, func(c *channel) bool { return c.conn.Load() != nil }), 0)
	c := w.unused[at]
	w.unused = slices.Delete(w.unused, at, at+1)
	c.spare.Store(false)
	c.begin()
	c.used.Store(time.Now().UnixNano())
	return c
}

// lost tells whether a channel is not the server's any more; it needs mu.
func (s *server) lost(c *channel) bool { return s.channels[c.key] != c }

// stock starts what may wait for the next calls of the client whose channel like is; nothing
// where that was ended meanwhile, as with its session: nobody would come for it.
func (s *server) stock(like *channel) {
	if !s.warms() {
		return
	}
	k, principal := like.warmKey(), like.principal()
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.warm[k]
	if s.lost(like) || w == nil && len(s.warm) >= warmKeys {
		return
	}
	if w == nil {
		w = &warmth{}
		s.warm[k] = w
	}
	w.unused = slices.DeleteFunc(w.unused, s.lost)
	if time.Now().Before(w.cold) {
		return
	}
	for len(w.unused) < warmEach && s.children.below(principal, warmOwn, maxChildren/2) {
		s.makeRoom()
		key := like.key
		key.call = s.lone.Add(1)
		c, err := s.enter(key, like.session)
		if err != nil {
			return // calls will say it
		}
		c.says.Store(like.says.Load())
		c.spare.Store(true)
		w.unused = append(w.unused, c)
		if _, err := c.begun(); err != nil {
			s.drop(c)
			return
		}
	}
}

// makeRoom ends the longest unused process where there are as many as may be; it needs mu.
func (s *server) makeRoom() {
	for {
		var oldest *channel
		n := 0
		for _, c := range s.channels {
			if !c.spare.Load() {
				continue
			}
			n++
			if oldest == nil || c.used.Load() < oldest.used.Load() {
				oldest = c
			}
		}
		if n < warmAll {
			return
		}
		s.drop(oldest)
	}
}

// drop ends a channel in the background; it needs mu.
func (s *server) drop(c *channel) {
	delete(s.channels, c.key)
	s.pool.channels.Add(-1)
	s.pool.wg.Go(func() { c.close(errDown) })
}

// spoil ends an unused process whose server asks something: nobody is there who could be
// asked, and what it was answered would be part of a later call. Its client's calls have
// processes that are started with them for a while. False is one that is in use by now.
func (s *server) spoil(c *channel) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !c.spare.Load() {
		return false
	}
	if w := s.warm[c.warmKey()]; w != nil {
		w.cold = time.Now().Add(coldFor)
		for _, other := range w.unused {
			if !s.lost(other) {
				s.drop(other)
			}
		}
		w.unused = nil
	}
	return true
}

// failedWarm takes an unused process out that did not come up.
func (s *server) failedWarm(c *channel) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.spare.Load() && !s.lost(c) {
		s.drop(c)
	}
}

// coolDown ends what nobody has used for long, and forgets whose it was.
func (s *server) coolDown(now time.Time) {
	s.closeAside(s.take(func(c *channel) bool {
		return c.spare.Load() && c.used.Load() < now.Add(-warmIdle).UnixNano()
	}))
	s.mu.Lock()
	defer s.mu.Unlock()
	for k, w := range s.warm {
		if w.unused = slices.DeleteFunc(w.unused, s.lost); len(w.unused) == 0 && now.After(w.cold) {
			delete(s.warm, k)
		}
	}
}

// preread reads the list of tools that the call will be compared with.
func (c *channel) preread(ctx context.Context, cn *conn) {
	if !c.spare.Load() {
		return
	}
	if _, err := c.catalogue(ctx, cn, gate.Tool); err != nil {
		c.srv.log.DebugContext(ctx, "the list of an unused process was not read", "upstream", c.srv.set.Name, "error", err)
	}
}

// asNow tells whether a process is what would be started now: the same files, allowed by
// the lock, with the same values of secrets.
func (s *server) asNow(cn *conn) bool {
	l, ok := cn.link.(*stdioLink)
	if !ok {
		return false
	}
	r, err := s.mayReach()
	if err != nil {
		return false
	}
	env, _, err := s.environment(nil)
	return err == nil && s.startMark(&r, env) == l.made
}

// startMark is a mark of what a process is started with, from which no secret can be told.
func (s *server) startMark(r *reach, env []string) (mark [sha256.Size]byte) {
	h := hmac.New(sha256.New, s.pool.cfg.StateKey[:])
	h.Write([]byte("doorward start\x00"))
	h.Write(r.item.Digest[:])
	for _, kv := range env { // which cannot hold the byte 0
		h.Write(append([]byte(kv), 0))
	}
	h.Sum(mark[:0])
	return mark
}
