package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"doorward/internal/admin"
	"doorward/internal/config"
	"doorward/internal/gate"
	"doorward/internal/loopback"
	"doorward/internal/monitor"
	"doorward/internal/monitor/delivery"
	"doorward/internal/monitor/figures"
	"doorward/internal/secret"
	"doorward/internal/store"
	"doorward/internal/webhook"
)

// openMonitor makes what watches the records, and what takes its alerts to people. A
// process beside the gateway keeps neither: the files are the gateway's.
func (a *App) openMonitor(dir string) (err error) {
	c := monitor.Config{
		Settings: func() *monitor.Settings { return a.current.Load().watched },
		Pulse:    a.trail.pulse, Raise: a.raised, Further: a.further, Record: a.recordAlert, Log: a.Log,
	}
	d := delivery.Config{
		Receivers: func() []delivery.Receiver { return a.current.Load().receivers },
		Failed:    a.metrics.AlertFailed, Book: spoolBook{a.shared.wrote}, Distrusted: a.distrusted, Log: a.Log,
	}
	if d.Key, err = keyFor(dir, forAlerts); err != nil {
		return err
	}
	if c.Key, err = keyFor(dir, forProfiles); err != nil {
		return err
	}
	if a.primary {
		c.Path, d.Dir = filepath.Join(dir, "profiles.json"), filepath.Join(dir, "alerts")
	}
	if a.monitor, err = monitor.New(c); err != nil {
		return err
	}
	if a.delivery, err = delivery.New(d); err != nil {
		return err
	}
	a.responder.waiting = make(chan monitor.Alert, maxAlertsWaiting)
	a.responder.more = make(chan struct{}, 1)
	a.trail.watched(a.monitor)
	a.meter.limited = func(e *monitor.Event) {
		a.monitor.Tell(e)
		a.metrics.Violated(e.Code)
	}
	return nil
}

// recordAlert writes an alert to the audit log, past the monitor.
func (a *App) recordAlert(ctx context.Context, e gate.Event) error {
	err := a.audit.Event(ctx, e)
	if err == nil {
		a.counted(figures.OfEvent(&e, time.Now()))
	}
	return err
}

// spoolBook is what is on record of the index of alerts that wait.
type spoolBook struct{ *store.Ledger }

// Least implements delivery.Book.
func (b spoolBook) Least() uint64 { return b.Ledger.Least(store.KeptAlerts) }

// Saw implements delivery.Book.
func (b spoolBook) Saw(generation uint64) error { return b.Ledger.Saw(store.KeptAlerts, generation) }

// distrusted puts on record that alerts which waited are not as they were left.
func (a *App) distrusted(faults int, first error) {
	e := gate.Event{Kind: "monitor.spool_distrusted", Actor: "doorward", Status: "failed", Detail: fmt.Sprintf("%d faults, the first: %v", faults, first)}
	if err := a.trail.Event(context.WithoutCancel(a.ctx), e); err != nil {
		a.Log.Error("recording that alerts are not as they were left", "error", err)
	}
}

// raised is handed every alert, and waits for nothing.
func (a *App) raised(alert monitor.Alert) {
	a.metrics.Alert(alert.Rule, 1)
	a.delivery.Deliver(alert)
	a.responder.take(&alert)
}

// further is handed those of whom people are told as one: each of them is suspended.
func (a *App) further(all []monitor.Alert) {
	contain := a.current.Load().cfg.Monitor.Contain
	for i := range all {
		if measure, ok := contain[all[i].Rule]; ok && measure.What != measureNothing {
			a.responder.gather(&all[i])
		}
	}
}

// watchRecords runs the monitor, and until the monitor's last alert is in their hands the
// delivery and what suspends for it.
func (a *App) watchRecords() {
	ctx, stop := context.WithCancel(context.WithoutCancel(a.ctx))
	var told sync.WaitGroup
	told.Go(func() { a.delivery.Run(ctx) })
	told.Go(func() { a.respond(ctx) })
	a.monitor.Run(a.ctx)
	stop()
	told.Wait()
}

