package app

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"doorward/internal/audit"
	"doorward/internal/config"
	"doorward/internal/gate"
	"doorward/internal/secret"
	"doorward/internal/sink"
	"doorward/internal/webhook"
)

// sinksDir is where the copies of a log remember how far they have come.
const sinksDir = "sinks"

// drained is how long Close waits for copies of what is on record.
const drained = 5 * time.Second

// openSinks makes the copies of this process's log and begins to deliver.
func (a *App) openSinks(cfg *config.Config, secrets *secret.Store) error {
	var all []sink.Config
	for i := range cfg.Audit.Sinks {
		s := &cfg.Audit.Sinks[i]
		r, err := a.receiverOf(s, secrets)
		if err != nil {
			return fmt.Errorf("audit.sinks[%d]: %w", i, err)
		}
		all = append(all, sink.Config{Name: s.Name, Receiver: r, Required: s.Required, Lag: time.Duration(s.Lag), Records: uint64(s.LagRecords)}) //nolint:gosec // config has checked it
	}
	key, err := keyFor(a.Config.DataDir, forSinks)
	if err != nil {
		return err
	}
	set, err := sink.NewSet(sink.SetConfig{
		Dir: filepath.Join(a.logDir, sinksDir), Key: key, Source: copied{a}, Sinks: all, Record: a.trail.Event, Log: a.Log,
	})
	if err != nil {
		return err
	}
	a.sinks.Store(set)
	set.Start(context.WithoutCancel(a.ctx)) // Close ends it, after everybody who writes records
	return nil
}

// positions are where the copies of one of the logs in data_dir have come.
func (a *App) positions(dir string) (*sink.Positions, error) {
	key, err := keyFor(a.Config.DataDir, forSinks)
	if err != nil {
		return nil, err
	}
	c := a.auditConfig(dir)
	origin, err := c.Named()
	return &sink.Positions{Dir: filepath.Join(dir, sinksDir), Key: key, Origin: origin}, err
}

// receiverOf makes what takes the records of one sink, once its secrets are such that
// it can.
func (a *App) receiverOf(s *config.Sink, secrets *secret.Store) (sink.Receiver, error) {
	pool, err := roots(s.CA)
	if err != nil {
		return nil, err
	}
	if err := usable(s, secrets); err != nil {
		return nil, err
	}
	ask := func(name string) func() (gate.Secret, error) {
		if name == "" {
			return nil
		}
		return func() (gate.Secret, error) { return a.current.Load().secret.Get(name) }
	}
	switch s.Kind {
	case "postgres":
		return sink.NewPostgres(sink.PostgresConfig{DSN: ask(s.DSN), Roots: pool})
	case "syslog":
		host, _ := os.Hostname() // empty: a dash
		return sink.NewSyslog(sink.SyslogConfig{Address: s.Address, Transport: s.Transport, Format: s.Format, Roots: pool, Host: host, Version: a.Version})
	case "otlp":
		return sink.NewOTLP(sink.OTLPConfig{Endpoint: s.Endpoint, GRPC: s.Protocol == "grpc", Token: ask(s.Token), Roots: pool, Version: a.Version})
	case "http":
		return sink.NewHTTP(sink.HTTPConfig{URL: s.URL, Format: s.Format, Token: ask(s.Token), Roots: pool, Version: a.Version})
	case "webhook":
		target, err := webhook.NewTarget(signed(webhook.TargetConfig{URL: s.URL, Roots: pool}, a.secretsNow, s.Secret))
		if err != nil {
			return nil, err
		}
		return sink.NewWebhook(target), nil
	case "file":
		return sink.NewFile(s.Path)
	}
	return nil, fmt.Errorf("there is no kind %q", s.Kind)
}

// usable tells what is wrong with the secrets of a sink, and never what they are.
func usable(s *config.Sink, secrets *secret.Store) error {
	for _, c := range []struct {
		key, name string
		check     func(gate.Secret) error
	}{
		{"dsn", s.DSN, sink.CheckDSN},
		{"secret", s.Secret, webhook.CheckSecret},
		{"token", s.Token, func(v gate.Secret) error { _, err := v.Header(); return err }},
	} {
		if c.name == "" {
			continue
		}
		v, err := secrets.Get(c.name)
		if err == nil {
			err = c.check(v)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", c.key, err)
		}
	}
	return nil
}

// copied is this process's log, as its copies read it.
type copied struct{ *App }

// Origin implements sink.Log.
func (c copied) Origin() string { return c.audit.Origin() }

// Newest implements sink.Log.
func (c copied) Newest() uint64 { return c.audit.Stats().Size }

// Open implements sink.Log.
func (c copied) Open(seq uint64) (sink.Lines, error) {
	lines, err := audit.OpenLines(c.logDir, seq)
	if err != nil {
		return nil, err // not a nil in an interface
	}
	return lines, nil
}

// guarded is the recorder of the line: no call goes upstream while a copy that is
// required is too far behind. What was refused, and how a call under way ends, is on
// record all the same.
type guarded struct{ *App }

// Intent implements gate.Recorder.
func (g guarded) Intent(ctx context.Context, ex *gate.Exchange) error {
	if err := g.sinks.Load().Ready(); err != nil {
		return &gate.Error{Code: gate.CodeAudit, Public: "the audit log cannot be copied", Op: "recording", Err: err}
	}
	return g.trail.Intent(ctx, ex)
}

// Outcome implements gate.Recorder.
func (g guarded) Outcome(ctx context.Context, ex *gate.Exchange, out gate.Outcome) error {
	return g.trail.Outcome(ctx, ex, out)
}

// Event implements gate.Recorder.
func (g guarded) Event(ctx context.Context, e gate.Event) error { return g.trail.Event(ctx, e) }
