package webhook

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"

	"doorward/internal/gate"
)

const (
	maxTries = 5
	maxBody  = 64 << 10 // bytes of a notice as it is sent
)

// Notice is one thing to tell. Nothing in it is a secret, or what a client sent as
// arguments (LOG-19).
type Notice struct {
	Type     string // "approval.waiting", …; stable, for the receiver to choose by
	Upstream string // that it is about, for the record; may be empty
	Exchange string // that led to it, for the record; may be empty
	Data     any    // marshalled as JSON at once
}

// Config is what a Sender is made of. All of it is required.
type Config struct {
	// Target is where notices go now; nil: nowhere, and they are forgotten. It is
	// asked for every try.
	Target func() *Target
	// Record writes an event to the audit log.
	Record func(context.Context, gate.Event) error
	Log    *slog.Logger
}

// Sender sends notices, in the order that they come where the receiver takes them.
// Run does it; without it they wait. It is safe for concurrent use.
type Sender struct {
	cfg  Config
	wake chan struct{}

	mu    sync.Mutex // guards the rest
	queue queue
	lost  int // dropped, and not on record yet

	sent, failed, dropped atomic.Int64
}

// Stats are counts since the start.
type Stats struct{ Sent, Failed, Dropped int64 }

// New makes a Sender. Its owner calls Run, once.
func New(c Config) (*Sender, error) {
	if c.Target == nil || c.Record == nil || c.Log == nil {
		return nil, errors.New("webhook: target, record and log are required")
	}
	return &Sender{cfg: c, wake: make(chan struct{}, 1)}, nil
}

// Stats returns the counts.
func (s *Sender) Stats() Stats {
	return Stats{Sent: s.sent.Load(), Failed: s.failed.Load(), Dropped: s.dropped.Load()}
}

// envelope is a notice as it is sent.
type envelope struct {
	Type      string    `json:"type"`
	ID        string    `json:"id"`
	Timestamp time.Time `json:"timestamp"`
	Data      any       `json:"data"`
}

// Send takes a notice and returns at once. Beyond 1,000 that wait, the oldest is
// dropped.
func (s *Sender) Send(n Notice) {
	if s.cfg.Target() == nil {
		return
	}
	id := "msg_" + strings.ToLower(rand.Text())
	body, err := json.Marshal(envelope{Type: n.Type, ID: id, Timestamp: time.Now().UTC(), Data: n.Data})
	if err == nil && len(body) > maxBody {
		err = fmt.Errorf("it has more than %d bytes", maxBody)
	}
	if err != nil {
		s.failed.Add(1)
		s.cfg.Log.Error("notice cannot be made", "type", n.Type, "exchange", n.Exchange, "error", err)
		return
	}
	n.Data = nil
	s.put(&letter{Notice: n, id: id, body: body})
}

// put puts a letter into the queue and wakes Run.
func (s *Sender) put(l *letter) {
	s.mu.Lock()
	gone := s.queue.add(l)
	if gone != nil {
		s.lost++
	}
	s.mu.Unlock()
	if gone != nil {
		s.dropped.Add(1)
		s.cfg.Log.Warn("notice dropped, too many wait", "type", gone.Type, "notice", gone.id, "exchange", gone.Exchange)
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Run sends until ctx ends. What waits then is lost, and on record as such.
func (s *Sender) Run(ctx context.Context) {
	defer s.end(context.WithoutCancel(ctx))
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		s.mu.Lock()
		l, wait := s.queue.take(time.Now())
		s.mu.Unlock()
		s.recordLost(ctx)
		if l != nil {
			s.try(ctx, l)
			continue
		}
		timer.Stop()
		if wait > 0 {
			timer.Reset(wait)
		}
		select {
		case <-ctx.Done():
		case <-s.wake:
		case <-timer.C:
		}
	}
}

// try tries once, and says what became of it.
func (s *Sender) try(ctx context.Context, l *letter) {
	target := s.cfg.Target()
	if target == nil {
		s.failed.Add(1)
		s.record(ctx, l, "failed", "nowhere: the receiver was taken out of the configuration")
		return
	}
	l.tries++
	err := target.Post(ctx, l.id, l.body)
	switch {
	case err == nil:
		s.sent.Add(1)
		s.record(ctx, l, "sent", target.host)
	case ctx.Err() != nil:
		l.tries--
		s.put(l) // for end to count
	case l.tries >= maxTries:
		s.failed.Add(1)
		s.cfg.Log.WarnContext(ctx, "notice not delivered", "host", target.host, "type", l.Type, "notice", l.id, "exchange", l.Exchange, "error", err)
		s.record(ctx, l, "failed", target.host+": "+err.Error())
	default:
		wait := backoff(l.tries)
		if a, ok := errors.AsType[*answerError](err); ok {
			wait = max(wait, a.wait)
		}
		s.cfg.Log.DebugContext(ctx, "notice not delivered yet", "host", target.host, "notice", l.id, "try", l.tries, "wait", wait, "error", err)
		l.due = time.Now().Add(wait)
		s.put(l)
	}
}

// backoff is the wait after a try that failed: about five minutes in all, give or
// take a fifth, so that many gateways do not come back at once.
func backoff(tries int) time.Duration {
	waits := [maxTries - 1]time.Duration{5 * time.Second, 20 * time.Second, 75 * time.Second, 200 * time.Second}
	wait := waits[min(tries, len(waits))-1]
	return wait - wait/5 + mathrand.N(2*wait/5) //nolint:gosec // jitter, not a secret
}

// record puts a delivery, or its final failure, on record.
func (s *Sender) record(ctx context.Context, l *letter, what, how string) {
	e := gate.Event{
		Kind: "webhook." + what, Actor: "doorward", Upstream: l.Upstream, Exchange: l.Exchange, Status: "ok",
		Detail: fmt.Sprintf("%s %s, try %d, %s", l.Type, l.id, l.tries, how),
	}
	if what == "failed" {
		e.Status = "failed"
	}
	s.write(ctx, e)
}

// recordLost puts on record what was dropped since the last time.
func (s *Sender) recordLost(ctx context.Context) {
	s.mu.Lock()
	n := s.lost
	s.lost = 0
	s.mu.Unlock()
	if n > 0 {
		s.write(ctx, gate.Event{
			Kind: "webhook.failed", Actor: "doorward", Status: "failed",
			Detail: fmt.Sprintf("%d dropped: more than %d waited", n, maxQueue),
		})
	}
}

// end puts on record what was not sent any more.
func (s *Sender) end(ctx context.Context) {
	s.recordLost(ctx)
	s.mu.Lock()
	n := len(s.queue.all)
	s.queue.all = nil
	s.mu.Unlock()
	if n == 0 {
		return
	}
	s.failed.Add(int64(n))
	s.cfg.Log.WarnContext(ctx, "notices not sent, the gateway stops", "count", n)
	s.write(ctx, gate.Event{Kind: "webhook.failed", Actor: "doorward", Status: "failed", Detail: fmt.Sprintf("%d not sent: the gateway stopped", n)})
}

// write writes an event. A notice changes nothing, so one without a record is no
// reason to stop.
func (s *Sender) write(ctx context.Context, e gate.Event) {
	if err := s.cfg.Record(context.WithoutCancel(ctx), e); err != nil {
		s.cfg.Log.ErrorContext(ctx, "notice without a record", "kind", e.Kind, "exchange", e.Exchange, "error", err)
	}
}