// watched are the rules of a configuration.
func watched(cfg *config.Config) *monitor.Settings {
	m := &cfg.Monitor
	r := &m.Rules
	rate := func(r config.Rate) monitor.Limit { return monitor.Limit{N: r.N, Per: time.Duration(r.Per)} }
	return &monitor.Settings{
		FailedSignIns: rate(r.FailedSignIns), DeniedCalls: rate(r.DeniedCalls),
		LimitViolations: rate(r.LimitViolations), RepeatedCalls: rate(r.RepeatedCalls), SecretsSent: rate(r.SecretsSent),
		DataVolume: monitor.Limit{N: int64(r.DataVolume.Bytes), Per: time.Duration(r.DataVolume.Per)},
		Canary:     r.Canary, SecurityEvents: r.SecurityEvents, DiskSpace: r.DiskSpace, ClockStep: r.ClockStep,
		UnusualTools: r.UnusualTools, UnusualVolume: r.UnusualVolume, UnusualHours: r.UnusualHours,
		NewNetworks: r.NewNetworks, ScopeGrowth: r.ScopeGrowth,
		Learn: time.Duration(m.Learn), MinHistory: int64(m.MinHistory),
		AuditSilence: time.Duration(r.AuditSilence), VerifiedWithin: time.Duration(r.VerifiedWithin),
		Tenants: tenantsTold(m.Alerts), CountBy: m.CountBy, Repeat: time.Duration(m.Repeat),
	}
}

// tenantsTold are the tenants that are told of their own alerts.
func tenantsTold(alerts []config.Receiver) (all []string) {
	for i := range alerts {
		if of := alerts[i].Tenant; of != "" && !slices.Contains(all, of) {
			all = append(all, of)
		}
	}
	return all
}

// receivers are those who are told of alerts.
func receivers(cfg *config.Config, path string, secrets *secret.Store) ([]delivery.Receiver, error) {
	out := make([]delivery.Receiver, 0, len(cfg.Monitor.Alerts))
	for i := range cfg.Monitor.Alerts {
		r, err := receiver(&cfg.Monitor.Alerts[i], path, secrets)
		if err != nil {
			return nil, fmt.Errorf("monitor.alerts[%d]: %w", i, err)
		}
		if of := cfg.Monitor.Alerts[i].Tenant; of != "" {
			r = delivery.OfTenant(r, of)
		}
		out = append(out, r)
	}
	return out, nil
}

func receiver(c *config.Receiver, path string, secrets *secret.Store) (delivery.Receiver, error) {
	switch c.Kind {
	case delivery.KindWebhook:
		return signedReceiver(c, secrets)
	case delivery.KindSlack:
		return slackReceiver(c, secrets)
	case delivery.KindEmail:
		return mailReceiver(c, secrets)
	case delivery.KindExec:
		return delivery.NewExec(delivery.ExecConfig{Command: c.Command, Dir: filepath.Dir(path), Timeout: time.Duration(c.Timeout)})
	}
	return nil, fmt.Errorf("there is no receiver of kind %q", c.Kind)
}

// signedReceiver is a webhook. A secret that cannot be signed with refuses the
// configuration; one that is optional and missing fails the alerts alone.
func signedReceiver(c *config.Receiver, secrets *secret.Store) (delivery.Receiver, error) {
	if s, err := secrets.Get(c.Secret); err == nil {
		if err := webhook.CheckSecret(s); err != nil {
			return nil, fmt.Errorf("secret: %w", err)
		}
	}
	pool, err := roots(c.CA)
	if err != nil {
		return nil, err
	}
	t, err := webhook.NewTarget(signed(webhook.TargetConfig{URL: c.URL, Roots: pool}, func() *secret.Store { return secrets }, c.Secret))
	if err != nil {
		return nil, err
	}
	return delivery.NewWebhook(t.Host(), c.URL, t.Post), nil
}

