package listen

import (
	"context"
	"encoding/hex"
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
	// askAgain is how old the replicas' answer about a session may be before one request asks anew.
	askAgain = 3 * time.Second
	// goodFor is how old it may be for the others, and so for how long after a session has ended
	// elsewhere it is served here, whatever the replicas' state does: as store has it for the list
	// of what was revoked. One that asks is answered within 2 s (store.RedisSessions).
	goodFor = 5 * time.Second
	// askLate is added to how long a session may idle, for what is asked late: the sweep asks
	// about open streams once a minute at least, and may go without an answer once.
	askLate = 3 * time.Minute
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
	if !se.Shared {
		return nil
	}
	now := time.Now()
	if err := t.cfg.Replicas.Begin(ctx, se.ID, t.keep(se.ends)); err != nil {
		return unanswered("making a session known to the replicas", err)
	}
	se.vouched(now)
	return nil
}

// vouched takes note that the replicas, asked at now, said that the session goes on.
func (se *session) vouched(now time.Time) {
	se.good.Store(&now)
	se.asked.Store(now.UnixNano())
}

// recent tells whether the replicas said so within a time, by both clocks: the one stands still while
// the machine sleeps, the other may be set.
func (se *session) recent(now time.Time, within time.Duration) bool {
	good := se.good.Load()
	return good != nil && now.Sub(*good) < within && time.Duration(now.UnixNano()-good.UnixNano()) < within
}

// stands tells whether a stream of the session may stay open: whether the replicas have said within
// askLate that the session goes on.
func (se *session) stands() bool { return !se.Shared || se.recent(time.Now(), askLate) }

// goesOn asks the replicas whether a session of the table goes on, when that is due. One request
// asks, and the others are served meanwhile by the last good answer, for goodFor: beyond that each
// asks for itself. Without an answer whoever asks is refused.
func (t *sessions) goesOn(ctx context.Context, se *session, alone bool) (bool, error) {
	if !se.Shared {
		return true, nil
	}
	now, last := time.Now(), se.asked.Load()
	if !alone && se.recent(now, goodFor) && (now.UnixNano()-last < int64(askAgain) || !se.asked.CompareAndSwap(last, now.UnixNano())) {
		return true, nil
	}
	ok, err := t.cfg.Replicas.Use(ctx, se.ID, t.keep(se.ends), alone)
	switch {
	case err != nil:
		se.asked.Store(0)
		return false, unanswered("asking whether a session goes on", err)
	case !ok:
		t.close(se, false)
		return false, nil
	}
	se.vouched(now)
	return true, nil
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
	if !ok || !is.whole || !now.Before(is.ends) || !s.sessions.ended.ask(id) {
		return nil, nil //nolint:nilnil // see above
	}
	defer s.sessions.ended.answered(id)
	if err := s.sessions.room(owner); err != nil {
		return nil, err
	}
	se := &session{ends: is.ends, ended: make(chan struct{}), open: true, Session: gate.Session{
		ID: id, Owner: owner, Principal: ex.Principal, Profile: profile, Shared: true,
		Version: is.version, Capabilities: is.capabilities, ClientInfo: is.clientInfo,
	}}
	se.log.init(&s.cfg.Limits, &s.sessions.replay)
	se.touch()
	switch known, err := s.cfg.Replicas.Use(ctx, id, s.sessions.keep(is.ends), false); {
	case err != nil:
		return nil, unanswered("asking whether a session goes on", err)
	case !known:
		return nil, nil //nolint:nilnil // see above
	}
	se.vouched(now)
	there, err := s.sessions.add(se)
	if err != nil || there != se {
		return there, err // it ended meanwhile, or two messages of the session came at once
	}
	s.cfg.Meter.Sessions(1)
	s.cfg.Log.InfoContext(ctx, "a session of another replica goes on here; sessions of its upstreams are opened anew, and what an upstream kept in the ones before is not in these",
		"replica", hex.EncodeToString(is.node[:]), "profile", profile, "version", is.version)
	return se, nil
}

// finish ends a session for every gateway, as its client asked. The error says that others could
// not be told yet; they will be.
func (s *Server) finish(ctx context.Context, gs *gate.Session) error {
	se := s.sessions.get(gs.ID)
	if se == nil {
		return nil
	}
	if !se.Shared {
		s.sessions.close(se, false)
		return nil
	}
	owed := s.sessions.ended.add(se.ID)
	if owed { // else it ends when the others know
		s.sessions.close(se, false)
	}
	if err := s.cfg.Replicas.End(context.WithoutCancel(ctx), se.ID); err != nil {
		s.sessions.wake()
		return unanswered("ending a session", err)
	}
	s.sessions.close(se, false)
	s.sessions.ended.told(se.ID)
	return nil
}

// renew keeps sessions known that are in use without a request, by a stream or a long call, and
// ends those that have ended elsewhere.
func (t *sessions) renew(ctx context.Context) {
	if t.cfg.Replicas == nil {
		return
	}
	for _, se := range t.all(func(se *session) bool { return se.Shared && se.busy() }) {
		if _, err := t.goesOn(ctx, se, false); err != nil {
			return // as it would go with the others
		}
	}
}
