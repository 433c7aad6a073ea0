package listen

import (
	"sync"
	"sync/atomic"
	"time"

	"doorward/internal/gate"
)

// session is a client's session and what the gateway keeps for it. The id names
// it and is never a credential: whoever uses one must also be its owner.
type session struct {
	gate.Session
	log   eventLog
	used  atomic.Int64 // Unix nanoseconds of the last use
	ended chan struct{}

	mu      sync.Mutex
	open    bool // the handshake's result went out
	over    bool
	streams int                // open GET streams; they keep it from idling
	push    func([]byte) error // to the connection that is the session; nil over HTTP
	calls   flights            // calls that outlive their connection, or that connection
}

func (se *session) touch() { se.used.Store(time.Now().UnixNano()) }

// speak makes what belongs to the session and to no call go to push.
func (se *session) speak(push func([]byte) error) {
	se.mu.Lock()
	se.push = push
	se.mu.Unlock()
}

func (se *session) connection() func([]byte) error {
	se.mu.Lock()
	defer se.mu.Unlock()
	return se.push
}

// streaming counts GET streams in and out.
func (se *session) streaming(delta int) {
	se.touch()
	se.mu.Lock()
	se.streams += delta
	se.mu.Unlock()
}

// idle tells whether nothing has used the session since before.
func (se *session) idle(before time.Time) bool {
	se.mu.Lock()
	defer se.mu.Unlock()
	return se.streams == 0 && se.calls.none() && se.used.Load() < before.UnixNano()
}

// end marks the session ended and stops what runs in it. Only the first call
// returns true.
func (se *session) end() bool {
	se.mu.Lock()
	defer se.mu.Unlock()
	if se.over {
		return false
	}
	se.over, se.open = true, false
	close(se.ended)
	se.calls.stop()
	return true
}

// sessions is the table of all sessions, bounded per principal and in all.
type sessions struct {
	cfg  *Config
	stop chan struct{}
	done chan struct{}
	once sync.Once

	replay atomic.Int64 // bytes in every session's event log

	mu    sync.RWMutex
	byID  map[string]*session
	owned map[string]int // sessions by Owner
}

func newSessions(cfg *Config) *sessions {
	t := &sessions{
		cfg:   cfg,
		stop:  make(chan struct{}),
		done:  make(chan struct{}),
		byID:  make(map[string]*session),
		owned: make(map[string]int),
	}
	go t.sweep()
	return t
}

// Find returns the session with that id when p owns it and it was made under
// the same profile, and marks it used. Anybody else's session is as unknown as
// one that never was (CVE-2026-52869, CVE-2026-79537). The id of a connection's
// session is never shown, so that no header can name it. decode calls it.
func (s *Server) Find(id string, p *gate.Principal, profile string) (*gate.Session, bool) {
	se := s.sessions.get(id)
	if se == nil || p == nil || !p.HasKey(se.Owner) || se.Profile != profile {
		return nil, false
	}
	se.mu.Lock()
	open := se.open
	se.mu.Unlock()
	if !open {
		return nil, false
	}
	se.touch()
	return &se.Session, true
}

// Has tells whether there is a session with that id, pending or open. It is no use
// of the session.
func (s *Server) Has(id string) bool { return id != "" && s.sessions.get(id) != nil }

// Begin makes a pending session with a new id of 256 random bits. It can be
// found once the result of its handshake has been delivered; until then it
// counts against the limits, and a failed handshake drops it. The error is a
// *gate.Error with CodeSessionLimit. decode calls it for initialize; it fills
// in what s holds beside the ID and the Owner.
func (s *Server) Begin(p *gate.Principal, fields gate.Session) (*gate.Session, error) {
	se := &session{Session: fields, ended: make(chan struct{})}
	se.ID, se.Owner, se.Principal = newToken(32), p.Key(), p
	se.log.init(&s.cfg.Limits, &s.sessions.replay)
	se.touch()
	if err := s.sessions.add(se); err != nil {
		return nil, err
	}
	s.cfg.Meter.Sessions(1)
	return &se.Session, nil
}

func (t *sessions) add(se *session) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	over := ""
	switch {
	case len(t.byID) >= t.cfg.Limits.Sessions:
		over = "too many sessions are open: try again later"
	case t.owned[se.Owner] >= t.cfg.Limits.SessionsPerPrincipal:
		over = "you have too many open sessions: end one with DELETE, or try again later"
	default:
		t.byID[se.ID] = se
		t.owned[se.Owner]++
		return nil
	}
	return &gate.Error{Code: gate.CodeSessionLimit, Public: over, Op: "opening a session"}
}

func (t *sessions) get(id string) *session {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.byID[id]
}

// commit opens a pending session for use.
func (t *sessions) commit(gs *gate.Session) {
	se := t.get(gs.ID)
	if se == nil {
		return
	}
	se.mu.Lock()
	se.open = !se.over
	se.mu.Unlock()
	se.touch()
}

// drop ends the session gs, pending or open.
func (t *sessions) drop(gs *gate.Session) {
	if gs == nil {
		return
	}
	if se := t.get(gs.ID); se != nil {
		t.close(se)
	}
}

func (t *sessions) close(se *session) {
	if !se.end() {
		return
	}
	t.mu.Lock()
	delete(t.byID, se.ID)
	if t.owned[se.Owner]--; t.owned[se.Owner] <= 0 {
		delete(t.owned, se.Owner)
	}
	t.mu.Unlock()
	se.log.clear()
	t.cfg.Meter.Sessions(-1)
	t.cfg.SessionClosed(&se.Session)
}

// all is every session that filter wants.
func (t *sessions) all(filter func(*session) bool) []*session {
	t.mu.RLock()
	defer t.mu.RUnlock()
	var list []*session
	for _, se := range t.byID {
		if filter(se) {
			list = append(list, se)
		}
	}
	return list
}

// CloseAll ends every session; SessionClosed has been told about each when it
// returns.
func (s *Server) CloseAll() {
	for _, se := range s.sessions.all(func(*session) bool { return true }) {
		s.sessions.close(se)
	}
}

// CloseOwned ends every session of the principal with that key, its streams and
// its calls: for a credential that was revoked.
func (s *Server) CloseOwned(key string) {
	s.CloseThose(func(gs *gate.Session) bool { return gs.Owner == key })
}

// CloseThose ends every session that match wants, its streams and its calls.
func (s *Server) CloseThose(match func(*gate.Session) bool) {
	for _, se := range s.sessions.all(func(se *session) bool { return match(&se.Session) }) {
		s.sessions.close(se)
	}
}

// sweep ends idle sessions and forgets events that nobody came back for. It
// runs until halt.
func (t *sessions) sweep() {
	defer close(t.done)
	tick := time.NewTicker(max(min(t.cfg.Limits.SessionIdle/4, time.Minute), time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-t.stop:
			return
		case now := <-tick.C:
			idle := now.Add(-t.cfg.Limits.SessionIdle)
			for _, se := range t.all(func(se *session) bool { return se.idle(idle) }) {
				t.close(se)
			}
			for _, se := range t.all(func(se *session) bool { return !se.log.empty() }) {
				se.log.forget(now.Add(-replayFor))
			}
		}
	}
}

// halt stops the sweeper and waits for it.
func (t *sessions) halt() {
	t.once.Do(func() { close(t.stop) })
	<-t.done
}
