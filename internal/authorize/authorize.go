// Package authorize is the stage that asks policy. It refuses what the
// principal's roles do not allow, and narrows a list, the upstreams that a
// method concerns, or the values of a completion by the very decision that
// guards a call. The pipeline calls it after resolve, which has found the
// approved definition, and again for every reply.
//
// It hands policy the arguments as they are, never changes a request, and never
// tells a client which rule stood in the way: that goes to the operator.
package authorize

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"doorward/internal/gate"
	"doorward/internal/policy"
	"doorward/internal/policy/condition"
)

// Stage is the authorize stage. It implements gate.Stage and gate.ReplyStage.
type Stage struct {
	policy *policy.Policy
}

// New makes the stage of one snapshot: its policy does not change. A nil
// policy refuses everything.
func New(p *policy.Policy) *Stage { return &Stage{policy: p} }

// Name is "authorize".
func (s *Stage) Name() string { return "authorize" }

// Applies tells whether the method's row asks for the stage.
func (s *Stage) Applies(r gate.Route) bool { return r.Stages&gate.OnAuthorize != 0 }

// Judge decides one exchange: a named item, a list, or a method that concerns
// upstreams as a whole. A row that names an item for which resolve left none
// is an error, which refuses.
func (s *Stage) Judge(_ context.Context, ex *gate.Exchange) (gate.Verdict, error) {
	if ex.Principal == nil {
		return gate.Refuse(gate.CodeUnauthenticated, "no principal reached authorize", "Sign in first."), nil
	}
	t := &ex.Target
	switch {
	case t.Item != nil:
		return s.named(ex), nil
	case ex.Call.Route.NameAt != "":
		return gate.Verdict{}, errors.New("authorizing: the method names an item and none was resolved")
	case t.Upstream != "" && !s.policy.Reaches(ex.Principal, t.Upstream):
		return denied(policy.Decision{Reason: policy.ReasonNoRule}, "this server"), nil
	}
	reaches := func(up *string) bool { return s.policy.Reaches(ex.Principal, *up) }
	t.Upstreams, t.Unavailable, t.Stale = keep(t.Upstreams, reaches), keep(t.Unavailable, reaches), keep(t.Stale, reaches)
	t.Items = keep(t.Items, func(it *gate.Item) bool {
		return s.policy.Decide(ex.Principal, it.Kind, it.Upstream, it.Name).Allowed
	})
	return gate.Pass(), nil
}

// named judges a call on one approved definition. To a completion, whatever may
// not be used does not exist: asking is no way to learn what there is.
func (s *Stage) named(ex *gate.Exchange) gate.Verdict {
	v := s.judge(ex)
	if v.Effect == gate.Continue || !completes(&ex.Call.Route) {
		return v
	}
	// As resolve refuses what is not there.
	if ex.Target.Item.Kind == gate.Prompt {
		return gate.Refuse(gate.CodeUnknownPrompt, v.Reason, "no such prompt")
	}
	return gate.Refuse(gate.CodeUnknownResource, v.Reason, "no such resource")
}

// judge decides about a named item. A resource that is read through a template
// is judged on its own URI: approving the template approved no path in
// particular.
func (s *Stage) judge(ex *gate.Exchange) gate.Verdict {
	it := ex.Target.Item
	kind, name := it.Kind, it.Name
	if kind == gate.Template && ex.Call.Item == gate.Resource {
		kind, name = gate.Resource, ex.Call.Name
	}
	if kind == gate.Resource {
		if why := unsafeURI(name); why != "" {
			return gate.Refuse(gate.CodeResourcePath, why,
				"The URI has a path that could be read in two ways: write it without dot segments, backslashes, control characters and encoded slashes.")
		}
	}
	d := s.policy.Judge(question(ex, kind, it.Upstream, name))
	ex.Grant = gate.Grant{Policy: s.policy.Version(), Role: d.Role, Observed: d.Observed}
	if d.Allowed {
		ex.Grant.Rule, ex.Grant.Judged = d.Rule, d.Judged
		if t := d.Terms; t != nil && holds(&ex.Call.Route) {
			ex.Grant.Approval = &gate.Terms{Roles: t.Roles, Count: t.Count, Self: t.Self, Expires: t.Expires}
		}
		return gate.Pass()
	}
	v := denied(d, noun(kind))
	if d.Public != "" {
		v.Code, v.Public = gate.CodeArgumentsRefused, d.Public
	} else if v.Scopes = s.policy.Lacks(ex.Principal, kind, it.Upstream, name); v.Scopes != nil {
		v.Code, v.Public = gate.CodeScope, "The token lacks a scope that this needs."
	}
	return v
}

// calls tells whether the method carries a named thing out, with the arguments
// that it is judged by.
func calls(r *gate.Route) bool {
	return r.Action == gate.Relay && r.Item != gate.NoItem && !r.Task
}

// holds tells whether a method can wait for people: those that MCP lets be
// answered with input_required (SEP-2322), which are those that name what they
// carry out in a header as well.
func holds(r *gate.Route) bool { return calls(r) && r.Mirror != "" }

// question is what policy is asked about the exchange.
func question(ex *gate.Exchange, kind gate.ItemKind, upstream, name string) *policy.Question {
	q := &policy.Question{
		Who: ex.Principal, Kind: kind, Upstream: upstream, Name: name, Now: time.Now(), Called: calls(&ex.Call.Route),
		Request: condition.Request{
			Method: ex.Call.Route.Method, Transport: ex.Inbound.Transport, Era: ex.Call.Era.String(), Profile: ex.Inbound.Profile,
			Agent: ex.Inbound.UserAgent,
		},
	}
	for i := range ex.Flow.Taints {
		q.Labels = append(q.Labels, ex.Flow.Taints[i].Label)
	}
	if ex.Inbound.Remote.IsValid() {
		q.Request.Address = ex.Inbound.Remote.Unmap().String()
	}
	switch m := ex.Call.Message; {
	case m == nil:
	case q.Called:
		at, _ := m.Field("arguments")
		q.Args = m.Bytes(at)
	case kind == gate.Prompt && completes(&ex.Call.Route):
		c := completionOf(m)
		q.Called, q.Partial, q.Args = true, true, c.with(c.value)
	}
	return q
}

func denied(d policy.Decision, what string) gate.Verdict {
	all := slices.DeleteFunc([]string{d.Reason, d.Rule, d.Public, d.Detail}, func(s string) bool { return s == "" })
	reason := strings.Join(all, ": ")
	return gate.Refuse(gate.CodeDenied, reason, "You may not use "+what+". Ask whoever runs this gateway if you need it.")
}

func noun(k gate.ItemKind) string {
	switch k {
	case gate.Tool:
		return "this tool"
	case gate.Prompt:
		return "this prompt"
	case gate.Resource, gate.Template:
		return "this resource"
	case gate.NoItem, gate.Instructions, gate.Server, gate.Command:
	}
	return "this"
}

// keep returns the elements that ok accepts, in order. It returns all itself
// when that is every one, and a new slice otherwise: the catalogue that all
// comes from belongs to every exchange.
func keep[T any](all []T, ok func(*T) bool) []T {
	for i := range all {
		if ok(&all[i]) {
			continue
		}
		kept := make([]T, i, len(all))
		copy(kept, all)
		for j := i + 1; j < len(all); j++ {
			if ok(&all[j]) {
				kept = append(kept, all[j])
			}
		}
		return kept
	}
	return all
}
