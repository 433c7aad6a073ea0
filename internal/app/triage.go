package app

import (
	"sync"

	"doorward/internal/admin"
	"doorward/internal/gate"
	"doorward/internal/inspect/change"
	"doorward/internal/inspect/definition"
	"doorward/internal/lock"
)

// examine is lock.Inspect: the detectors, for all that is read together, and the
// judge, for what nobody has approved.
func (a *App) examine(items, near []gate.Item) [][]gate.Finding {
	beside := definition.Near(near)
	out := make([][]gate.Finding, len(items))
	for i := range items {
		out[i] = definition.Inspect(&items[i], beside)
	}
	a.opinions(items, out)
	return out
}

// entries are what people are shown of a list: of each that changed whether it needs
// reading, and of each that is new which one it seems to have been.
func (a *App) entries(list []lock.Entry) []admin.Entry {
	out := make([]admin.Entry, 0, len(list))
	var beside *definition.Neighbours // made for the first that asks
	held, less := map[item]int{}, a.current.Load().weaker
	for i := range list {
		e := &list[i]
		shown := entry(*e)
		shown.Weaker = less[e.Upstream]
		if e.State == gate.Held {
			held[item{e.Upstream, e.Kind, e.Name}] = i
		}
		if before, after, ok := a.pins.Both(*e); ok && e.State == gate.Changed {
			if beside == nil {
				beside = definition.Near(a.pins.Offers())
			}
			t := change.Of(&before, &after, beside)
			shown.Quick, shown.Reasons = t.Quick, t.Reasons
		}
		out = append(out, shown)
	}
	a.renames(held, out)
	return out
}

// renames enters, into the entries that are held, which approved definition that is
// gone each seems to have been.
func (a *App) renames(held map[item]int, out []admin.Entry) {
	if len(held) == 0 {
		return
	}
	var gone, fresh []gate.Item
	for _, it := range a.pins.Offers() {
		k := item{it.Upstream, it.Kind, it.Name}
		if _, ok := held[k]; ok {
			fresh = append(fresh, it)
		} else if it.State == gate.Approved && a.offered.lacks(k) {
			gone = append(gone, it)
		}
	}
	for _, p := range change.Renamed(gone, fresh) {
		it := &fresh[p.Fresh]
		out[held[item{it.Upstream, it.Kind, it.Name}]].Renamed = gone[p.Gone].Name
	}
}

// offered is what each upstream offered when all of it was last looked at.
type offered struct {
	mu   sync.Mutex
	last map[string]map[item]struct{} // by upstream
}

func (o *offered) saw(upstream string, items []gate.Item) {
	all := make(map[item]struct{}, len(items))
	for i := range items {
		all[item{upstream, items[i].Kind, items[i].Name}] = struct{}{}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.last == nil {
		o.last = map[string]map[item]struct{}{}
	}
	o.last[upstream] = all
}

// lacks tells whether an upstream was looked at and did not offer something.
func (o *offered) lacks(k item) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	all, looked := o.last[k.upstream]
	_, there := all[k]
	return looked && !there
}
