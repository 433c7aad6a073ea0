package listen

import (
	"context"
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
	ends  time.Time // for good; zero: with the connection that is the session

	asked atomic.Int64              // Unix nanoseconds, when the replicas were asked about it last; 0: ask
	good  atomic.Pointer[time.Time] // when they were asked the last time that they said it goes on
	kept  atomic.Bool               // no other may serve it

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

// busy tells whether a stream or a call uses the session.
func (se *session) busy() bool {
	se.mu.Lock()
	defer se.mu.Unlock()
	return se.streams > 0 || !se.calls.none()
}

// idle tells whether nothing has used the session since before.
func (se *session) idle(before time.Time) bool {
	return !se.busy() && se.used.Load() < before.UnixNano()
}

// past tells whether the session has lasted as long as one may.
func (se *session) past(now time.Time) bool { return !se.ends.IsZero() && !now.Before(se.ends) }

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
	cfg    *Config
	sealer sessionSealer
	stop   chan struct{}
	done   chan struct{} // closed by sweep
	told   chan struct{} // closed by tell
	once   sync.Once
	ended  ends

	replay atomic.Int64 // bytes in every session's event log

	mu    sync.RWMutex
	byID  map[string]*session
	owned map[string]int // sessions by Owner
}

func newSessions(cfg *Config) (*sessions, error) {
	sealer, err := newSessionSealer(cfg.SessionKey)
	if err != nil {
		return nil, err
	}
	t := &sessions{
		cfg:    cfg,
		sealer: sealer,
		stop:   make(chan struct{}),
		done:   make(chan struct{}),
		told:   make(chan struct{}),
		ended:  newEnds(cfg.Limits.Sessions),
		byID:   make(map[string]*session),
		owned:  make(map[string]int),
	}
	go t.sweep()
	if cfg.Replicas == nil {
		close(t.told)
	} else {
		go t.tell()
	}
	return t, nil
}

// Find returns the session with that id when the exchange's principal owns it and it was made under
// the same profile, and marks it used. Anybody else's session is as unknown as one that never was
// (CVE-2026-52869, CVE-2026-79537): nil without an error. The id of a connection's session is never
// shown, so that no header can name it. A session of another replica goes on here where it can. The
// error is a *gate.Error: the replicas' state cannot be asked, or too many sessions are open. decode
// calls it.
func (s *Server) Find(ctx context.Context, ex *gate.Exchange, id string) (*gate.Session, error) {
	if ex.Principal == nil || id == "" {
		return nil, nil //nolint:nilnil // there is none
	}
	se, err := s.sessions.get(id), error(nil)
	if se == nil && ex.Inbound.Transport == transportHTTP {
		se, err = s.adopt(ctx, ex, id)
	}
	if se == nil || err != nil || !ex.Principal.HasKey(se.Owner) || se.Profile != ex.Inbound.Profile || se.past(time.Now()) {
		return nil, err
	}
	se.mu.Lock()
	open := se.open
	se.mu.Unlock()
	if !open {
		return nil, nil //nolint:nilnil // it has not begun, or has ended
	}
	if on, err := s.sessions.goesOn(ctx, se, false); !on {
		return nil, err
	}
	se.touch()
	return &se.Session, nil
}

// Has tells whether there is a session with that id, pending or open. It is no use
// of the session.
func (s *Server) Has(id string) bool { return id != "" && s.sessions.get(id) != nil }

// Begin makes a pending session with a new id, for the exchange's principal. It can be
// found once the result of its handshake has been delivered; until then it
// counts against the limits, and a failed handshake drops it. The error is a
// *gate.Error with CodeSessionLimit or CodeSessionDown. decode calls it for initialize; it fills
// in what s holds beside the ID, the Owner and the Principal.
func (s *Server) Begin(ctx context.Context, ex *gate.Exchange, fields gate.Session) (*gate.Session, error) {
	se := &session{Session: fields, ended: make(chan struct{})}
	se.Owner, se.Principal = ex.Principal.Key(), ex.Principal
	if err := s.sessions.room(se.Owner); err != nil {
		return nil, err // before its id costs anything
	}
	if ex.Inbound.Transport == transportHTTP {
		se.ends, se.Shared = time.Now().Add(s.cfg.Limits.SessionLife), s.moves(fields.Profile)
		var err error
		if se.ID, err = s.sessions.sealer.seal(se.Owner, &se.Session, se.ends); err != nil {
			return nil, &gate.Error{Code: gate.CodeInternal, Op: "making the id of a session", Err: err}
		}
	} else {
		se.ID = newToken(32) // nobody sees it
	}
	se.log.init(&s.cfg.Limits, &s.sessions.replay)
	se.touch()
	if _, err := s.sessions.add(se); err != nil {
		return nil, err
	}
	s.cfg.Meter.Sessions(1)
	if err := s.sessions.share(ctx, se); err != nil {
		s.sessions.close(se, false) // it may be known all the same, but its id to nobody
		return nil, err
	}
	return &se.Session, nil
}

// add takes a session into the table, unless one with its id is there already: that one is returned.
// Nil without an error: it has ended for all.
func (t *sessions) add(se *session) (*session, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if there := t.byID[se.ID]; there != nil {
		return there, nil
	}
	if t.ended.has(se.ID) {
		return nil, nil //nolint:nilnil // see above
	}
	if err := t.full(se.Owner); err != nil {
		return nil, err
	}
	t.byID[se.ID] = se
	t.owned[se.Owner]++
	return se, nil
}

// room tells whether an owner could have one more session; the error says why not.
func (t *sessions) room(owner string) error {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.full(owner)
}

// full is room. Called with the lock.
func (t *sessions) full(owner string) error {
	over := ""
	switch {
	case len(t.byID) >= t.cfg.Limits.Sessions:
		over = "too many sessions are open: try again later"
	case t.owned[owner] >= t.cfg.Limits.SessionsPerPrincipal:
		over = "you have too many open sessions: end one with DELETE, or try again later"
	default:
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
		t.close(se, true)
	}
}

// close ends a session: for every gateway, or for this one alone, where another may go on with it
// or it has ended everywhere already.
func (t *sessions) close(se *session, everywhere bool) {
	if !se.end() {
		return
	}
	if everywhere && se.Shared {
		t.owe(se.ID)
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

// closeAll ends every session here; SessionClosed has been told about each when it
// returns. Replicas may go on with them.
func (s *Server) closeAll() {
	for _, se := range s.sessions.all(func(*session) bool { return true }) {
		s.sessions.close(se, false)
	}
}

// CloseThose ends every session that match wants, its streams and its calls, for every gateway: for
// a credential that was revoked or suspended. match is called without locks.
func (s *Server) CloseThose(match func(*gate.Session) bool) {
	for _, se := range s.sessions.all(func(*session) bool { return true }) {
		if match(&se.Session) {
			s.sessions.close(se, true)
		}
	}
}

// sweep ends sessions that are idle or past their end, and forgets events that nobody came back
// for. It runs until halt.
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
			for _, se := range t.all(func(se *session) bool { return se.idle(idle) || se.past(now) }) {
				t.close(se, false) // one that idles here may be in use elsewhere
			}
			t.renew(context.Background())
			for _, se := range t.all(func(se *session) bool { return !se.log.empty() }) {
				se.log.forget(now.Add(-replayFor))
			}
		}
	}
}

// halt stops the goroutines of the table and waits for them.
func (t *sessions) halt() {
	t.once.Do(func() { close(t.stop) })
	<-t.done
	<-t.told
}
