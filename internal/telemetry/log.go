package telemetry

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"
)

// Journal is the gateway's own log: a line an event, whatever is in it, and of one
// message no more lines than quota allows.
type Journal struct {
	*slog.Logger
	Level *slog.LevelVar // can be changed while it is written

	quota *quota
	tell  slog.Handler // what says how many lines were left out
}

// NewJournal makes the gateway's log. format is "text" or "json"; level is one of
// debug, info, warn, error.
func NewJournal(w io.Writer, format, level string) (*Journal, error) {
	lv := new(slog.LevelVar)
	if err := lv.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("log level %q: want debug, info, warn or error", level)
	}
	lines, err := Lines(w, format, lv)
	if err != nil {
		return nil, err
	}
	q := newQuota()
	return &Journal{Logger: slog.New(&sampled{lines, q}), Level: lv, quota: q, tell: lines}, nil
}

// Lines makes a handler that writes a line a record and leaves none out. Each is
// visible: what a reader cannot see is marked in text (gate.Visible) and escaped in JSON
// (gate.VisibleJSON). A text of more than maxText bytes is cut and ends
// in its length and SHA-256, and what looks like a credential is taken out.
func Lines(w io.Writer, format string, level slog.Leveler) (slog.Handler, error) {
	switch format {
	case "json":
		return slog.NewJSONHandler(&escaped{w}, &slog.HandlerOptions{Level: level, ReplaceAttr: bounded}), nil
	case "text":
		return slog.NewTextHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: shown}), nil
	default:
		return nil, fmt.Errorf("log format %q: want text or json", format)
	}
}

// TextLog is Lines for people.
func TextLog(w io.Writer, level slog.Leveler) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: shown}))
}

// Run says at the end of each window how many lines were left out, and once more when
// ctx ends.
func (j *Journal) Run(ctx context.Context) {
	tick := time.NewTicker(window)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			j.sayLeftOut(ctx)
			return
		case <-tick.C:
			j.sayLeftOut(ctx)
		}
	}
}

func (j *Journal) sayLeftOut(ctx context.Context) {
	for _, r := range j.quota.end(time.Now()) {
		_ = j.tell.Handle(ctx, r) // a log that cannot be written has nowhere to say so
	}
}

// Counts are how many lines were written and how many left out, since the start.
func (j *Journal) Counts() (written, leftOut uint64) {
	return j.quota.written.Load(), j.quota.leftOut.Load()
}
