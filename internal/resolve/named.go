package resolve

import (
	"context"
	"fmt"
	"slices"

	"doorward/internal/gate"
)

// named resolves a call that names something. A completion (a route that does
// not fix the kind) names a prompt, or a template or resource by its exact
// text.
func (l *lookup) named(ctx context.Context) (gate.Verdict, error) {
	switch kind := l.ex.Call.Item; kind {
	case gate.Tool, gate.Prompt:
		return l.flat(ctx, kind)
	case gate.Resource, gate.Template:
		return l.resource(ctx)
	case gate.NoItem, gate.Instructions, gate.Server, gate.Command:
	}
	return gate.Refuse(gate.CodeParams, "the call names nothing that can be resolved", "the call names nothing"), nil
}

// flat resolves a tool or prompt by the name that clients see. The answers for
// an upstream that does not exist, one that the principal cannot reach and an
// item that is not there are the same.
func (l *lookup) flat(ctx context.Context, kind gate.ItemKind) (gate.Verdict, error) {
	upstream, name, ok := l.owner(l.ex.Call.Name)
	if !ok || !l.candidate(upstream) {
		return unknown(kind, "no such upstream for this principal"), nil
	}
	it, found, err := l.find(ctx, upstream, kind, name)
	if err != nil {
		return gate.Verdict{}, err
	}
	if !found {
		return unknown(kind, "the upstream has no such item"), nil
	}
	if it.State != gate.Approved {
		l.ex.Target.Upstream, l.ex.Target.Item = upstream, &it // for the record
		return withheld(&it, l.ex.Call.Name), nil
	}
	lookalike, err := l.lookalike(ctx, &it)
	if err != nil {
		return gate.Verdict{}, err
	}
	if lookalike {
		return ambiguous(kind), nil
	}
	return l.settle(it, l.ex.Call.Name), nil
}

// owner says which upstream and name a flat name stands for.
func (l *lookup) owner(flat string) (upstream, name string, ok bool) {
	if !l.plain {
		return Split(flat)
	}
	if len(l.candidates) != 1 {
		return "", "", false
	}
	return l.candidates[0], flat, flat != ""
}

func (l *lookup) candidate(upstream string) bool {
	_, ok := slices.BinarySearch(l.candidates, upstream)
	return ok
}

// find asks the catalogue and believes it only when the answer is what was
// asked for, byte for byte.
func (l *lookup) find(ctx context.Context, upstream string, kind gate.ItemKind, name string) (gate.Item, bool, error) {
	it, ok, err := l.catalogue.Find(ctx, l.ex, upstream, kind, name)
	if err != nil || !ok {
		return gate.Item{}, false, err
	}
	if it.Upstream != upstream || it.Kind != kind || it.Name != name {
		return gate.Item{}, false, fmt.Errorf("finding %s %q of %s: the catalogue gave %q of %s", kind, name, upstream, it.Name, it.Upstream)
	}
	return it, true, nil
}

// lookalike tells whether another approved item is shown under a name that
// looks the same. Both are blocked: a person who approved one may have meant
// the other. Names begin with the upstream's, so only those of the same upstream, or
// of one whose own name looks the same, can collide.
func (l *lookup) lookalike(ctx context.Context, it *gate.Item) (bool, error) {
	if !l.plain && twin(l.candidates, it.Upstream) {
		return true, nil
	}
	twins, err := l.catalogue.Twins(ctx, l.ex, it)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(twins, func(o gate.Item) bool { return o.State == gate.Approved }), nil
}

// refusals are a kind's codes.
type refusals struct{ unknown, held, changed, rejected, ambiguous gate.Code }

func refusalsOf(kind gate.ItemKind) refusals {
	if kind == gate.Prompt {
		return refusals{gate.CodeUnknownPrompt, gate.CodeHeldPrompt, gate.CodeChangedPrompt, gate.CodeRejectedPrompt, gate.CodeUnknownPrompt}
	}
	if kind == gate.Resource || kind == gate.Template {
		return refusals{gate.CodeUnknownResource, gate.CodeHeldResource, gate.CodeChangedResource, gate.CodeRejectedResource, gate.CodeUnknownResource}
	}
	return refusals{gate.CodeUnknownTool, gate.CodeHeldTool, gate.CodeChangedTool, gate.CodeRejectedTool, gate.CodeAmbiguousTool}
}

func unknown(kind gate.ItemKind, reason string) gate.Verdict {
	return gate.Refuse(refusalsOf(kind).unknown, reason, "no such "+kind.String())
}

func ambiguous(kind gate.ItemKind) gate.Verdict {
	return gate.Refuse(refusalsOf(kind).ambiguous, "ambiguous: another "+kind.String()+" has the same or a look-alike name",
		"the name of this "+kind.String()+" is ambiguous")
}

// withheld is the refusal of an item that is not approved. name is what the
// client called it, so the text tells the client nothing but its state.
func withheld(it *gate.Item, name string) gate.Verdict {
	codes := refusalsOf(it.Kind)
	code, what := codes.held, "is waiting for approval"
	switch it.State {
	case gate.Changed:
		code, what = codes.changed, "has changed since it was approved and is waiting for approval"
	case gate.Rejected:
		return gate.Refuse(codes.rejected, "rejected in the lock file", fmt.Sprintf("%s %.256q was rejected", it.Kind, name))
	case gate.Held, gate.Approved:
	}
	return gate.Refuse(code, fmt.Sprintf("%s with digest %s %s", it.Kind, it.Digest, what),
		fmt.Sprintf("%s %.256q %s: doorward trust approve %s", it.Kind, name, what, it.Upstream))
}
