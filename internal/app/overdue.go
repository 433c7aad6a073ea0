package app

import (
	"fmt"
	"time"

	"doorward/internal/gate"
	"doorward/internal/monitor/figures"
)

// How often it is looked for what is older than it may be, and how often the same is told.
const (
	remindEvery = time.Hour
	remindAgain = 24 * time.Hour
)

// remind tells of secrets and keys that are older than they may be, at the start and once an
// hour, until the gateway ends.
func (a *App) remind() {
	tick := time.NewTicker(remindEvery)
	defer tick.Stop()
	for {
		a.remindOf(time.Now())
		select {
		case <-a.ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// remindOf puts on record what is older than it may be, each once a day over restarts. API keys
// are their owners' to replace, and are in the figures alone.
func (a *App) remindOf(now time.Time) {
	ages := a.agesNow(now)
	for i := range ages {
		one := &ages[i]
		if one.Kind == figures.KindAPIKey || one.Most <= 0 || one.Fault != "" || one.Within(now) {
			continue
		}
		entry := one.Kind
		if one.Kind == figures.KindSecret {
			entry = ageOfSecret + one.Name
		}
		if told := a.ages.Told(entry); !told.IsZero() && now.Sub(told) < remindAgain && !told.After(now) {
			continue
		}
		a.Log.Warn("a secret is older than it may be", "kind", one.Kind, "name", one.Name, "since", one.Since, "max_age", one.Most.String())
		detail := fmt.Sprintf("%s %s has its value since %s, and may have it for %s", one.Kind, one.Name, one.Since.UTC().Format(time.RFC3339), one.Most)
		err := a.trail.Event(a.ctx, gate.Event{Kind: "secret.overdue", Actor: "doorward", Status: "overdue", Detail: detail})
		if err == nil {
			err = a.ages.Tell(entry, now)
		}
		if err != nil {
			a.Log.Error("a secret that is older than it may be is told again in an hour", "name", one.Name, "error", err)
		}
	}
}
