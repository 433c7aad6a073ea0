package resolve

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

// list gathers the approved definitions of every candidate, by upstream and
// then in the upstream's order. An upstream that fails is left out, unless none
// answers.
func (l *lookup) list(ctx context.Context) (gate.Verdict, error) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	kind := l.ex.Call.Route.Item
	if kind == gate.NoItem {
		return gate.Refuse(gate.CodeInternal, "a list of nothing", ""), nil
	}
	l.ex.Target.Upstreams = l.candidates
	parts, errs := each(ctx, l.candidates, func(ctx context.Context, upstream string) ([]gate.Item, error) {
		return l.catalogue.Items(ctx, l.ex, upstream, kind)
	})
	failed := 0
	for i, err := range errs {
		if err != nil {
			failed++
			l.log.WarnContext(ctx, "an upstream is left out of a list", "exchange", l.ex.ID, "upstream", l.candidates[i], "error", err)
		}
	}
	if failed > 0 && failed == len(errs) {
		return gate.Verdict{}, errors.Join(errs...)
	}
	l.ex.Target.Items = l.shownItems(kind, parts)
	return gate.Pass(), nil
}

// shownItems are the approved items of every part with their shown names.
// Those that could be taken for each other are all left out.
func (l *lookup) shownItems(kind gate.ItemKind, parts [][]gate.Item) []gate.Item {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	items, looks := make([]gate.Item, 0, n), make([]string, 0, n)
	count := make(map[string]int, n)
	for i, part := range parts {
		for _, it := range part {
			if it.State != gate.Approved || it.Kind != kind || it.Upstream != l.candidates[i] {
				continue
			}
			look, ok := l.show(&it)
			if !ok {
				continue
			}
			items, looks = append(items, it), append(looks, look)
			count[look]++
		}
	}
	kept := items[:0]
	for i := range items {
		if count[looks[i]] == 1 {
			kept = append(kept, items[i])
		}
	}
	return kept
}

// show fills the name under which clients see an item and says what it looks
// like; false when it must not be shown. A URI is not prefixed, and two URIs
// that differ in case are different things.
func (l *lookup) show(it *gate.Item) (look string, ok bool) {
	switch {
	case it.Kind == gate.Resource || it.Kind == gate.Template:
		it.Shown = it.Name
		return it.Name, true
	case l.plain:
		it.Shown = it.Name
		return mcp.Fold(it.Name), true
	case twin(l.candidates, it.Upstream):
		return "", false
	}
	it.Shown, ok = Join(it.Upstream, it.Name)
	return mcp.Fold(it.Shown), ok
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
