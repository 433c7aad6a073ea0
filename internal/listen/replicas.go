package listen

import (
	"context"
	"encoding/hex"
	"sync"
	"time"

	"doorward/internal/gate"
)

// Replicas is what the gateways of one installation know of each other's sessions over HTTP. An id
// is known from Begin to End, or until nobody has used it for keep. Without an answer nothing is
// done: every error refuses. app implements it where a state is shared.
type Replicas interface {
	// Begin makes an id known.
	Begin(ctx context.Context, id string, keep time.Duration) error
	// Use tells whether this gateway may serve the session: whether its id is known and no other
	// gateway has it alone. With alone, this one has it alone from then on.
	Use(ctx context.Context, id string, keep time.Duration, alone bool) (bool, error)
	// End makes an id unknown, for good.
	End(ctx context.Context, id string) error
}

const (
	// askAgain is how old the replicas' answer about a session may be. With what an answer takes
	// (store.RedisSessions: 2 s), what ended elsewhere has ended here within 5 s of use.
	askAgain = 3 * time.Second
	// askLate is added to how long a session may idle, for what is asked late: the sweep asks
	// about open streams once a minute at least.
	askLate = 2 * time.Minute
	// tellAgain is how long to wait before replicas that could not be told of an end are told again.
	tellAgain = time.Second
	// tellLast bounds how long a server that stops goes on trying.
	tellLast = 2 * time.Second
)

// unanswered is the refusal of a gateway that the replicas' state does not answer.
func unanswered(doing string, err error) error {
	return &gate.Error{Code: gate.CodeSessionDown, Op: doing, Err: err}
}

// moves tells whether sessions under a profile may go on at another gateway.
func (s *Server) moves(profile string) bool {
	return s.cfg.Replicas != nil && s.cfg.Moves != nil && s.cfg.Moves(profile)
}

// keep is for how long replicas remember a session that nobody uses.
func (t *sessions) keep(ends time.Time) time.Duration {
	return max(min(t.cfg.Limits.SessionIdle+askLate, time.Until(ends)), time.Second)
}

// share makes a new session known to the replicas, where it can go on at another.
func (t *sessions) share(ctx context.Context, se *session) error {
	if !se.shared {
		return nil
	}
	se.asked.Store(time.Now().UnixNano())
	if err := t.cfg.Replicas.Begin(ctx, se.ID, t.keep(se.ends)); err != nil {
		return unanswered("making a session known to the replicas", err)
	}
	return nil
}

// goesOn asks the replicas whether a session of the table goes on, when that is due. One request
// asks, and others are served meanwhile by the answer before; after an error each asks.
func (t *sessions) goesOn(ctx context.Context, se *session, alone bool) (bool, error) {
	if !se.shared {
		return true, nil
	}
	now, last := time.Now(), se.asked.Load()
	if !alone && (now.UnixNano()-last < int64(askAgain) || !se.asked.CompareAndSwap(last, now.UnixNano())) {
		return true, nil
	}
	ok, err := t.cfg.Replicas.Use(ctx, se.ID, t.keep(se.ends), alone)
	if err != nil {
		se.asked.Store(0)
		return false, unanswered("asking whether a session goes on", err)
	}
	if !ok {
		t.close(se, false)
	}
	return ok, nil
}

// Keep makes this gateway the only one that may serve a session: what is about to be done in it
// cannot be made again elsewhere, such as a subscription. Other gateways answer its id like that of
// one that ended. decode calls it; the error is a *gate.Error.
func (s *Server) Keep(ctx context.Context, gs *gate.Session) error {
	se := s.sessions.get(gs.ID)
	if se == nil {
		return &gate.Error{Code: gate.CodeSession, Op: "keeping a session that ended"}
	}
	if se.kept.Load() {
		return nil
	}
	ok, err := s.sessions.goesOn(ctx, se, true)
	if err == nil && !ok {
		err = &gate.Error{Code: gate.CodeSession, Op: "keeping a session that ended"}
	}
	if err == nil {
		se.kept.Store(true)
	}
	return err
}

