package upstream

import (
	"context"
	"time"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

// recall answers a call with an answer that is kept, in the upstream's place: every stage
// has let the call pass, and every reply stage will see the answer. Where another call
// like it is under way, it waits for that, within a quarter of its own time; a call that
// fails leaves its place to the next. done says that the call is over.
func (s *server) recall(ctx context.Context, k *calling) (done bool, err error) {
	if !s.keeps(k.ex) {
		return false, nil
	}
	q := s.lookup(k.ex, time.Now())
	k.lookup = &q
	a := s.pool.answers
	for waited := false; ; {
		now := time.Now()
		if had := a.find(&q, now); had != nil && s.stands(had, now) {
			s.pool.count(s.set.Name, "cache_hit")
			k.ex.Cached = had.from
			return true, k.emit(ctx, had.shown(k.ex, time.Now()))
		}
		mine, other := a.enter(&q)
		if other == nil {
			q.asking, q.asked = mine, time.Now()
			q.version = s.answerVersion()
			s.pool.count(s.set.Name, "cache_miss")
			return false, nil
		}
		if !waited {
			s.pool.count(s.set.Name, "cache_wait")
			waited = true
		}
		patience := time.NewTimer(k.timeout / 4) // who asks may be slow for reasons of its own
		select {
		case <-other.done:
		case <-patience.C:
		case <-ctx.Done():
		}
		late := !patience.Stop()
		a.unwait(other)
		if ctx.Err() != nil {
			return true, context.Cause(ctx)
		}
		q.version = s.answerVersion()
		if late {
			return false, nil
		}
		if came := other.fate; came != fateUnknown && (came == fateNotKept || a.find(&q, time.Now()) == nil) {
			return false, nil // nothing to wait for: such an answer is kept for nobody, or not for this one
		}
	}
}

// stands tells whether the upstream may still be reached, and is still the one that was
// approved when it gave the answer. What it is may be known from identifiedFor before; what
// pins say of that is asked each time.
func (s *server) stands(had *keptAnswer, now time.Time) bool {
	was, err := s.lately(now)
	if err != nil {
		return false
	}
	return s.pool.cfg.Pins.ReachAllowed(was.item).Effect == gate.Continue && s.approvedAs(had.hello) == nil
}

// shown is the answer for a client that reads it now.
func (had *keptAnswer) shown(ex *gate.Exchange, now time.Time) *gate.Message {
	if ex.Call.Era != gate.Stateless {
		return had.m
	}
	return mcp.Aged(had.m, had.until.Sub(now))
}

func (s *server) answerVersion() answerVersion {
	return answerVersion{s.pool.answers.version.Load(), s.changed.Load(), s}
}

// keep keeps what the upstream has said to the call, where it may be kept, and lets those
// go on who wait for it. shown is that as the client reads it.
func (c *channel) keep(cn *conn, k *calling, said, shown *gate.Message) {
	q := k.lookup
	if q == nil {
		return
	}
	came := fateNotKept
	if c.key.era == gate.Stateless {
		came = c.srv.pool.answers.put(q, said, shown, cn.hello.Load())
	}
	if said.Kind == gate.Result {
		c.srv.pool.answers.usual.Set(q.public, came)
	}
	k.leave(c.srv.pool.answers, came)
}

// leave lets those go on who wait for the answer to the call, if anybody does.
func (k *calling) leave(a *answers, came fate) {
	if k.lookup != nil {
		a.leave(k.lookup, came)
	}
}
