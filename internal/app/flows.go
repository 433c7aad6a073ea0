package app

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"doorward/internal/config"
	"doorward/internal/flow"
	"doorward/internal/gate"
	"doorward/internal/track"
)

// flows makes the stages that keep what conversations have read. Where neither a
// rule nor a condition asks for it, nothing is kept.
func (a *App) flows(cfg *config.Config) (*track.Tracker, error) {
	rules := make([]flow.Rule, 0, len(cfg.Trust.Flows))
	terms := make([]gate.Terms, 0, len(cfg.Trust.Flows))
	for i := range cfg.Trust.Flows {
		f := &cfg.Trust.Flows[i]
		r := flow.Rule{Then: flow.Block}
		if f.Then == flow.Hold.String() {
			r.Then = flow.Hold
		}
		for _, word := range f.From {
			l, _ := flow.ParseLabel(word) // Compile refuses a rule without
			r.From |= l
		}
		r.To, _ = flow.ParseLabel(f.To)
		t := f.FlowTerms()
		rules = append(rules, r)
		terms = append(terms, gate.Terms{Roles: t.Roles, Count: t.Count, Self: t.Self, Expires: t.Expires})
	}
	compiled, err := flow.Compile(rules)
	if err != nil {
		return nil, fmt.Errorf("trust.flows: %w", err)
	}
	labels := make(map[string]map[string][]string, len(cfg.Upstreams))
	for name, u := range cfg.Upstreams {
		labels[name] = u.Labels
	}
	table, err := flow.NewTable(labels)
	if err != nil {
		return nil, fmt.Errorf("upstreams: %w", err)
	}
	for name, u := range cfg.Upstreams {
		for command, c := range u.Commands {
			if c.ReadOnly {
				table.OnlyReads(name, command)
			}
		}
	}
	var memory track.Memory = forgetful{}
	if tracks(cfg) {
		memory = taints{&a.shared}
	}
	return track.New(track.Config{
		Rules: compiled, Terms: terms, Labels: table.Labels, Memory: memory, Keep: time.Duration(cfg.Trust.FlowMemory), Asked: conditions(cfg),
	})
}

// tracks tells whether anybody asks what was read.
func tracks(cfg *config.Config) bool { return len(cfg.Trust.Flows) > 0 || conditions(cfg) }

// conditions tells whether a condition may read session.labels.
func conditions(cfg *config.Config) bool {
	asks := func(r config.Rule) bool { return strings.Contains(r.When, "session") }
	for _, r := range cfg.Roles {
		if slices.ContainsFunc(r.Allow, asks) || slices.ContainsFunc(r.Deny, asks) {
			return true
		}
	}
	return false
}

// putBefore tells whether a flow puts calls before one of some roles.
func putBefore(cfg *config.Config, roles []string) bool {
	return slices.ContainsFunc(cfg.Trust.Flows, func(f config.Flow) bool {
		return f.Approvers != nil && slices.ContainsFunc(roles, func(role string) bool { return slices.Contains(f.Approvers.Roles, role) })
	})
}

// flowsAsk tells whether a flow puts calls before others than their caller.
func flowsAsk(cfg *config.Config) bool {
	return slices.ContainsFunc(cfg.Trust.Flows, func(f config.Flow) bool { return f.Approvers != nil && len(f.Approvers.Roles) > 0 })
}

// taints lets track use what is shared.
type taints struct{ *shared }

// Look implements track.Memory.
func (t taints) Look(ctx context.Context, conversation string, labels []string) ([]gate.Taint, time.Time, error) {
	m := t.now.Load()
	if m == nil {
		return nil, time.Time{}, errNoMemory
	}
	return m.taints.Look(ctx, conversation, labels)
}

// Add implements track.Memory.
func (t taints) Add(ctx context.Context, conversation string, list []gate.Taint) error {
	m := t.now.Load()
	if m == nil {
		return errNoMemory
	}
	return m.taints.Add(ctx, conversation, list)
}

// forgetful is the memory of a gateway that nobody asks what was read.
type forgetful struct{}

// Look implements track.Memory.
func (forgetful) Look(context.Context, string, []string) ([]gate.Taint, time.Time, error) {
	return nil, time.Time{}, nil
}

// Add implements track.Memory.
func (forgetful) Add(context.Context, string, []gate.Taint) error { return nil }
