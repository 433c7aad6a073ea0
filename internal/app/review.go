package app

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"doorward/internal/admin"
	"doorward/internal/gate"
	"doorward/internal/lock"
)

// Entries implements admin.Trust.
func (a *App) Entries(ctx context.Context, q admin.Review) ([]admin.Entry, error) {
	if err := a.knows(q.Upstream); err != nil {
		return nil, err
	}
	if q.Refresh {
		if err := a.refresh(ctx, q.Upstream); err != nil {
			return nil, err
		}
	}
	list := a.pins.List(lock.Filter{Upstream: q.Upstream})
	if q.Shown {
		for _, e := range list {
			a.shown.add(e)
		}
	}
	return a.entries(list), nil
}

// refresh asks one upstream, or all of them, what they offer now. Of several,
// one that does not answer leaves the others; of one, it is the error, unless
// it was not started because its command waits for a decision: that it is there
// to be decided about is then what there is to know.
func (a *App) refresh(ctx context.Context, upstream string) error {
	a.askAgain()
	if upstream == "" {
		a.lookAtUpstreams(ctx)
		return nil
	}
	if err := a.observe(ctx, upstream); err != nil && gate.CodeOf(err) != gate.CodeUpstreamHeld {
		return operated("asking upstream "+upstream, fmt.Errorf("upstream %s: %w", upstream, err))
	}
	return nil
}

func (a *App) knows(upstream string) error {
	cfg := a.current.Load().cfg
	if _, ok := cfg.Upstreams[upstream]; ok || upstream == "" {
		return nil
	}
	return operated("reviewing", fmt.Errorf("there is no upstream %q; the configuration has %v", upstream, names(cfg.Upstreams)))
}

func entry(e lock.Entry) admin.Entry {
	out := admin.Entry{
		Upstream: e.Upstream, Kind: e.Kind.String(), Name: e.Name,
		State: e.State.String(), Digest: e.Digest.String(), SeenAt: e.SeenAt,
	}
	if e.PinnedDigest != (gate.Digest{}) {
		out.Pinned = e.PinnedDigest.String()
	}
	if len(e.Findings) > 0 {
		out.Severity = gate.Worst(e.Findings).String()
		out.Rules, out.Blocks, out.Holds = rules(e.Findings), e.Blocks, e.Holds
	}
	return out
}

// Detail implements admin.Trust.
func (a *App) Detail(_ context.Context, upstream, kind, name string) (admin.Detail, error) {
	k, err := kindOf(kind)
	if err != nil {
		return admin.Detail{}, err
	}
	list := a.pins.List(lock.Filter{Upstream: upstream, Kind: k, Name: name})
	if len(list) == 0 {
		return admin.Detail{}, operated("showing", fmt.Errorf("upstream %s offers no %s named %q", upstream, kind, name))
	}
	a.shown.add(list[0])
	pinned, offered := a.pins.Show(upstream, k, name)
	d := admin.Detail{Entry: a.entries(list[:1])[0], Approved: string(pinned), Observed: string(offered)}
	d.Findings = findings(list[0].Findings)
	if d.Readings, err = readings(k, cmp.Or(string(offered), string(pinned))); err != nil {
		return admin.Detail{}, operated("showing", err)
	}
	lines, err := a.pins.Diff(list[0])
	if err != nil {
		return admin.Detail{}, operated("comparing", err)
	}
	for _, l := range lines {
		d.Diff = append(d.Diff, admin.Change{Pointer: l.Pointer, Before: l.Before, After: l.After})
	}
	return d, nil
}

// Approve implements admin.Trust.
func (a *App) Approve(ctx context.Context, actor string, refs []admin.Ref) (int, error) {
	return a.decide(ctx, actor, "trust.approve", refs, a.pins.Approve)
}

// Reject implements admin.Trust.
func (a *App) Reject(ctx context.Context, actor string, refs []admin.Ref) (int, error) {
	return a.decide(ctx, actor, "trust.reject", refs, a.pins.Reject)
}

// decide records each decision and then carries them out, all or none. Clients
// that are connected learn that their lists changed.
func (a *App) decide(ctx context.Context, actor, kind string, refs []admin.Ref, do func([]lock.Ref, string) (int, error)) (int, error) {
	decided := make([]lock.Ref, 0, len(refs))
	for _, r := range refs {
		k, err := kindOf(r.Kind)
		if err != nil {
			return 0, err
		}
		digest, err := gate.ParseDigest(r.Digest)
		if err != nil {
			return 0, operated("deciding", err)
		}
		ref := lock.Ref{Upstream: r.Upstream, Kind: k, Name: r.Name, Digest: digest, Accept: r.Accept}
		if !a.shown.same(ref) {
			return 0, &gate.Error{
				Code: gate.CodeParams, Op: "deciding", Err: lock.ErrConflict,
				Public: fmt.Sprintf("%s %s/%s has changed since it was shown: look again (doorward trust diff %s) and decide then", r.Kind, r.Upstream, r.Name, r.Upstream),
			}
		}
		decided = append(decided, ref)
	}
	events := make([]gate.Event, 0, len(refs))
	for _, r := range refs {
		detail := r.Kind + " " + r.Name + " " + r.Digest
		if len(r.Accept) > 0 {
			detail += " accepting " + strings.Join(r.Accept, ",")
		}
		events = append(events, gate.Event{Kind: kind, Actor: actor, Upstream: r.Upstream, Detail: detail})
	}
	n := 0
	err := a.act(ctx, events, func() (err error) {
		n, err = do(decided, actor)
		return err
	})
	if err != nil {
		return n, operated("deciding", err)
	}
	kinds := map[string][]gate.ItemKind{}
	for _, r := range decided {
		kinds[r.Upstream] = append(kinds[r.Upstream], r.Kind)
	}
	for _, name := range names(kinds) {
		a.pool.Announce(name, kinds[name]...)
	}
	return n, operated("deciding", a.pins.Flush())
}

// kindOf reads an item kind's word.
func kindOf(word string) (gate.ItemKind, error) {
	for _, k := range []gate.ItemKind{
		gate.Tool, gate.Prompt, gate.Resource, gate.Template, gate.Instructions, gate.Server, gate.Command,
	} {
		if k.String() == word {
			return k, nil
		}
	}
	return gate.NoItem, operated("reading a kind", fmt.Errorf("%q is no kind of definition: tool, prompt, resource, template, instructions, server or command", word))
}

// Waiting counts the definitions of an upstream that wait for a decision.
func (a *App) Waiting(upstream string) (waiting, total int) {
	for _, e := range a.pins.List(lock.Filter{Upstream: upstream}) {
		total++
		if e.State == gate.Held || e.State == gate.Changed || e.State == gate.Flagged {
			waiting++
		}
	}
	return waiting, total
}
