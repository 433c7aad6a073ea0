package anchor

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"doorward/internal/gate"
)

// outpost is a witness or an anchor, and how it does.
type outpost struct {
	name    string
	witness *Witness // or
	place   Place
	every   time.Duration

	mu sync.Mutex // guards the rest
	standing
}

// standing is how an outpost does.
type standing struct {
	has      bool
	size     uint64    // records of the newest checkpoint that it has
	at       time.Time // when it took that
	failures uint64    // since the start
	tries    int       // that failed, one after the other
	failing  time.Time // since when; zero: it does not
	next     time.Time // when to try again
	behind   bool      // it was told that it fails for too long
	misfit   *Misfit
}

func (o *outpost) stand() standing {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.standing
}

// due tells whether it is to get a checkpoint in this round.
func (o *outpost) due(c *Checkpoint, now time.Time, who int) bool {
	st := o.stand()
	switch {
	case st.has && st.size == c.Size && st.failing.IsZero():
		return false
	case who == everybody, who == witnesses:
		return who == everybody || o.witness != nil
	case !st.failing.IsZero():
		return !now.Before(st.next)
	}
	return who == whoeverIsDue && (!st.has || now.Sub(st.at) >= o.every)
}

// compare holds the log against the newest note that a place has of it. A witness
// compares by itself.
func (k *Keeper) compare(ctx context.Context, o *outpost, c *Checkpoint) error {
	if o.place == nil {
		return nil
	}
	note, err := o.place.Last(ctx, c.Origin)
	if err != nil || note == "" {
		return err
	}
	size, holds, err := k.cfg.Log.Compare(ctx, note)
	if err == nil && !holds {
		return &Misfit{Who: o.name, Seen: size, Have: c.Size}
	}
	return err
}

// note takes note of what went wrong, if anything did.
func (k *Keeper) note(ctx context.Context, o *outpost, err error) {
	if misfit, ok := errors.AsType[*Misfit](err); ok {
		k.mark(ctx, o, misfit)
	} else if err != nil {
		k.failed(ctx, o, err)
	}
}

// visit hands a checkpoint to an outpost, and takes note of what came of it. lines are
// a witness's.
func (k *Keeper) visit(ctx context.Context, o *outpost, c Checkpoint) (lines string) {
	var err error
	if o.witness != nil {
		lines, err = o.witness.cosign(ctx, k.cfg.Log, &c)
	} else {
		err = o.place.Take(ctx, c)
	}
	if k.note(ctx, o, err); err == nil {
		k.succeeded(ctx, o, c.Size)
	}
	return lines
}

// mark takes note of an outpost that has seen another log, and says so once.
func (k *Keeper) mark(ctx context.Context, o *outpost, m *Misfit) {
	o.mu.Lock()
	first := o.misfit == nil
	o.misfit = m
	o.failed(m, time.Now())
	o.mu.Unlock()
	if !first {
		return
	}
	k.cfg.Said.ErrorContext(ctx, "the audit log is not the one that was seen outside", "anchor", o.name, "error", m)
	k.write(ctx, gate.Event{Kind: "audit.forked", Actor: "doorward", Status: "failed", Detail: m.Error()})
}

// failed takes note of a try that failed, and says so where the last one did not.
func (k *Keeper) failed(ctx context.Context, o *outpost, err error) {
	o.mu.Lock()
	first := o.failing.IsZero()
	o.failed(err, time.Now())
	o.mu.Unlock()
	if !first {
		k.cfg.Said.DebugContext(ctx, "audit anchor still fails", "anchor", o.name, "error", err)
		return
	}
	k.cfg.Said.WarnContext(ctx, "audit anchor fails", "anchor", o.name, "error", err)
	k.write(ctx, gate.Event{Kind: "audit.anchor_failed", Actor: "doorward", Status: "failed", Detail: o.name + ": " + err.Error()})
}

// maxWait is the longest between two tries.
const maxWait = time.Minute

// failed counts. It needs the outpost's lock.
func (s *standing) failed(err error, now time.Time) {
	s.failures++
	if s.failing.IsZero() {
		s.failing = now
	}
	wait := min(time.Second<<min(s.tries, 6), maxWait)
	s.tries++
	wait = wait - wait/5 + rand.N(2*wait/5) //nolint:gosec // jitter, not a secret
	if asked, ok := errors.AsType[interface {
		error
		Wait() time.Duration
	}](err); ok {
		wait = max(wait, min(asked.Wait(), maxWait))
	}
	s.next = now.Add(wait)
}

// succeeded takes note of a checkpoint that was taken, and says so after failures.
func (k *Keeper) succeeded(ctx context.Context, o *outpost, size uint64) {
	now := time.Now()
	o.mu.Lock()
	since := o.failing
	o.standing = standing{has: true, size: size, at: now, failures: o.failures}
	o.mu.Unlock()
	if since.IsZero() {
		return
	}
	away := now.Sub(since).Round(time.Second)
	k.cfg.Said.InfoContext(ctx, "audit anchor takes checkpoints again", "anchor", o.name, "after", away)
	k.write(ctx, gate.Event{Kind: "audit.anchor_resumed", Actor: "doorward", Status: "ok", Detail: fmt.Sprintf("%s: after %v", o.name, away)})
}

// judge says who fails for too long: an anchor, and a witness where too few others
// cosign. It says so once.
func (k *Keeper) judge(ctx context.Context, now time.Time) {
	cosigning := 0
	for _, o := range k.all {
		if o.witness != nil && o.stand().failing.IsZero() {
			cosigning++
		}
	}
	for _, o := range k.all {
		if o.witness != nil && cosigning >= k.cfg.Quorum {
			continue
		}
		o.mu.Lock()
		late := !o.failing.IsZero() && !o.behind && now.Sub(o.failing) >= k.cfg.AlertAfter
		o.behind = o.behind || late
		o.mu.Unlock()
		if !late {
			continue
		}
		k.cfg.Said.ErrorContext(ctx, "audit anchor fails for too long", "anchor", o.name, "since", o.stand().failing)
		k.write(ctx, gate.Event{
			Kind: "audit.anchor_behind", Actor: "doorward", Status: "failed",
			Detail: fmt.Sprintf("%s: no checkpoint taken for %v", o.name, k.cfg.AlertAfter),
		})
	}
}

// write puts an event on record. An anchor that fails is no reason to stop, with or
// without a record of it.
func (k *Keeper) write(ctx context.Context, e gate.Event) {
	if err := k.cfg.Record(context.WithoutCancel(ctx), e); err != nil {
		k.cfg.Said.ErrorContext(ctx, "audit anchor without a record", "kind", e.Kind, "error", err)
	}
}

// Status is how a witness or an anchor does.
type Status struct {
	Name     string
	Witness  bool
	Records  uint64 // of the newest checkpoint that it has taken since the start
	Failures uint64 // tries that failed, since the start
	Failing  bool   // the last try failed
	Forked   bool   // it has seen another log
}

// Stats is how all of them do, witnesses first.
func (k *Keeper) Stats() []Status {
	out := make([]Status, 0, len(k.all))
	for _, o := range k.all {
		st := o.stand()
		out = append(out, Status{
			Name: o.name, Witness: o.witness != nil, Records: st.size, Failures: st.failures,
			Failing: !st.failing.IsZero(), Forked: st.misfit != nil,
		})
	}
	return out
}
