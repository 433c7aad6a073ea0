package app

import (
	"context"
	"fmt"
	"sync/atomic"

	"doorward/internal/admin"
	"doorward/internal/gate"
	"doorward/internal/inspect/secrets"
	"doorward/internal/store"
)

// canaries are the planted values: on disk, and as the stage looks for them.
type canaries struct {
	kept  *store.Canaries
	known atomic.Pointer[secrets.Canaries]
}

func (c *canaries) open(dir string) (err error) {
	if c.kept, err = store.OpenCanaries(dir); err != nil {
		return err
	}
	return c.load()
}

// load makes what is on disk what is looked for.
func (c *canaries) load() error {
	all, err := c.kept.List()
	if err != nil {
		return err
	}
	values := make(map[string]string, len(all))
	for _, one := range all {
		values[one.Name] = one.Value
	}
	if len(values) == 0 {
		c.known.Store(nil)
		return nil
	}
	known, err := secrets.NewCanaries(values)
	if err != nil {
		return fmt.Errorf("reading canaries: %w", err)
	}
	c.known.Store(known)
	return nil
}

// PlantCanary implements admin.Canaries.
func (a *App) PlantCanary(ctx context.Context, actor string, one admin.Canary) (made admin.Canary, err error) {
	err = a.act(ctx, []gate.Event{{Kind: "canary.plant", Actor: actor, Detail: one.Name}}, func() error {
		c, err := a.canaries.kept.Plant(one.Name, one.Value)
		made = admin.Canary{Name: c.Name, Value: c.Value, Created: c.Created}
		if err != nil {
			return err
		}
		return a.canaries.load()
	})
	return made, operated("planting a canary", err)
}

// ListCanaries implements admin.Canaries.
func (a *App) ListCanaries(context.Context) ([]admin.Canary, error) {
	all, err := a.canaries.kept.List()
	out := make([]admin.Canary, 0, len(all))
	for _, c := range all {
		out = append(out, admin.Canary{Name: c.Name, Created: c.Created})
	}
	return out, operated("listing canaries", err)
}

// RemoveCanary implements admin.Canaries.
func (a *App) RemoveCanary(ctx context.Context, actor, name string) error {
	err := a.act(ctx, []gate.Event{{Kind: "canary.remove", Actor: actor, Detail: name}}, func() error {
		if err := a.canaries.kept.Remove(name); err != nil {
			return err
		}
		return a.canaries.load()
	})
	return operated("removing a canary", err)
}

// canarySeen raises an incident: it is on record before the call is refused, and
// in the operator's log, which has no seal and does not say whose call it was.
func (a *App) canarySeen(ctx context.Context, ex *gate.Exchange, f gate.Finding) error {
	a.Log.ErrorContext(ctx, "a canary is on its way out", "exchange", ex.ID, "trace_id", ex.Trace.TraceID(), "span_id", ex.Trace.SpanID(), "upstream", ex.Target.Upstream, "canary", f.Text)
	return a.trail.EventOf(ctx, ex, gate.Event{
		Kind: "incident.canary", Principal: ex.Principal, Upstream: ex.Target.Upstream, Exchange: ex.ID,
		Detail: "canary " + f.Text + " at " + f.Where, Status: "refused",
	})
}
