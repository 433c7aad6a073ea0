package app

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"doorward/internal/config"
	"doorward/internal/gate"
	"doorward/internal/monitor"
	"doorward/internal/store"
)

// Bounds of what waits for an incident, and how often one is tried that cannot be kept:
// after that everything is refused anyway, for its state is gone.
const (
	maxAlertsWaiting = 1024
	incidentTries    = 5
	incidentPause    = time.Second
	lastIncidents    = 5 * time.Second // at the end, for what still waits
)

// responder takes alerts whose rules suspend something (monitor.contain).
type responder struct {
	waiting chan monitor.Alert
	lost    gauge

	more  chan struct{} // somebody is in the crowd
	mu    sync.Mutex
	crowd map[string]map[monitor.Subject]monitor.Alert // by rule: of whom people are told as one
}

// take hands an alert on, and waits for nothing.
func (r *responder) take(alert *monitor.Alert) {
	select {
	case r.waiting <- *alert:
	default:
		r.lost.Add(1)
	}
}

// respond opens incidents for alerts, and suspends what the configuration says. It ends
// with ctx, and with what waits by then.
func (a *App) respond(ctx context.Context) {
	again := time.NewTicker(crowdAgain)
	defer again.Stop()
	for {
		select {
		case alert := <-a.responder.waiting:
			a.answerAlert(ctx, &alert)
		case <-a.responder.more:
			a.answerCrowd(ctx)
		case <-again.C:
			a.answerCrowd(ctx)
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastIncidents)
			defer cancel()
			for {
				select {
				case alert := <-a.responder.waiting:
					a.answerAlert(last, &alert)
				default:
					a.answerCrowd(last)
					return
				}
			}
		}
	}
}

// answerAlert opens the incident of an alert, or adds to the one that stands.
func (a *App) answerAlert(ctx context.Context, alert *monitor.Alert) {
	cfg := a.current.Load().cfg
	measure, ok := cfg.Monitor.Contain[alert.Rule]
	if !ok {
		return
	}
	one := incidentOf(alert, measure, cfg)
	var err error
	for try := range incidentTries {
		if err = a.keepFound(ctx, &one, alert.ID, func(store.IncidentSubject) time.Time { return alert.Last }); err == nil {
			return
		}
		if try == incidentTries-1 {
			break
		}
		pause := time.NewTimer(incidentPause)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
		}
	}
	a.responder.lost.Add(1)
	a.Log.ErrorContext(ctx, "an alert has no incident, and nothing is suspended for it", "rule", alert.Rule, "alert", alert.ID, "error", err)
}

// incidentOf is the incident of an alert, with what is suspended for it.
func incidentOf(alert *monitor.Alert, measure config.Measure, cfg *config.Config) store.Incident {
	one := store.Incident{
		Opened: time.Now(), By: "rule:" + alert.Rule, Rule: alert.Rule, Severity: severityOf(alert.Rule),
		Title: monitor.Said(alert.Rule), About: []store.IncidentSubject{subjectOf(alert)},
	}
	what, why := measured(alert, measure, cfg)
	one.Begin(store.Step{Text: why, Alert: alert.ID, Count: alert.Count, Exchanges: alert.Exchanges})
	if why != "" || measure.What == measureNothing {
		return one
	}
	if err := one.Contain(measuring(&one, what, measure)); err != nil { // the alert names what no call could have
		one.Steps[0].Text = "nothing is suspended: " + err.Error()
	}
	return one
}

// measureNothing opens an incident alone.
const measureNothing = "nothing"

// subjectOf is what an alert is about.
func subjectOf(alert *monitor.Alert) store.IncidentSubject {
	s := store.IncidentSubject{Kind: alert.Subject.Kind, Value: alert.Subject.Value}
	switch s.Kind {
	case monitor.OfPrincipal:
		s.Realm = alert.Subject.Realm
		if !cut(alert.Subject.Tenant) { // else the subject is suspended in every tenant
			s.Tenant = alert.Subject.Tenant
		}
	case monitor.OfTool:
		s.Realm, s.Value, _ = strings.Cut(s.Value, "/")
	}
	return s
}

