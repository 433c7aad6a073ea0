// Package track is the stages that keep what each conversation has read and where it
// may go. carry, before authorize, finds the labels of the call and what was read
// before it; judge, before approve, refuses or holds a call that may not follow; and
// the reply stage leaves the labels of what is about to be delivered.
//
// A conversation is a principal: whatever session, agent or connection it reads
// with, it may write with another (POL-54), and everything else that could tell
// conversations apart is the client's own word. Taint only grows until its end. The
// package looks at no argument and no result, and a memory that does not answer
// refuses.
package track

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"doorward/internal/flow"
	"doorward/internal/gate"
)

// Memory keeps taints. The app hands over store's.
type Memory interface {
	// Look returns which of the labels a conversation has, and since when the memory
	// has forgotten nothing; zero when it never has.
	Look(ctx context.Context, conversation string, labels []string) (taints []gate.Taint, since time.Time, err error)
	// Add leaves labels on it. It is for good when it returns.
	Add(ctx context.Context, conversation string, taints []gate.Taint) error
}

// Config is what a Tracker is made of. Every field but Asked is required.
type Config struct {
	Rules  *flow.Rules
	Terms  []gate.Terms                 // of each rule that holds, by its index
	Labels func(*gate.Item) flow.Labels // of a definition, as configured or proposed
	Memory Memory
	Keep   time.Duration // how long what was read counts
	// Asked says that conditions read the labels of every call's conversation; else
	// nobody looks before a call that brings nothing and that no rule is about.
	Asked bool
}

// Tracker is what the stages share. It does not change.
type Tracker struct {
	Config
	labels  labels
	brought []string // words of the labels that results leave
}

// New checks that nothing is missing.
func New(cfg Config) (*Tracker, error) {
	if cfg.Rules == nil || cfg.Labels == nil || cfg.Memory == nil || cfg.Keep <= 0 || len(cfg.Terms) != cfg.Rules.Len() {
		return nil, errors.New("track: rules, their terms, labels, a memory and how long it keeps are required")
	}
	return &Tracker{
		Config: cfg, labels: labels{of: cfg.Labels, known: map[labelsKey]flow.Labels{}}, brought: (flow.Private | flow.Untrusted).List(),
	}, nil
}

// unavailable is a memory that does not answer.
func unavailable(doing string, err error) error {
	return &gate.Error{Code: gate.CodeFlowDown, Op: doing, Err: err}
}

// Carry is the stage before authorize. It implements gate.Stage.
type Carry struct{ t *Tracker }

// Carry is the stage that looks.
func (t *Tracker) Carry() Carry { return Carry{t} }

// Name is "carry".
func (Carry) Name() string { return "carry" }

// Applies to whatever authorize judges: its conditions read the labels.
func (Carry) Applies(r gate.Route) bool { return r.Stages&gate.OnAuthorize != 0 }

// Judge finds what the conversation has read, for a call that concerns a definition.
func (c Carry) Judge(ctx context.Context, ex *gate.Exchange) (gate.Verdict, error) {
	if ex.Principal == nil {
		return gate.Refuse(gate.CodeUnauthenticated, "no principal reached carry", "Sign in first."), nil
	}
	ex.Flow.Known = true
	if ex.Target.Item == nil {
		return gate.Pass(), nil
	}
	labels := c.t.labels.get(ex.Target.Item)
	ex.Flow.Labels = uint8(labels)
	if !c.t.Asked && labels.Brought() == 0 && !c.t.Rules.Concern(labels) {
		return gate.Pass(), nil
	}
	taints, since, err := c.t.Memory.Look(ctx, ex.Principal.Key(), c.t.brought)
	if err != nil {
		return gate.Verdict{}, unavailable("looking at what was read", err)
	}
	ex.Flow.Taints = c.t.unknown(taints, since)
	return gate.Pass(), nil
}

// unknown adds what the memory cannot rule out: it may have been read, and forgotten.
func (t *Tracker) unknown(taints []gate.Taint, since time.Time) []gate.Taint {
	if since.IsZero() || time.Since(since) >= t.Keep {
		return taints
	}
	for _, word := range t.brought {
		if labelsOf(taints)&labelOf(word) == 0 {
			taints = append(taints, gate.Taint{Label: word, At: since, Until: since.Add(t.Keep)})
		}
	}
	return taints
}

// labelOf is the label of a word, every one for a word that is none.
func labelOf(word string) flow.Labels {
	if l, ok := flow.ParseLabel(word); ok {
		return l
	}
	return flow.Private | flow.Untrusted
}

func labelsOf(taints []gate.Taint) flow.Labels {
	var out flow.Labels
	for i := range taints {
		out |= labelOf(taints[i].Label)
	}
	return out
}

// refreshAt is the part of Keep after which a label that is there already is left
// again: each time would be a write for each call.
const refreshAt = 16

// Name is "track", as a reply stage.
func (t *Tracker) Name() string { return "track" }

// Review leaves the labels of the call on the conversation before anything of the
// answer is delivered, an error or a question included. It implements
// gate.ReplyStage.
func (t *Tracker) Review(ctx context.Context, ex *gate.Exchange, _ *gate.Message) (*gate.Message, gate.Verdict, error) {
	if ex.Target.Item == nil {
		return nil, gate.Pass(), nil
	}
	if !ex.Flow.Known {
		return nil, gate.Verdict{}, fmt.Errorf("tracking %s: nobody has looked at what was read before", ex.Target.Item.Path())
	}
	now := time.Now()
	var add []gate.Taint
	for _, word := range flow.Labels(ex.Flow.Labels).Brought().List() {
		if fresh(ex.Flow.Taints, word, now.Add(t.Keep-t.Keep/refreshAt)) {
			continue
		}
		add = append(add, gate.Taint{
			Label: word, Upstream: ex.Target.Item.Upstream, Name: nameOf(ex), Exchange: ex.ID, At: now, Until: now.Add(t.Keep),
		})
	}
	if len(add) == 0 {
		return nil, gate.Pass(), nil
	}
	if err := t.Memory.Add(ctx, ex.Principal.Key(), add); err != nil {
		return nil, gate.Verdict{}, unavailable("keeping what was read", err)
	}
	ex.Flow.Taints = append(slices.Clip(ex.Flow.Taints), add...)
	return nil, gate.Pass(), nil
}

// fresh tells whether a label is there until a time.
func fresh(taints []gate.Taint, word string, until time.Time) bool {
	for i := range taints {
		if taints[i].Label == word && taints[i].Name != "" && !taints[i].Until.Before(until) {
			return true
		}
	}
	return false
}

// nameOf is what was read: through a template, the resource itself.
func nameOf(ex *gate.Exchange) string {
	if ex.Target.Item.Kind == gate.Template {
		return ex.Call.Name
	}
	return ex.Target.Item.Name
}
