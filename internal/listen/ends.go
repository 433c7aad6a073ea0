package listen

import (
	"context"
	"errors"
	"sync"
	"time"
)

const (
	// tellAgain is how long to wait before replicas that could not be told of an end are told again.
	tellAgain = time.Second
	// tellLast bounds how long a server that stops goes on trying.
	tellLast = 2 * time.Second
)

// ends are sessions that have ended for every gateway, and those of other gateways that this one is
// asking about. Whatever the replicas answer, none of the former goes on here: their answer may be
// older than the end.
type ends struct {
	most int           // bounds owed; what is not told ends with keep
	wake chan struct{} // has room for one

	mu      sync.Mutex
	owed    map[string]struct{}  // that the replicas have not been told about
	asked   map[string]*question // at most one for each message in flight
	dropped int64                // that they are not going to be told about
	full    bool                 // since the last one that was told
}

// question is an id that replicas are being asked about.
type question struct {
	by    int // messages
	ended bool
}

func newEnds(most int) ends {
	return ends{most: most, wake: make(chan struct{}, 1), owed: map[string]struct{}{}, asked: map[string]*question{}}
}

// ask begins to ask about an id, until answered. False: it has ended.
func (e *ends) ask(id string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.over(id) {
		return false
	}
	q := e.asked[id]
	if q == nil {
		q = &question{}
		e.asked[id] = q
	}
	q.by++
	return true
}

func (e *ends) answered(id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if q := e.asked[id]; q.by > 1 {
		q.by--
	} else {
		delete(e.asked, id)
	}
}

// over tells whether an id has ended. Called with the lock.
func (e *ends) over(id string) bool {
	_, owed := e.owed[id]
	q := e.asked[id]
	return owed || q != nil && q.ended
}

// has tells whether an id has ended, of one that ask has begun with or that is owed.
func (e *ends) has(id string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.over(id)
}

// add takes note of an end, before the session leaves the table. False: there is no room to owe it.
func (e *ends) add(id string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if q := e.asked[id]; q != nil {
		q.ended = true
	}
	if _, there := e.owed[id]; !there && len(e.owed) >= e.most {
		return false
	}
	e.owed[id] = struct{}{}
	return true
}

// drop counts an end that there is no room for; true for the first of several.
func (e *ends) drop() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	first := !e.full
	e.dropped++
	e.full = true
	return first
}

// told forgets an end that the replicas know of.
func (e *ends) told(id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.owed, id)
	e.full = false
}

// next is one of those that are owed, and how many there are.
func (e *ends) next() (id string, left int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for id = range e.owed {
		break
	}
	return id, len(e.owed)
}

// EndsDropped counts the sessions that ended here and that other gateways will not be told about, for
// too many ends waited: one of those can go on with it until nobody has used it for half an hour.
func (s *Server) EndsDropped() int64 {
	e := &s.sessions.ended
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.dropped
}

// owe takes note of an end that must be told.
func (t *sessions) owe(id string) {
	if !t.ended.add(id) {
		t.untold()
		return
	}
	t.wake()
}

func (t *sessions) wake() {
	select {
	case t.ended.wake <- struct{}{}:
	default: // it has not looked yet
	}
}

// untold counts and logs an end that the replicas will not be told about.
func (t *sessions) untold() {
	if t.ended.drop() {
		t.cfg.Log.Error("sessions end faster than the replicas can be told: some can go on at another until nobody has used them for a while", "waiting", t.ended.most)
	}
}

// tell tells the replicas of ended sessions until halt, and then of those that are left.
func (t *sessions) tell() {
	defer close(t.told)
	for failed := false; ; {
		again := (<-chan time.Time)(nil)
		err := t.tellAll(context.Background(), t.stop)
		if err != nil {
			again = time.After(tellAgain)
		}
		switch {
		case errors.Is(err, errStopping):
			err = nil
		case err != nil && !failed:
			t.cfg.Log.Warn("the replicas cannot be told that sessions have ended; they will be", "error", err)
		case err == nil && failed:
			t.cfg.Log.Info("the replicas know again which sessions have ended")
		}
		failed = err != nil
		select {
		case <-t.stop:
			ctx, cancel := context.WithTimeout(context.Background(), tellLast)
			defer cancel()
			if err := t.tellAll(ctx, nil); err != nil {
				_, left := t.ended.next()
				t.cfg.Log.Error("sessions have ended here that the replicas were not told about: they can go on at another until nobody has used them for a while", "count", left, "error", err)
			}
			return
		case <-t.ended.wake:
		case <-again:
		}
	}
}

// errStopping ends the telling of many when the server stops.
var errStopping = errors.New("the server stops")

// tellAll tells of every end that is owed, until stop. The error is that of one that could not be told.
func (t *sessions) tellAll(ctx context.Context, stop <-chan struct{}) error {
	for {
		select {
		case <-stop:
			return errStopping
		default:
		}
		id, left := t.ended.next()
		if left == 0 {
			return nil
		}
		if err := t.cfg.Replicas.End(ctx, id); err != nil {
			return err
		}
		t.ended.told(id)
	}
}
