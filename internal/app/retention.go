package app

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"time"

	"doorward/internal/admin"
	"doorward/internal/audit"
	"doorward/internal/config"
	"doorward/internal/gate"
	"doorward/internal/sink"
)

const (
	pruneEvery = 24 * time.Hour
	// prunePause is the rest after each segment: of 64 MiB, so that pruning reads no more
	// than that a second.
	prunePause = time.Second
	// copyPatience is how long a record that is due waits for a copy that is not required.
	copyPatience = 7 * 24 * time.Hour
	// longSilence is a time without any record after which the clock is not believed at
	// once: a wrong one would have records pruned that are young.
	longSilence = 31 * 24 * time.Hour
	// askedPrune is how long one request looks and prunes: less than a client waits.
	askedPrune = time.Minute
)

// pruneDaily prunes at the start and once a day, until the gateway ends.
func (a *App) pruneDaily() {
	wait := time.Duration(0)
	if silent := a.audit.Silent(); silent > longSilence {
		a.Log.Warn("the audit log was silent for long; it is pruned in a day, if the clock is right", "silent", silent.Round(time.Hour).String())
		wait = pruneEvery
	}
	for {
		began := time.Now()
		timer := time.NewTimer(wait)
		select {
		case <-a.ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		wait = pruneEvery
		if now := time.Now(); steady(now.Round(0).Sub(began.Round(0)), now.Sub(began)) {
			a.pruneAll(a.ctx)
		} else {
			a.Log.Warn("the clock was set meanwhile; the audit log is pruned in a day")
		}
	}
}

// steady tells whether the wall clock went on as the other did, give or take an hour.
func steady(wall, passed time.Duration) bool { return (wall - passed).Abs() < time.Hour }

// pruneAll prunes every log on data_dir that nobody else writes: those of processes that
// ran beside this one, too, if it is the first.
func (a *App) pruneAll(ctx context.Context) {
	dirs := []string{a.audit.Dir()}
	if all, err := AuditDirs(a.Config.DataDir); err == nil && a.primary {
		dirs = all
	}
	for _, dir := range dirs {
		gone, err := a.prune(ctx, dir, prunePause)
		if len(gone) > 0 {
			a.Log.InfoContext(ctx, "the audit log was pruned", "log", filepath.Base(dir), "segments", len(gone))
		}
		if err == nil || busy(err) || ctx.Err() != nil {
			continue
		}
		a.Log.ErrorContext(ctx, "the audit log cannot be pruned", "log", filepath.Base(dir), "error", err)
		e := gate.Event{Kind: "audit.prune_failed", Actor: "doorward", Status: "failed", Detail: filepath.Base(dir) + ": " + err.Error()}
		if err := a.trail.Event(ctx, e); err != nil {
			a.Log.ErrorContext(ctx, "recording that the audit log cannot be pruned", "error", err)
		}
	}
}

// prune prunes one log.
func (a *App) prune(ctx context.Context, dir string, pause time.Duration) (gone []audit.DueSegment, err error) {
	keep, err := a.retention(dir)
	if err != nil {
		return nil, err
	}
	keep.Pause = pause
	if dir != a.audit.Dir() { // to open it writes a record
		if due, err := audit.Due(ctx, dir, keep); err != nil || !anyDue(due) {
			return nil, err
		}
	}
	_, err = a.eraseIn(dir, func(l *audit.Log) (int, error) {
		gone, err = l.Prune(ctx, keep)
		return len(gone), err
	})
	return gone, err
}

func anyDue(all []audit.DueSegment) bool {
	for i := range all {
		if all[i].Records() > 0 {
			return true
		}
	}
	return false
}

// retention is how long a log's records are kept, now.
func (a *App) retention(dir string) (audit.Retention, error) {
	cfg := a.current.Load().cfg
	keep := audit.Retention{Keep: map[audit.Class]time.Duration{}, Holds: a.heldNow, Holding: a.held.Turn}
	for name, class := range audit.Classes() {
		keep.Keep[class] = cfg.Audit.Retain.ByClass()[name]
	}
	if len(cfg.Audit.Sinks) == 0 {
		return keep, nil
	}
	places, err := a.positions(dir)
	if err == nil {
		keep.Waits, err = waits(cfg.Audit.Sinks, places)
	}
	return keep, err
}

// waits are the copies that may not have a record yet.
func waits(sinks []config.Sink, places *sink.Positions) ([]audit.Wait, error) {
	var all []audit.Wait
	for i := range sinks {
		next, err := places.Next(sinks[i].Name)
		if err != nil {
			return nil, err
		}
		w := audit.Wait{Next: next, For: copyPatience}
		if sinks[i].Required {
			w.For = 0
		}
		all = append(all, w)
	}
	return all, nil
}

// Retain implements admin.Retaining.
func (a *App) Retain(ctx context.Context, actor string, r admin.Retention) (admin.Retained, error) {
	retain := &a.current.Load().cfg.Audit.Retain
	out := admin.Retained{Keep: map[string]string{}, Pruned: r.Now, Logs: []admin.DueLog{}}
	for class, keep := range retain.ByClass() {
		out.Keep[class] = config.Duration(keep).String()
	}
	if !r.Now {
		return out, operated("looking for what is due", a.within(ctx, &out, a.due))
	}
	err := a.act(ctx, []gate.Event{{Kind: "privacy.retain", Actor: actor, Detail: "keep " + shownKeep(out.Keep)}}, func() error {
		return a.within(ctx, &out, func(ctx context.Context, dir string) ([]audit.DueSegment, error) { return a.prune(ctx, dir, 0) })
	})
	return out, operated("pruning the audit log", err)
}

// due is what is due of one log.
func (a *App) due(ctx context.Context, dir string) ([]audit.DueSegment, error) {
	keep, err := a.retention(dir)
	if err != nil {
		return nil, err
	}
	return audit.Due(ctx, dir, keep)
}

// within does something with each log, for as long as a client waits.
func (a *App) within(ctx context.Context, out *admin.Retained, do func(context.Context, string) ([]audit.DueSegment, error)) error {
	within, done := context.WithTimeout(ctx, askedPrune)
	defer done()
	return a.eachLog(out, func(dir string) ([]audit.DueSegment, error) {
		found, err := do(within, dir)
		if within.Err() != nil && ctx.Err() == nil {
			out.More, err = true, nil
		}
		return found, err
	})
}

// eachLog adds what is due, or was pruned, of every log.
func (a *App) eachLog(out *admin.Retained, of func(dir string) ([]audit.DueSegment, error)) error {
	dirs, err := AuditDirs(a.Config.DataDir)
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		found, err := of(dir)
		one := admin.DueLog{Log: filepath.Base(dir), Ranges: []admin.DueRange{}, Busy: busy(err)}
		if err != nil && !one.Busy {
			return err
		}
		for i := range found {
			one.Ranges = append(one.Ranges, shownRange(&found[i]))
		}
		out.Logs = append(out.Logs, one)
	}
	return nil
}

// busy tells whether somebody else prunes a log, or is who can.
func busy(err error) bool { return errors.Is(err, audit.ErrLocked) || errors.Is(err, audit.ErrPruning) }

func shownRange(s *audit.DueSegment) admin.DueRange {
	out := admin.DueRange{Segment: s.Segment, First: s.First, Last: s.Last, Open: s.Open, Classes: []admin.DueClass{}}
	for _, one := range []struct {
		state string
		of    map[audit.Class]audit.Tally
	}{{"due", s.Due}, {"held", s.Held}, {"waiting", s.Waiting}} {
		for _, name := range names(audit.Classes()) {
			if t, ok := one.of[audit.Classes()[name]]; ok {
				out.Classes = append(out.Classes, admin.DueClass{
					Class: name, State: one.state, Records: t.Records, Bytes: t.Bytes, Oldest: t.Oldest, Newest: t.Newest,
				})
			}
		}
	}
	return out
}

func shownKeep(keep map[string]string) string {
	var all []string
	for _, class := range names(keep) {
		all = append(all, class+" "+keep[class])
	}
	return strings.Join(all, ", ")
}
