package app

import (
	"context"
	"fmt"
	"time"

	"doorward/internal/config"
	"doorward/internal/monitor"
	"doorward/internal/store"
)

const (
	// maxCrowd bounds for one rule those who wait to be suspended: twice as many as the
	// monitor counts at once.
	maxCrowd = 8192
	// crowdTogether are suspended for one incident in one act: half of what it takes.
	crowdTogether = 32
	// crowdAgain is when they are tried again whose incident could not be kept.
	crowdAgain = time.Minute
	// crowdExchanges are the exchanges that a step names.
	crowdExchanges = 10
)

// gather takes in one of many offenders of a rule, and waits for nothing.
func (r *responder) gather(alert *monitor.Alert) {
	r.queue(alert)
	select {
	case r.more <- struct{}{}:
	default:
	}
}

// queue has an offender wait: the latest alert of each.
func (r *responder) queue(alert *monitor.Alert) {
	r.mu.Lock()
	defer r.mu.Unlock()
	of := r.crowd[alert.Rule]
	have, waits := of[alert.Subject]
	switch {
	case waits && have.Last.After(alert.Last):
		return
	case !waits && len(of) >= maxCrowd:
		r.lost.Add(1)
		return
	case r.crowd == nil:
		r.crowd = map[string]map[monitor.Subject]monitor.Alert{}
	}
	if of == nil {
		of = map[monitor.Subject]monitor.Alert{}
		r.crowd[alert.Rule] = of
	}
	of[alert.Subject] = *alert
}

// some takes out a few offenders of one rule; none: nobody waits.
func (r *responder) some() (rule string, all []monitor.Alert) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for rule, of := range r.crowd {
		for subject, alert := range of {
			if len(all) == crowdTogether {
				return rule, all
			}
			all = append(all, alert)
			delete(of, subject)
		}
		if len(all) > 0 {
			return rule, all
		}
	}
	return "", nil
}

// answerCrowd suspends those who wait. Whose incident cannot be kept waits on.
func (a *App) answerCrowd(ctx context.Context) {
	for {
		rule, all := a.responder.some()
		if len(all) == 0 {
			return
		}
		cfg := a.current.Load().cfg
		measure, ok := cfg.Monitor.Contain[rule]
		if !ok {
			continue
		}
		one, last := incidentOfMany(rule, all, measure, cfg)
		if len(one.Containments) == 0 {
			continue // the alert about all of them says so
		}
		err := a.keepFound(ctx, &one, "", func(what store.IncidentSubject) time.Time { return last[what] })
		if err != nil {
			for i := range all {
				a.responder.queue(&all[i])
			}
			a.Log.ErrorContext(ctx, "offenders of whom people are told as one are not suspended yet", "rule", rule, "offenders", len(all), "error", err)
			return
		}
	}
}

// incidentOfMany is the incident of several offenders of a rule, of whom people are told
// as one, and when each was seen last.
func incidentOfMany(rule string, all []monitor.Alert, measure config.Measure, cfg *config.Config) (one store.Incident, last map[store.IncidentSubject]time.Time) {
	one = store.Incident{
		Opened: time.Now(), By: "rule:" + rule, Rule: rule, Severity: severityOf(rule),
		Title: monitor.Said(rule), About: []store.IncidentSubject{{Kind: store.OfMany}},
	}
	last = map[store.IncidentSubject]time.Time{}
	step := store.Step{Text: fmt.Sprintf("%d more, of whom people were told as one", len(all))}
	for i := range all {
		step.Count += all[i].Count
		step.Exchanges = append(step.Exchanges, all[i].Exchanges[:min(len(all[i].Exchanges), crowdExchanges-len(step.Exchanges))]...)
	}
	one.Begin(step)
	for i := range all {
		what, why := measured(&all[i], measure, cfg)
		if why != "" {
			continue
		}
		if at, met := last[what]; met {
			last[what] = later(at, all[i].Last)
			continue
		}
		// What names nothing that a call could have is suspended for nobody.
		if one.Contain(measuring(&one, what, measure)) == nil {
			last[what] = all[i].Last
		}
	}
	return one, last
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// measuring is the containment of a measure.
func measuring(one *store.Incident, what store.IncidentSubject, measure config.Measure) store.Containment {
	c := store.Containment{IncidentSubject: what, Since: one.Opened, By: one.By, Reason: one.Title}
	if measure.For > 0 {
		c.Until = one.Opened.Add(time.Duration(measure.For))
	}
	return c
}