// measured is what a measure means for an alert; why says that it cannot be suspended.
func measured(alert *monitor.Alert, measure config.Measure, cfg *config.Config) (what store.IncidentSubject, why string) {
	switch measure.What {
	case store.OfAddress:
		return measuredAddress(alert, cfg)
	case store.OfUpstream:
		if alert.Event != "trust.changed" || alert.Subject.Kind != monitor.OfUpstream {
			return what, "nothing is suspended: it is not about a definition that an upstream has changed"
		}
		return subjectOf(alert), ""
	case store.OfPrincipal, store.OfKey:
		if alert.Subject.Kind != monitor.OfPrincipal {
			return what, "nothing is suspended: nobody has proved who they are"
		}
		if cut(alert.Subject.Value) || cut(alert.Subject.Realm) {
			return what, "nothing is suspended: the name is too long to be told in an alert"
		}
		if measure.What == store.OfKey && alert.Subject.Realm == gate.RealmKeys && alert.Credential != "" {
			return store.IncidentSubject{Kind: store.OfKey, Value: alert.Credential}, ""
		}
		return subjectOf(alert), ""
	}
	return what, ""
}

// cut tells whether an alert has only the beginning of a text.
func cut(text string) bool { return strings.HasSuffix(text, "…") }

// measuredAddress is the address of an alert, unless others are behind it: this machine
// and whatever runs on it, and proxies. An alert that is about neither an address nor one
// caller names that of whoever came last, which may have done little.
func measuredAddress(alert *monitor.Alert, cfg *config.Config) (what store.IncidentSubject, why string) {
	text := alert.Address
	switch alert.Subject.Kind {
	case monitor.OfAddress:
		text = alert.Subject.Value
	case monitor.OfPrincipal:
	default:
		return what, "nothing is suspended: it is not about one address or caller"
	}
	p, err := store.ParseContained(text)
	if err != nil {
		return what, "nothing is suspended: the alert names no address"
	}
	if own(p) || slices.ContainsFunc(cfg.Listen.TrustedProxies, func(t config.Prefix) bool { return t.Overlaps(p) }) {
		return what, "nothing is suspended: the address is this machine's or a trusted proxy's"
	}
	return store.IncidentSubject{Kind: store.OfAddress, Value: plainest(p)}, ""
}

func own(p netip.Prefix) bool {
	a := p.Addr()
	return a.IsLoopback() || a.IsUnspecified() || p.Contains(netip.IPv6Loopback())
}

// severityOf is how bad what a rule tells of is.
func severityOf(rule string) string {
	switch rule {
	case "canary", "secrets_sent", "security_events", "data_volume":
		return "high"
	case "unusual_tools", "unusual_hours", "new_networks", "limit_violations":
		return "low"
	}
	return "medium"
}

// incidentGauges tells telemetry of incidents.
func (a *App) incidentGauges() {
	m := a.metrics
	m.Gauge("doorward_incidents_open", "Incidents that are not closed.", func() float64 {
		if now := a.shared.now.Load(); now != nil {
			n, _ := now.incidents.Counts()
			return float64(n)
		}
		return 0
	})
	m.GaugeBy("kind", "doorward_containments", "What is suspended now.", func() map[string]float64 {
		out := map[string]float64{}
		for _, kind := range store.ContainedKinds() {
			out[kind] = 0
		}
		if now := a.shared.now.Load(); now != nil {
			_, contained := now.incidents.Counts()
			for kind, n := range contained {
				out[kind] = float64(n)
			}
		}
		return out
	})
	m.Counter("doorward_alerts_unanswered_total", fmt.Sprintf("Alerts of rules in monitor.contain that led to no incident: more than %d waited, or it could not be kept; and of one of many offenders, more than %d.", maxAlertsWaiting, maxCrowd), a.responder.lost.value)
}
