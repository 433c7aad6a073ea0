package sink

import (
	"context"
	"fmt"
	"time"

	"doorward/internal/gate"
)

// Status is how a sink does.
type Status struct {
	Name     string
	Required bool
	Lag      uint64        // records that its receiver does not have
	Age      time.Duration // of the oldest of them
	Failures uint64        // tries that failed, since the start
	Failing  bool          // the last try failed
	Behind   bool          // further than it may be
}

func (s *sink) status(now time.Time) Status {
	newest := s.log.Newest()
	s.mu.Lock()
	defer s.mu.Unlock()
	st := Status{Name: s.Name, Required: s.Required, Failures: s.failures, Failing: !s.failing.IsZero()}
	if newest >= s.next {
		st.Lag = newest - s.next + 1
	}
	since := s.oldest
	if since.IsZero() {
		since = s.failing // it cannot even read what it has to deliver
	}
	if !since.IsZero() {
		st.Age = max(0, now.Sub(since))
	}
	st.Behind = st.Lag > s.Records || st.Age > s.Lag
	return st
}

// failed takes note of a try that failed, and says so where the last one did not.
func (s *sink) failed(ctx context.Context, err error) {
	s.mu.Lock()
	s.failures++
	first := s.failing.IsZero()
	if first {
		s.failing = time.Now()
	}
	s.mu.Unlock()
	if !first {
		s.said.DebugContext(ctx, "audit sink still fails", "sink", s.Name, "error", err)
		return
	}
	s.said.WarnContext(ctx, "audit sink fails", "sink", s.Name, "required", s.Required, "error", err)
	s.write(ctx, gate.Event{Kind: "audit.sink_failed", Actor: "doorward", Status: "failed", Detail: s.Name + ": " + err.Error()})
}

// succeeded takes note of a batch that was taken, and says so after one that was not.
func (s *sink) succeeded(ctx context.Context) {
	s.mu.Lock()
	since := s.failing
	s.failing = time.Time{}
	s.mu.Unlock()
	if since.IsZero() {
		return
	}
	away := time.Since(since).Round(time.Second)
	s.said.InfoContext(ctx, "audit sink delivers again", "sink", s.Name, "after", away)
	s.write(ctx, gate.Event{Kind: "audit.sink_resumed", Actor: "doorward", Status: "ok", Detail: fmt.Sprintf("%s: after %v", s.Name, away)})
}

// judge says when a required sink begins and ends to refuse calls, also where it has done both
// since it was judged last.
func (s *sink) judge(ctx context.Context) {
	refused := s.refused.Swap(nil) // before the look: what is refused after it is for the next time
	st := s.status(time.Now())
	if refused == nil && st.Behind {
		refused = &st
	}
	if refused != nil && !s.behind {
		s.turn(ctx, true, refused.Lag, gate.Event{
			Kind: "audit.sink_behind", Actor: "doorward", Status: "failed",
			Detail: fmt.Sprintf("%s: %d records, the oldest %v old: calls are refused", s.Name, refused.Lag, refused.Age.Round(time.Second)),
		})
	}
	if s.behind && !st.Behind {
		s.turn(ctx, false, st.Lag, gate.Event{
			Kind: "audit.sink_caught_up", Actor: "doorward", Status: "ok", Detail: s.Name + ": calls are carried out again",
		})
	}
}

// turn says that calls are refused from now on, or carried out again.
func (s *sink) turn(ctx context.Context, refused bool, records uint64, e gate.Event) {
	s.behind = refused
	s.said.WarnContext(ctx, "audit sink: calls refused or carried out again", "sink", s.Name, "refused", refused, "records", records)
	s.write(ctx, e)
}

// write puts an event on record. A sink that fails is no reason to stop, with or
// without a record of it.
func (s *sink) write(ctx context.Context, e gate.Event) {
	if err := s.record(context.WithoutCancel(ctx), e); err != nil {
		s.said.ErrorContext(ctx, "audit sink without a record", "sink", s.Name, "kind", e.Kind, "error", err)
	}
}
