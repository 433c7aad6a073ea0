package app

import (
	"context"
	"time"

	"doorward/internal/config"
	"doorward/internal/gate"
	"doorward/internal/limit"
	"doorward/internal/store"
)

// budgets is what is left of limits: store's.
type budgets interface {
	limit.Budgets
	Look(ctx context.Context, all []gate.Budget, standing []gate.Standing) error
	Held() int
	Crowded() int
}

// pace makes the limit stage of a snapshot. What was spent is in the state, and stays.
func (a *App) pace(cfg *config.Config) (*limit.Stage, error) {
	return limit.New(limit.Config{
		Rules: paces(&cfg.Limits), Budgets: spending{&a.shared},
		Refused: func(kind string) { a.metrics.Limited(kind, 1) },
	})
}

// paces are the limits in limit's words.
func paces(c *config.Paces) limit.Rules {
	r := limit.Rules{
		Address: rate(c.PerAddress), Principal: rate(c.PerPrincipal), Key: rate(c.PerKey), Tenant: rate(c.PerTenant),
		Tools: rates(c.PerTool), Upstreams: rates(c.PerUpstream), Profiles: rates(c.PerProfile),
		Calls: amounts(c.Quota.Calls), Costs: amounts(c.Quota.Cost),
	}
	for _, q := range c.Quota.Bytes {
		r.Bytes = append(r.Bytes, limit.Rate{Most: int64(q.Bytes), Per: time.Duration(q.Per)})
	}
	for _, tools := range names(c.Cost) {
		r.Cost = append(r.Cost, limit.Cost{Tools: tools, Units: int64(c.Cost[tools])})
	}
	return r
}

func rate(r config.Rate) limit.Rate {
	if r.Off {
		return limit.Rate{}
	}
	return limit.Rate{Most: r.N, Per: time.Duration(r.Per)}
}

func rates(all map[string]config.Rate) (out []limit.For) {
	for _, name := range names(all) {
		out = append(out, limit.For{Name: name, Rate: rate(all[name])})
	}
	return out
}

func amounts(all []config.Amount) (out []limit.Rate) {
	for _, q := range all {
		out = append(out, limit.Rate{Most: q.N, Per: time.Duration(q.Per)})
	}
	return out
}

// spending is the budgets of the state that is open.
type spending struct{ shared *shared }

// Take implements limit.Budgets.
func (s spending) Take(ctx context.Context, all []gate.Budget, standing []gate.Standing) (bool, error) {
	m := s.shared.now.Load()
	if m == nil {
		return false, errNoMemory
	}
	return m.budgets.Take(ctx, all, standing)
}

// Spend implements limit.Budgets.
func (s spending) Spend(ctx context.Context, all []gate.Budget) error {
	m := s.shared.now.Load()
	if m == nil {
		return errNoMemory
	}
	return m.budgets.Spend(ctx, all)
}

// fallback says what becomes of limits while the gateways' common state is away.
func (a *App) fallback(c *config.Paces) {
	m := a.shared.now.Load()
	if m == nil {
		return
	}
	if b, ok := m.budgets.(*store.RedisBudgets); ok {
		part := int64(c.Fallback)
		if c.OnFailure == "refuse" {
			part = 0
		}
		b.Fallback(part)
	}
}

// keepQuotas writes quotas down, where this gateway keeps them itself.
func (a *App) keepQuotas() {
	if m := a.shared.now.Load(); m != nil {
		if b, ok := m.budgets.(*store.FileBudgets); ok {
			b.Run(a.ctx)
		}
	}
}

// limitGauges tells telemetry about limits.
func (a *App) limitGauges() {
	for _, kind := range limit.Kinds() {
		a.metrics.Limited(kind, 0)
	}
	of := func(value func(budgets) int) func() float64 {
		return func() float64 {
			if m := a.shared.now.Load(); m != nil {
				return float64(value(m.budgets))
			}
			return 0
		}
	}
	shared := func(value func(*store.RedisBudgets) float64) func() float64 {
		return func() float64 {
			if m := a.shared.now.Load(); m != nil {
				if b, ok := m.budgets.(*store.RedisBudgets); ok {
					return value(b)
				}
			}
			return 0
		}
	}
	a.metrics.Gauge("doorward_limit_alone", "1 while the state that gateways share does not answer, and this one decides about limits alone or refuses.", shared(func(b *store.RedisBudgets) float64 {
		if b.Away() {
			return 1
		}
		return 0
	}))
	a.metrics.Counter("doorward_limit_decided_alone_total", "Decisions about limits that were made without it.", shared(func(b *store.RedisBudgets) float64 { return float64(b.Alone()) }))
	a.metrics.Gauge("doorward_limit_budgets", "Budgets of limits that this gateway remembers.", of(budgets.Held))
	a.metrics.Counter("doorward_limit_crowded_total", "Decisions about a budget that had no room of its own, and shared one.", of(budgets.Crowded))
}
