package main

import (
	"maps"
	"slices"

	"doorward/internal/gate"
	"doorward/internal/inspect/definition"
)

// town has the honest servers of all sources.
type town struct {
	servers map[string][]gate.Item
}

// The bounds of a town: servers, and tools of each.
const (
	maxServers = 4096
	maxTools   = 40
)

// settle takes in the honest servers of a source: those with two tools or more.
// One tool alone is a server that somebody made up for it.
func (t *town) settle(h *house) {
	if t.servers == nil {
		t.servers = map[string][]gate.Item{}
	}
	for _, name := range slices.Sorted(maps.Keys(h.items)) {
		items := h.items[name]
		if len(items) >= 2 && h.published[name] && len(t.servers) < maxServers {
			t.servers[name] = items[:min(len(items), maxTools)]
		}
	}
}

// contexts are sessions with three honest upstreams.
type contexts struct {
	N        int      `json:"n"`
	Tools    int      `json:"tools"`
	Block    int      `json:"block"`  // contexts with a High finding that no server has alone
	Review   int      `json:"review"` // the same with Medium
	Failures []string `json:"failures,omitempty"`
}

// contexts counts what honest servers have only beside each other.
func (t *town) contexts(much extent) contexts {
	names := slices.Sorted(maps.Keys(t.servers))
	if len(names) < 3 {
		return contexts{}
	}
	r := seeded(3, 999)
	chosen := make([][]string, much.contexts)
	for i := range chosen {
		for _, at := range r.Perm(len(names))[:3] {
			chosen[i] = append(chosen[i], names[at])
		}
	}
	worst := make([]gate.Severity, len(chosen))
	where := make([]string, len(chosen))
	sideBySide(len(chosen), func(i int) { worst[i], where[i] = t.beside(chosen[i]) })
	out := contexts{N: len(chosen)}
	for i := range chosen {
		for _, name := range chosen[i] {
			out.Tools += len(t.servers[name])
		}
		if worst[i] >= gate.High {
			out.Block++
		}
		if worst[i] >= gate.Medium {
			out.Review++
			if len(out.Failures) < much.failures {
				out.Failures = append(out.Failures, where[i])
			}
		}
	}
	return out
}

// beside is the worst finding that a tool of these servers has beside the others
// and not among those of its own server, and which tool that is.
func (t *town) beside(servers []string) (worst gate.Severity, where string) {
	var items []gate.Item
	for _, name := range servers {
		items = append(items, t.servers[name]...)
	}
	all := definition.Near(items)
	for _, name := range servers {
		own := definition.Near(t.servers[name])
		for i := range t.servers[name] {
			it := &t.servers[name][i]
			found := gate.Worst(definition.Inspect(it, all))
			if found >= gate.Medium && found > worst && found > gate.Worst(definition.Inspect(it, own)) {
				worst, where = found, it.Path()
			}
		}
	}
	return worst, where
}
