package vault

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// maxLent is how many leases may be out for calls at a time, those among them that Vault
// has not taken back yet.
const maxLent = 256

// errLent is a lease too many.
var errLent = fmt.Errorf("%w: %d leases are out for calls already", ErrAbsent, maxLent)

// lent is what is out for calls. Its mu comes before that of the Client.
type lent struct {
	mu       sync.Mutex
	out      int              // places taken
	loans    map[string]*Loan // by lease, what is out
	returned []string
	wake     chan struct{} // holds one when something was returned
}

// Loan is what Vault made for one call.
type Loan struct {
	Path   string // of Vault
	fields map[string]string
	client *Client
	id     string
	once   sync.Once
	told   bool // that it is not given back yet; guarded by lent.mu
}

// Tag tells a loan from others without saying its lease, with which who may end leases could
// end it: the first 8 bytes of the SHA-256 of the lease's id, which Vault's own log has, in
// hexadecimal.
func (l *Loan) Tag() string {
	sum := sha256.Sum256([]byte(l.id))
	return hex.EncodeToString(sum[:8])
}

// Fate is what became of a lease that was for a call.
type Fate string

// The fates.
const (
	Returned   Fate = "returned"   // Vault has ended it
	Ended      Fate = "ended"      // its time was over before Vault took it back
	Unreturned Fate = "unreturned" // Vault does not take it back yet; told once, and then how it ended
)

// Field is one of what was made. All are of one answer: a user and its password belong together.
func (l *Loan) Field(name string) (string, error) {
	text, ok := l.fields[name]
	if !ok {
		return "", fmt.Errorf("%w: there is no such field", ErrAbsent)
	}
	return text, nil
}

// Return has Run give the lease back, at once and as often as Vault takes; Close does where
// Run has ended. It may be called more than once.
func (l *Loan) Return() {
	l.once.Do(func() {
		l.fields = nil
		c := l.client
		c.lent.mu.Lock()
		c.lent.returned = append(c.lent.returned, l.id)
		c.lent.mu.Unlock()
		c.lent.ring()
	})
}

func (l *lent) ring() {
	select {
	case l.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// Lend has Vault make something for one call, and never hands out the same twice: path is
// that of an engine that makes what it gives out for a lease. The caller returns it once the
// call is over. Where ctx has ended by the time that Vault answers it is returned here: a request
// that is broken off may have made a lease that nobody knows.
func (c *Client) Lend(ctx context.Context, path string) (*Loan, error) {
	if err := c.lent.take(); err != nil {
		return nil, err
	}
	s, err := c.readAt(path, false)
	c.hold(&s)
	if s.lease == "" {
		c.lent.leave()
		if err == nil {
			err = errors.New("what is there has no lease, and cannot be had for each call")
		}
		return nil, err
	}
	l := &Loan{Path: path, client: c, id: s.lease, fields: s.fields}
	c.lent.mu.Lock()
	c.lent.loans[l.id] = l
	c.lent.mu.Unlock()
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err == nil && !time.Now().Before(s.ends) {
		err = fmt.Errorf("%w: what it answered had ended already", ErrAbsent)
	}
	if err != nil {
		l.Return()
		return nil, err
	}
	return l, nil
}

func (l *lent) take() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.out >= maxLent {
		return errLent
	}
	l.out++
	return nil
}

func (l *lent) leave() {
	l.mu.Lock()
	l.out--
	l.mu.Unlock()
}

// takeBack gives back what was returned, until ctx ends. What Vault does not take is tried
// again each second, behind the others, until its time is over.
func (c *Client) takeBack(ctx context.Context) {
	tick := time.NewTicker(between)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.lent.wake:
		case <-tick.C:
		}
		c.returnAll(ctx)
	}
}

func (c *Client) returnAll(ctx context.Context) {
	c.lent.mu.Lock()
	ids := c.lent.returned
	c.lent.returned = nil
	c.lent.mu.Unlock()
	for i, id := range ids {
		err, fate := error(nil), Ended
		if c.counts(id) {
			err, fate = c.giveBack(ctx, id), Returned
		}
		if err == nil {
			c.settle(id, fate)
			c.lent.leave()
			continue
		}
		if ctx.Err() == nil { // else Close tries it, and tells
			c.unsettled(id)
		}
		c.lent.mu.Lock()
		c.lent.returned = append(append(c.lent.returned, ids[i+1:]...), id)
		c.lent.mu.Unlock()
		if ctx.Err() == nil {
			c.cfg.Log.Warn("a lease of vault that was for a call is not given back yet", "error", err)
		}
		return
	}
}

// settle forgets a loan, and tells what became of it. What is no loan is settled by nobody.
func (c *Client) settle(id string, fate Fate) {
	c.lent.mu.Lock()
	l := c.lent.loans[id]
	delete(c.lent.loans, id)
	c.lent.mu.Unlock()
	if l != nil && c.cfg.Lent != nil {
		c.cfg.Lent(l, fate)
	}
}

// unsettled tells, once, that a loan is not given back.
func (c *Client) unsettled(id string) {
	c.lent.mu.Lock()
	l := c.lent.loans[id]
	tell := l != nil && !l.told
	if tell {
		l.told = true
	}
	c.lent.mu.Unlock()
	if tell && c.cfg.Lent != nil {
		c.cfg.Lent(l, Unreturned)
	}
}

// settleEnded settles what ended by itself and was not looked at since.
func (c *Client) settleEnded() {
	c.lent.mu.Lock()
	out := slices.Collect(maps.Keys(c.lent.loans))
	c.lent.mu.Unlock()
	for _, id := range out {
		if !c.counts(id) {
			c.settle(id, Ended)
		}
	}
}

// counts tells whether a lease has not ended.
func (c *Client) counts(id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, there := c.leases[id]
	return there
}
