package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"doorward/internal/admin"
	"doorward/internal/gate"
	"doorward/internal/telemetry"
)

// loudness is the level of the log while an operator has asked for another than the
// configuration's.
type loudness struct {
	mu    sync.Mutex
	until time.Time // zero: it is the configuration's
	// changed says that until did; it holds one.
	changed chan struct{}
}

// errNoJournal is of a command without a running gateway, and of a gateway within a test.
var errNoJournal = errors.New("no gateway runs here whose log could have another level: telemetry.log.level says what it begins with")

// configured sets the level that the configuration has, or lets it wait until what an
// operator asked for is over.
func (l *loudness) configured(j *telemetry.Journal, level string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if j != nil && l.until.IsZero() {
		_ = j.Level.UnmarshalText([]byte(level)) // config has checked it
	}
}

// LogLevel implements admin.Loudness.
func (a *App) LogLevel(context.Context) (admin.LogLevel, error) {
	if a.Journal == nil {
		return admin.LogLevel{}, operated("asking for the log's level", errNoJournal)
	}
	a.loud.mu.Lock()
	defer a.loud.mu.Unlock()
	return admin.LogLevel{
		Level: strings.ToLower(a.Journal.Level.Level().String()), Configured: a.current.Load().cfg.Telemetry.Log.Level, Until: a.loud.until,
	}, nil
}

// SetLogLevel implements admin.Loudness: for admin.MaxLoud at most, after which the
// level is the configuration's by itself (security case LOG-18).
func (a *App) SetLogLevel(ctx context.Context, actor string, req admin.LogLevelRequest) (admin.LogLevel, error) {
	var level slog.Level
	if req.Level != "" {
		if err := level.UnmarshalText([]byte(req.Level)); err != nil {
			return admin.LogLevel{}, operated("setting the log's level", fmt.Errorf("log level %q: want debug, info, warn or error", req.Level))
		}
		if req.For <= 0 || req.For > admin.MaxLoud {
			return admin.LogLevel{}, operated("setting the log's level", fmt.Errorf("for %v: want a time up to %v", req.For, admin.MaxLoud))
		}
	}
	if a.Journal == nil {
		return admin.LogLevel{}, operated("setting the log's level", errNoJournal)
	}
	what := "as configured"
	if req.Level != "" {
		what = fmt.Sprintf("%s for %v", req.Level, req.For)
	}
	err := a.act(ctx, []gate.Event{{Kind: "log.level", Actor: actor, Detail: what}}, func() error {
		a.louder(level, req.For, req.Level == "")
		return nil
	})
	if err != nil {
		return admin.LogLevel{}, operated("setting the log's level", err)
	}
	return a.LogLevel(ctx)
}

// louder sets the level, and says until when.
func (a *App) louder(level slog.Level, lasts time.Duration, back bool) {
	a.loud.mu.Lock()
	defer a.loud.mu.Unlock()
	if a.loud.until = time.Now().Add(lasts); back {
		a.quieten()
		return
	}
	a.Journal.Level.Set(level)
	select {
	case a.loud.changed <- struct{}{}:
	default: // it has not yet looked at the change before
	}
}

// quieten sets the level of the configuration. The caller holds the lock.
func (a *App) quieten() string {
	level := a.current.Load().cfg.Telemetry.Log.Level
	a.loud.until = time.Time{}
	_ = a.Journal.Level.UnmarshalText([]byte(level)) // config has checked it
	return level
}

// keepQuiet sets the level back when its time is over, until ctx ends.
func (a *App) keepQuiet(ctx context.Context) {
	over := time.NewTimer(admin.MaxLoud)
	defer over.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.loud.changed:
		case <-over.C:
		}
		over.Reset(a.quietenWhenOver(ctx))
	}
}

// quietenWhenOver does so when the time is over, and says when to look again.
func (a *App) quietenWhenOver(ctx context.Context) time.Duration {
	a.loud.mu.Lock()
	left := time.Until(a.loud.until)
	if a.loud.until.IsZero() || left > 0 {
		defer a.loud.mu.Unlock()
		if left <= 0 {
			left = admin.MaxLoud
		}
		return left
	}
	level := a.quieten()
	a.loud.mu.Unlock()
	e := gate.Event{Kind: "log.level", Actor: "doorward", Detail: level + ": the time is over", Status: "ok"}
	if err := a.trail.Event(ctx, e); err != nil {
		a.Log.ErrorContext(ctx, "a change of the log's level is not on record", "error", err)
	}
	return admin.MaxLoud
}
