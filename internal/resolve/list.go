package resolve

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

// listPatience is how long a list waits for its upstreams: what has answered by
// then is the list, for a person waits for it. It bounds all of them together.
const listPatience = 5 * time.Second

// offer is what one upstream offers, or offered before it failed.
type offer struct {
	items []gate.Item
	stale bool
}

// list gathers the approved definitions of every candidate, by upstream and
// then in the upstream's order. An upstream that fails, or takes too long, is
// left out and named as unavailable, unless none answers; where it is known what it
// offered before, that is listed and the upstream named as stale.
func (l *lookup) list(ctx context.Context) (gate.Verdict, error) {
	within, cancel := context.WithTimeout(ctx, listPatience)
	defer cancel()
	kind := l.ex.Call.Route.Item
	if kind == gate.NoItem {
		return gate.Refuse(gate.CodeInternal, "a list of nothing", ""), nil
	}
	l.ex.Target.Upstreams = l.candidates
	offers, errs := each(within, l.candidates, func(ctx context.Context, upstream string) (offer, error) {
		items, stale, err := l.catalogue.Items(ctx, l.ex, upstream, kind)
		return offer{items, stale}, err
	})
	parts := make([][]gate.Item, len(offers))
	for i, err := range errs {
		if err != nil {
			l.ex.Target.Unavailable = append(l.ex.Target.Unavailable, l.candidates[i])
			l.log.WarnContext(ctx, "an upstream is left out of a list", "exchange", l.ex.ID, "trace_id", l.ex.Trace.TraceID(), "span_id", l.ex.Trace.SpanID(), "upstream", l.candidates[i], "error", err)
			continue
		}
		if parts[i] = offers[i].items; offers[i].stale { // also where it offered nothing
			l.ex.Target.Stale = append(l.ex.Target.Stale, l.candidates[i])
			l.log.WarnContext(ctx, "an upstream fails, and a list has what it offered before", "exchange", l.ex.ID, "trace_id", l.ex.Trace.TraceID(), "span_id", l.ex.Trace.SpanID(), "upstream", l.candidates[i])
		}
	}
	if n := len(l.ex.Target.Unavailable); n > 0 && n == len(errs) {
		return gate.Verdict{}, errors.Join(errs...)
	}
	items, err := l.listed(l.shownItems(ctx, kind, parts))
	if err != nil {
		return gate.Verdict{}, err
	}
	l.ex.Target.Items = items
	return gate.Pass(), nil
}

// listed leaves out what is suspended by itself.
func (l *lookup) listed(items []gate.Item) ([]gate.Item, error) {
	kept := items[:0]
	for i := range items {
		is, err := l.withdrawn(&items[i])
		if err != nil {
			return nil, err
		}
		if !is {
			kept = append(kept, items[i])
		}
	}
	return kept, nil
}

// shownItems are the approved items of every part with their shown names.
// Those that could be taken for each other are all left out, and told of.
func (l *lookup) shownItems(ctx context.Context, kind gate.ItemKind, parts [][]gate.Item) []gate.Item {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	items := make([]gate.Item, 0, n)
	if len(parts) == 1 {
		items = parts[0][:0] // each item is read before its place is written
	}
	first := make(map[string]int, n) // by look
	blocked := map[int]bool{}
	for i, part := range parts {
		for j := range part {
			it := part[j]
			if it.State != gate.Approved || it.Kind != kind || it.Upstream != l.candidates[i] {
				continue
			}
			look, against := l.show(&it)
			items = append(items, it)
			at := len(items) - 1
			before, seen := first[look]
			switch {
			case against != "":
				blocked[at] = true
				l.clashes.tell(ctx, l.Stage, clash{l.ex.ID, kind, it.Upstream, it.Path(), against})
			case seen:
				blocked[at] = true
				l.clashes.tell(ctx, l.Stage, clash{l.ex.ID, kind, it.Upstream, it.Path(), items[before].Path()})
			}
			if seen {
				blocked[before] = true
				continue
			}
			first[look] = at
		}
	}
	if len(blocked) == 0 {
		return items
	}
	kept := items[:0]
	for i := range items {
		if !blocked[i] {
			kept = append(kept, items[i])
		}
	}
	return kept
}

// show fills the name under which clients see an item and says what it looks
// like, and against what it is blocked whatever else is in the list. A URI is
// not prefixed, and two URIs that differ in case are different things.
func (l *lookup) show(it *gate.Item) (look, against string) {
	switch {
	case it.Kind == gate.Resource || it.Kind == gate.Template:
		it.Shown = it.Name
		return it.Name, ""
	case l.plain:
		it.Shown = it.Name
		return mcp.Fold(it.Name), ""
	}
	it.Shown = it.Upstream + separator + it.Name
	return mcp.Fold(it.Shown), l.against(it.Upstream, it.Shown)
}

// each asks every upstream at the same time and waits for all; the answers are
// in the upstreams' order. A single one is asked without a goroutine. A panic
// is that upstream's error.
func each[T any](ctx context.Context, upstreams []string, ask func(context.Context, string) (T, error)) ([]T, []error) {
	answers, errs := make([]T, len(upstreams)), make([]error, len(upstreams))
	one := func(i int) {
		defer func() {
			if p := recover(); p != nil {
				errs[i] = fmt.Errorf("asking upstream %s: panic: %v", upstreams[i], p)
			}
		}()
		answers[i], errs[i] = ask(ctx, upstreams[i])
	}
	if len(upstreams) == 1 {
		one(0)
		return answers, errs
	}
	var wg sync.WaitGroup
	for i := range upstreams {
		wg.Go(func() { one(i) })
	}
	wg.Wait()
	return answers, errs
}
