package app

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"doorward/internal/admin"
	"doorward/internal/audit"
	"doorward/internal/durable"
	"doorward/internal/gate"
	"doorward/internal/monitor/figures"
	"doorward/internal/store"
)

// counted adds a record to the metrics of the security figures.
func (a *App) counted(f figures.Fact) {
	r := figures.Read(&f)
	if r.Arrival != "" {
		a.metrics.Arrival(string(r.Arrival), 1)
	}
	if r.Violated != "" {
		a.metrics.Violated(r.Violated)
	}
	if r.Rule != "" {
		a.metrics.Detected(r.Rule, r.Detection)
	}
}

// Figures are those of the records of some logs in a stretch of time: inclusive,
// exclusive, zero for no bound.
func Figures(ctx context.Context, dirs []string, since, until time.Time) (*figures.Figures, error) {
	g := &figures.Figures{}
	for _, dir := range dirs {
		err := audit.Read(ctx, dir, audit.Query{Since: since, Until: until}, func(r *audit.Record) error {
			if f, ok := factOf(r); ok {
				g.Take(&f)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return g, nil
}

// factOf is what a record says to the figures; intents and starts say nothing.
func factOf(r *audit.Record) (figures.Fact, bool) {
	switch r.Kind {
	case audit.KindOutcome:
		return figures.Fact{At: r.Time, Method: r.Principal.Method, Code: gate.Code(r.Code)}, true
	case audit.KindEvent:
		return figures.Fact{At: r.Time, Event: r.Event, Detail: r.Detail}, true
	}
	return figures.Fact{}, false
}

// openAges finds out since when secrets have the values that they have.
func (a *App) openAges(dir string) error {
	key, err := keyFor(dir, forAges)
	if err != nil {
		return err
	}
	a.ages, err = store.OpenAges(dir, key[:], a.primary)
	return err
}

// agesNow are the ages of everything that is replaced in time, by kind and name.
func (a *App) agesNow(now time.Time) []figures.Age {
	snap := a.current.Load()
	if snap == nil {
		return nil
	}
	most := &snap.cfg.Monitor.Rotation
	out := a.secretAges(snap, now)
	out = append(out, a.keyAges(snap, now)...)
	base := filepath.Join(a.Config.DataDir, filepath.Base(a.logDir))
	for _, f := range [...]struct {
		kind string
		most time.Duration
		path string
	}{
		{figures.KindSigner, time.Duration(most.AuditSigner), base + ".signer"},
		{figures.KindRoot, time.Duration(most.AuditRoot), base + ".root"},
	} {
		one := figures.Age{Kind: f.kind, Name: filepath.Base(f.path), Most: f.most}
		info, err := os.Stat(f.path)
		var content []byte
		if err == nil {
			content, err = durable.ReadNamed(f.path, maxKeyFile)
		}
		if err == nil {
			one.Since, err = a.ages.Since(one.Kind, string(content), info.ModTime(), now)
		}
		if err != nil {
			one.Fault = err.Error()
		}
		out = append(out, one)
	}
	slices.SortStableFunc(out, func(a, b figures.Age) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name)) })
	return out
}

// ageOfSecret stands before the names of secrets among the ages, apart from the keys' names.
const ageOfSecret = "secret "

// secretAges are those of the configuration's secrets.
func (a *App) secretAges(snap *snapshot, now time.Time) (out []figures.Age) {
	known := map[string]bool{figures.KindSigner: true, figures.KindRoot: true}
	for _, name := range names(snap.cfg.Secrets) {
		if snap.cfg.Secrets[name].PerCall() {
			continue // it has no age
		}
		one := figures.Age{Kind: figures.KindSecret, Name: name, Most: time.Duration(snap.cfg.Secrets[name].MaxAge)}
		entry := ageOfSecret + name
		known[entry] = true
		changed := snap.secret.Changed(name)
		value, err := snap.secret.Get(name)
		if err == nil {
			one.Since, err = a.ages.Since(entry, value.Reveal(), changed, now)
		}
		if err != nil {
			one.Fault = err.Error()
		}
		out = append(out, one)
	}
	if err := a.ages.Forget(known); err != nil {
		a.Log.Warn("what is known of secrets that are gone was not forgotten", "error", err)
	}
	return out
}

// keyAges are those of the API keys that let somebody in.
func (a *App) keyAges(snap *snapshot, now time.Time) []figures.Age {
	id := &snap.cfg.Identity
	if !id.APIKeys && id.SignedRequests == nil {
		return nil
	}
	most := time.Duration(snap.cfg.Monitor.Rotation.APIKeys)
	all, err := a.keys.List()
	if err != nil {
		return []figures.Age{{Kind: figures.KindAPIKey, Most: most, Fault: fmt.Sprint(err)}}
	}
	var out []figures.Age
	for i := range all {
		k := &all[i]
		if k.Revoked.IsZero() && (k.Expires.IsZero() || now.Before(k.Expires)) {
			out = append(out, figures.Age{Kind: figures.KindAPIKey, Name: k.ID, Since: k.Created, Most: most})
		}
	}
	return out
}

// rotation is asked for one number of each kind.
func (a *App) rotation(value func(figures.Standing) int64) func() map[string]float64 {
	return func() map[string]float64 {
		now := time.Now()
		out := map[string]float64{}
		for kind, s := range figures.Rotation(a.agesNow(now), now) {
			out[kind] = float64(value(s))
		}
		return out
	}
}

// Ages implements admin.Monitoring.
func (a *App) Ages(context.Context) ([]admin.Age, error) {
	now := time.Now()
	all := a.agesNow(now)
	out := make([]admin.Age, 0, len(all))
	for i := range all {
		one := &all[i]
		out = append(out, admin.Age{
			Kind: one.Kind, Name: one.Name, Since: one.Since, MaxAge: one.Most, Fault: gate.Visible(one.Fault),
			Within: one.Most <= 0 || one.Within(now),
		})
	}
	return out, nil
}