// adopt goes on with a session that another gateway began, or this one before it lost sight of it:
// as its sealed id says that it began, with nothing of what came since. Nil without an error: there
// is none of this principal's that may go on here.
func (s *Server) adopt(ctx context.Context, ex *gate.Exchange, id string) (*session, error) {
	profile, now := ex.Inbound.Profile, time.Now()
	if !s.moves(profile) {
		return nil, nil //nolint:nilnil // see above
	}
	owner := ex.Principal.Key()
	is, ok := s.sessions.sealer.open(id, owner, profile)
	if !ok || !is.whole || !now.Before(is.ends) {
		return nil, nil //nolint:nilnil // see above
	}
	se := &session{ends: is.ends, shared: true, ended: make(chan struct{}), open: true, Session: gate.Session{
		ID: id, Owner: owner, Principal: ex.Principal, Profile: profile,
		Version: is.version, Capabilities: is.capabilities, ClientInfo: is.clientInfo,
	}}
	se.log.init(&s.cfg.Limits, &s.sessions.replay)
	se.touch()
	se.asked.Store(now.UnixNano())
	switch known, err := s.cfg.Replicas.Use(ctx, id, s.sessions.keep(is.ends), false); {
	case err != nil:
		return nil, unanswered("asking whether a session goes on", err)
	case !known:
		return nil, nil //nolint:nilnil // see above
	}
	there, err := s.sessions.add(se)
	switch {
	case err != nil:
		return nil, err
	case there != se:
		return there, nil // two messages of the session came at once
	}
	s.cfg.Meter.Sessions(1)
	s.cfg.Log.DebugContext(ctx, "a session of another replica goes on here", "replica", hex.EncodeToString(is.node[:]), "version", is.version)
	return se, nil
}

// finish ends a session for every gateway, as its client asked. The error says that others could
// not be told yet; they will be.
func (s *Server) finish(ctx context.Context, gs *gate.Session) error {
	se := s.sessions.get(gs.ID)
	if se == nil {
		return nil
	}
	s.sessions.close(se, false)
	if !se.shared {
		return nil
	}
	if err := s.cfg.Replicas.End(context.WithoutCancel(ctx), se.ID); err != nil {
		s.sessions.owe(se.ID)
		return unanswered("ending a session", err)
	}
	return nil
}

// ends are the ids of ended sessions that the replicas have not been told about. The zero value is
// ready.
type ends struct {
	mu   sync.Mutex
	ids  []string // at most Limits.Sessions; what is not told ends with keep
	wake chan struct{}
}

// owe takes note of an end that must be told.
func (t *sessions) owe(id string) {
	t.owed.mu.Lock()
	if len(t.owed.ids) < t.cfg.Limits.Sessions {
		t.owed.ids = append(t.owed.ids, id)
	}
	t.owed.mu.Unlock()
	select {
	case t.owed.wake <- struct{}{}:
	default: // it has not looked yet
	}
}

// tell tells the replicas of ended sessions until halt, and then of those that are left.
func (t *sessions) tell() {
	defer close(t.told)
	for {
		again := (<-chan time.Time)(nil)
		if !t.tellAll(context.Background()) {
			again = time.After(tellAgain)
		}
		select {
		case <-t.stop:
			ctx, cancel := context.WithTimeout(context.Background(), tellLast)
			defer cancel()
			t.tellAll(ctx)
			return
		case <-t.owed.wake:
		case <-again:
		}
	}
}

// tellAll tells of every end that is owed; false when one could not be told.
func (t *sessions) tellAll(ctx context.Context) bool {
	for {
		t.owed.mu.Lock()
		if len(t.owed.ids) == 0 {
			t.owed.mu.Unlock()
			return true
		}
		id := t.owed.ids[0]
		t.owed.mu.Unlock()
		if err := t.cfg.Replicas.End(ctx, id); err != nil {
			t.cfg.Log.DebugContext(ctx, "the end of a session could not be told", "error", err)
			return false
		}
		t.owed.mu.Lock()
		t.owed.ids = t.owed.ids[1:]
		t.owed.mu.Unlock()
	}
}

// renew keeps sessions known that are in use without a request, by a stream or a long call, and
// ends those that have ended elsewhere.
func (t *sessions) renew(ctx context.Context) {
	if t.cfg.Replicas == nil {
		return
	}
	for _, se := range t.all(func(se *session) bool { return se.shared && se.busy() }) {
		if _, err := t.goesOn(ctx, se, false); err != nil {
			return // as it would go with the others
		}
	}
}
