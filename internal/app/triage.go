package app

import (
	"sync"

	"doorward/internal/admin"
	"doorward/internal/gate"
	"doorward/internal/inspect/change"
	"doorward/internal/inspect/definition"
	"doorward/internal/lock"
)

// examine is lock.Inspect: the detectors, for all that is read together.
func examine(items, near []gate.Item) [][]gate.Finding {
	beside := definition.Near(near)
	out := make([][]gate.Finding, len(items))
	for i := range items {
		out[i] = definition.Inspect(&items[i], beside)
	}
	return out
}

// triage says of each entry that changed whether it needs reading, and of each that
// is new which one it seems to have been. list and out are the same entries.
func (a *App) triage(list []lock.Entry, out []admin.Entry) {
	var beside *definition.Neighbours // made for the first that asks
	var fresh []gate.Item
	at := map[item]int{}
	for i := range list {
		e := &list[i]
		switch e.State {
		case gate.Changed:
			before, after, ok := a.pins.Both(*e)
			if !ok {
				continue
			}
			if beside == nil {
				beside = definition.Near(a.pins.Offers())
			}
			t := change.Of(&before, &after, beside)
			out[i].Quick, out[i].Reasons = t.Quick, t.Reasons
		case gate.Held:
			at[item{e.Upstream, e.Kind, e.Name}] = i
		case gate.Approved, gate.Rejected, gate.Flagged:
		}
	}
	if len(at) == 0 {
		return
	}
	var gone []gate.Item
	for _, it := range a.pins.Offers() {
		k := item{it.Upstream, it.Kind, it.Name}
		if _, held := at[k]; held {
			fresh = append(fresh, it)
		} else if it.State == gate.Approved && a.offered.lacks(k) {
			gone = append(gone, it)
		}
	}
	for _, p := range change.Renamed(gone, fresh) {
		out[at[item{fresh[p.Fresh].Upstream, fresh[p.Fresh].Kind, fresh[p.Fresh].Name}]].Renamed = gone[p.Gone].Name
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