// slackReceiver is an incoming webhook, whose URL may be a secret that rotates.
func slackReceiver(c *config.Receiver, secrets *secret.Store) (delivery.Receiver, error) {
	pool, err := roots(c.CA)
	if err != nil {
		return nil, err
	}
	if c.URL != "" {
		t, err := webhook.NewTarget(webhook.TargetConfig{URL: c.URL, Unsigned: true, Roots: pool})
		if err != nil {
			return nil, err
		}
		return delivery.NewSlack(t.Host(), c.URL, t.Post), nil
	}
	return delivery.NewSlack("secret "+c.Secret, "secret\n"+c.Secret, func(ctx context.Context, id string, body []byte) error {
		url, err := secrets.Get(c.Secret)
		if err != nil {
			return fmt.Errorf("reading the secret: %w", err)
		}
		t, err := webhook.NewTarget(webhook.TargetConfig{URL: url.Reveal(), Unsigned: true, Roots: pool})
		if err != nil {
			return err
		}
		return t.Post(ctx, id, body)
	}), nil
}

func mailReceiver(c *config.Receiver, secrets *secret.Store) (delivery.Receiver, error) {
	pool, err := roots(c.CA)
	if err != nil {
		return nil, err
	}
	host, _, err := net.SplitHostPort(c.Server)
	if err != nil {
		return nil, err
	}
	m := delivery.MailConfig{
		Server: c.Server, From: c.From, To: c.To, Username: c.Username, Roots: pool,
		Dial: webhook.Dialer(loopback.Host(host)).DialContext,
	}
	if c.Username != "" {
		m.Password = func() (gate.Secret, error) { return secrets.Get(c.Secret) }
	}
	return delivery.NewMail(m)
}

// TestAlerts implements admin.Monitoring.
func (a *App) TestAlerts(ctx context.Context, actor string) (out []admin.AlertAttempt, err error) {
	err = a.act(ctx, []gate.Event{{Kind: "monitor.test", Actor: actor}}, func() error {
		snap := a.current.Load()
		all, err := receivers(snap.cfg, a.Path, snap.secret)
		if err != nil {
			return err
		}
		alert := monitor.Test(time.Now())
		for _, t := range delivery.Try(ctx, all, &alert) {
			one := admin.AlertAttempt{Kind: t.Place.Kind, Receiver: t.Place.Name, OK: t.Err == nil}
			if t.Err != nil {
				one.Error = gate.Visible(t.Err.Error())
			}
			out = append(out, one)
		}
		return nil
	})
	return out, operated("trying alerts out", err)
}

// Standings implements admin.Monitoring.
func (a *App) Standings(context.Context) (admin.MonitorState, error) {
	rules, profiles, learned := a.monitor.Standings()
	st := admin.MonitorState{Rules: make([]admin.MonitorRule, 0, len(rules)), Principals: profiles, Learned: learned, Waiting: a.delivery.Waiting()}
	for _, r := range rules {
		one := admin.MonitorRule{Rule: r.Rule, Text: r.Text, On: r.On, Limit: r.Limit, Window: r.Window, Subjects: r.Subjects}
		for _, t := range r.Top {
			one.Top = append(one.Top, admin.MonitorCount{
				Kind: t.Subject.Kind, Subject: gate.Visible(t.Subject.Value), Tenant: gate.Visible(t.Subject.Tenant), Count: t.Count, Alert: t.Open,
			})
		}
		st.Rules = append(st.Rules, one)
	}
	return st, nil
}

// Verified implements admin.Monitoring: the gateway's own log was verified by somebody
// outside of it.
func (a *App) Verified(ctx context.Context, actor string, v admin.Verification) error {
	own, err := filepath.Abs(auditDir(a.Config.DataDir, 1))
	if err == nil && filepath.Clean(v.Dir) != own {
		err = errors.New("it is not the log of this gateway")
	}
	if err != nil {
		return operated("recording a verification", err)
	}
	e := gate.Event{Kind: "audit.verify", Actor: actor, Status: "ok", Detail: fmt.Sprintf("%d records", v.Records)}
	if v.Fault != "" {
		e.Status, e.Detail = "failed", gate.Visible(v.Fault)
	}
	return a.trail.Event(ctx, e)
}
