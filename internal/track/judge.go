package track

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"doorward/internal/flow"
	"doorward/internal/gate"
)

// Judge is the stage before approve. It implements gate.Stage.
type Judge struct{ t *Tracker }

// Judge is the stage that decides.
func (t *Tracker) Judge() Judge { return Judge{t} }

// Name is "track".
func (Judge) Name() string { return "track" }

// Applies to whatever authorize judges.
func (Judge) Applies(r gate.Route) bool { return r.Stages&gate.OnAuthorize != 0 }

// Judge refuses a call that no yes could let pass, and leaves to approve the one
// that people may.
func (j Judge) Judge(_ context.Context, ex *gate.Exchange) (gate.Verdict, error) {
	if !ex.Flow.Known {
		return gate.Verdict{}, errors.New("tracking: nobody has looked at what was read before")
	}
	if ex.Target.Item == nil || !carriesOut(&ex.Call.Route) {
		return gate.Pass(), nil
	}
	taints := ex.Flow.Taints
	d := j.t.Rules.Judge(labelsOf(taints), flow.Labels(ex.Flow.Labels))
	if d.Action == flow.Pass {
		return gate.Pass(), nil
	}
	rule := fmt.Sprintf("trust.flows[%d]: %s", d.Index, d.Rule)
	why := trail(taints, d.Rule.From)
	if d.Action == flow.Block || ex.Call.Route.Mirror == "" {
		return gate.Refuse(gate.CodeFlow, rule+"; "+why,
			"This call is not made: it could take out what was read before, or do what somebody else's text says. "+why), nil
	}
	terms := j.t.Terms[d.Index]
	ex.Flow.Rule, ex.Flow.Why, ex.Flow.Terms = rule, why, &terms
	return gate.Pass(), nil
}

// carriesOut tells whether the method carries a named thing out. One that asks for
// the outcome of what was carried out before does not.
func carriesOut(r *gate.Route) bool {
	return r.Action == gate.Relay && r.Item != gate.NoItem && !r.Task
}

// trail tells which calls brought the labels that a rule starts from.
func trail(taints []gate.Taint, from flow.Labels) string {
	var parts []string
	for i := range taints {
		a := &taints[i]
		if !from.Has(labelOf(a.Label)) {
			continue
		}
		what := "This conversation may have read " + noun(a.Label) + ", which was forgotten"
		if a.Name != "" {
			what = fmt.Sprintf("%s came from %s/%s", noun(a.Label), gate.Visible(a.Upstream), gate.Visible(a.Name))
		}
		parts = append(parts, fmt.Sprintf("%s at %s", what, a.At.UTC().Format("15:04:05 UTC")))
	}
	text := strings.Join(parts, "; ") + "."
	return strings.ToUpper(text[:1]) + text[1:]
}

// noun is what a label stands for, for people.
func noun(word string) string {
	if labelOf(word) == flow.Private {
		return "private data"
	}
	return "text that others may have written"
}
