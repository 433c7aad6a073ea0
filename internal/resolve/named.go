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
	if l.ex.Call.Route.Task {
		return l.task(ctx)
	}
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
	if ok && slices.Contains(l.contained, upstream) {
		l.ex.Target.Upstream = upstream // for the record
		return unavailable(), nil
	}
	if !ok || !l.candidate(upstream) {
		return l.unreached(kind, upstream, name), nil
	}
	it, found, err := l.find(ctx, upstream, kind, name)
	if err != nil {
		return gate.Verdict{}, err
	}
	if !found {
		return unknown(kind, "the upstream has no such item"), nil
	}
	return l.approved(ctx, it, l.ex.Call.Name)
}

// approved makes a tool or prompt the call's target if it may be used under the
// name that clients see.
func (l *lookup) approved(ctx context.Context, it gate.Item, shown string) (gate.Verdict, error) {
	it.Shown = shown
	if it.State != gate.Approved {
		return l.withheld(&it), nil
	}
	other, err := l.lookalike(ctx, &it)
	if err != nil {
		return gate.Verdict{}, err
	}
	if other != "" {
		return l.ambiguous(ctx, it.Kind, &it, other), nil
	}
	return l.settle(it, shown)
}

// owner says which upstream and name a flat name stands for.
func (l *lookup) owner(flat string) (upstream, name string, ok bool) {
	if !l.plain {
		return Split(flat)
	}
	return l.all[0], flat, flat != "" // Judge has refused any other number
}

// unreached refuses what is named of an upstream that the principal cannot
// reach: as unknown, or for want of a scope where the rules alone say that one
// would let it through. The upstream is asked nothing.
func (l *lookup) unreached(kind gate.ItemKind, upstream, name string) gate.Verdict {
	v := unknown(kind, "no such upstream for this principal")
	if l.completes() || !slices.Contains(l.all, upstream) {
		return v
	}
	if v.Scopes = l.reach.Lacks(l.ex.Principal, kind, upstream, name); v.Scopes != nil {
		v.Code, v.Public = gate.CodeScope, "The token lacks a scope that this needs."
	}
	return v
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

// lookalike is the path of another approved item that is shown under a name
// that looks the same, empty when there is none. Both are blocked: a person who
// approved one may have meant the other. Names begin with the upstream's, so
// only those of the same upstream can collide, and those of upstreams whose own
// names could be taken for each other.
func (l *lookup) lookalike(ctx context.Context, it *gate.Item) (string, error) {
	if !l.plain {
		if other := l.against(it.Upstream, it.Shown); other != "" {
			return other, nil
		}
	}
	twins, err := l.catalogue.Twins(ctx, l.ex, it)
	if err != nil {
		return "", err
	}
	for i := range twins {
		if twins[i].State == gate.Approved {
			return twins[i].Path(), nil
		}
	}
	return "", nil
}

// completes tells whether the call is a completion. What it names is refused as
// unknown for whatever reason, so that nobody learns by it what there is
// (MCP 2025-11-25, completion, security: prevent disclosure by completion).
func (l *lookup) completes() bool { return l.ex.Call.Route.Item == gate.NoItem }

// refusals are a kind's codes.
type refusals struct{ unknown, held, changed, rejected, flagged, ambiguous gate.Code }

func refusalsOf(kind gate.ItemKind) refusals {
	if kind == gate.Prompt {
		return refusals{gate.CodeUnknownPrompt, gate.CodeHeldPrompt, gate.CodeChangedPrompt, gate.CodeRejectedPrompt, gate.CodeFindingPrompt, gate.CodeUnknownPrompt}
	}
	if kind == gate.Resource || kind == gate.Template {
		return refusals{gate.CodeUnknownResource, gate.CodeHeldResource, gate.CodeChangedResource, gate.CodeRejectedResource, gate.CodeFindingResource, gate.CodeUnknownResource}
	}
	return refusals{gate.CodeUnknownTool, gate.CodeHeldTool, gate.CodeChangedTool, gate.CodeRejectedTool, gate.CodeFindingTool, gate.CodeAmbiguousTool}
}

func unknown(kind gate.ItemKind, reason string) gate.Verdict {
	return gate.Refuse(refusalsOf(kind).unknown, reason, "no such "+kind.String())
}

func (l *lookup) ambiguous(ctx context.Context, kind gate.ItemKind, it *gate.Item, other string) gate.Verdict {
	l.clashes.tell(ctx, l.Stage, clash{l.ex.ID, it.Kind, it.Upstream, it.Path(), other})
	reason := fmt.Sprintf("ambiguous: %s %+.256q could be taken for %+.256q", kind, it.Path(), other)
	if l.completes() {
		return unknown(kind, reason)
	}
	return gate.Refuse(refusalsOf(kind).ambiguous, reason, "the name of this "+kind.String()+" is ambiguous")
}

// withheld is the refusal of an item that is not approved. The client reads the
// name that it used itself, so the text tells it nothing but the state.
func (l *lookup) withheld(it *gate.Item) gate.Verdict {
	l.ex.Target.Upstream, l.ex.Target.Item = it.Upstream, it // for the record
	codes, name := refusalsOf(it.Kind), l.ex.Call.Name
	if l.ex.Call.Route.Task {
		name = it.Shown // the client's own word is an id
	}
	code, what := codes.held, "is waiting for approval"
	switch it.State {
	case gate.Changed:
		code, what = codes.changed, "has changed since it was approved and is waiting for approval"
	case gate.Rejected:
		code, what = codes.rejected, "was rejected"
	case gate.Flagged:
		code, what = codes.flagged, "has a finding that blocks it"
	case gate.Held, gate.Approved:
	}
	reason := fmt.Sprintf("%s with digest %s %s", it.Kind, it.Digest, what)
	public := fmt.Sprintf("%s %.256q %s", it.Kind, name, what)
	switch {
	case l.completes():
		return unknown(missing(it.Kind), reason)
	case it.State == gate.Flagged:
		public += ": doorward trust list " + it.Upstream
	case it.State != gate.Rejected:
		public += ": doorward trust approve " + it.Upstream
	}
	return gate.Refuse(code, reason, public)
}

// missing is the kind that an unknown name is said to be of: whether a URI would
// be a resource or a template cannot be told.
func missing(kind gate.ItemKind) gate.ItemKind {
	if kind == gate.Template {
		return gate.Resource
	}
	return kind
}
