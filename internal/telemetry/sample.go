package telemetry

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// The quota of one message: whoever makes the gateway log the same thing over and over
// fills no disk with it (security case LOG-20). The audit log has no such quota.
const (
	window      = 10 * time.Second
	maxLines    = 100 // of one message in a window
	maxMessages = 256 // that have a quota of their own; all others share one
)

// leftOutMessage says how many lines of another message are missing.
const leftOutMessage = "log lines left out"

// message is what has a quota of its own.
type message struct {
	level slog.Level
	text  string
}

// quota counts lines by message, in windows.
type quota struct {
	written, leftOut atomic.Uint64

	mu    sync.Mutex
	began time.Time
	lines map[message]uint64
}

func newQuota() *quota { return &quota{lines: map[message]uint64{}} }

// take tells whether a line may be written, and first what the window before it left
// out, when it is the first of another.
func (q *quota) take(m message, now time.Time) (ok bool, ended []slog.Record) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if since := now.Sub(q.began); since >= window || since < 0 {
		ended = q.reset(now)
	}
	if _, known := q.lines[m]; !known && len(q.lines) >= maxMessages {
		m = message{level: m.level}
	}
	q.lines[m]++
	if ok = q.lines[m] <= maxLines; ok {
		q.written.Add(1)
	} else {
		q.leftOut.Add(1)
	}
	return ok, ended
}

// end ends the window, and gives the lines that say what it left out.
func (q *quota) end(now time.Time) []slog.Record {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.reset(now)
}

func (q *quota) reset(now time.Time) []slog.Record {
	var ended []slog.Record
	for m, n := range q.lines {
		if n <= maxLines {
			continue
		}
		text := m.text
		if text == "" {
			text = "others"
		}
		r := slog.NewRecord(now, m.level, leftOutMessage, 0)
		r.AddAttrs(slog.String("message", text), slog.Uint64("count", n-maxLines), slog.Time("since", q.began))
		ended = append(ended, r)
	}
	clear(q.lines)
	q.began = now
	return ended
}

// sampled is a handler that keeps to a quota.
type sampled struct {
	slog.Handler
	quota *quota
}

// Handle implements slog.Handler.
func (s *sampled) Handle(ctx context.Context, r slog.Record) error {
	now := r.Time
	if now.IsZero() {
		now = time.Now()
	}
	ok, ended := s.quota.take(message{r.Level, r.Message}, now)
	for _, one := range ended {
		if err := s.Handler.Handle(ctx, one); err != nil {
			return err
		}
	}
	if !ok {
		return nil
	}
	return s.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (s *sampled) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &sampled{s.Handler.WithAttrs(attrs), s.quota}
}

// WithGroup implements slog.Handler.
func (s *sampled) WithGroup(name string) slog.Handler {
	return &sampled{s.Handler.WithGroup(name), s.quota}
}
