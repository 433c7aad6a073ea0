package track

import (
	"sync"

	"doorward/internal/flow"
	"doorward/internal/gate"
)

// maxLabels bounds the definitions whose labels are remembered; a lock file holds
// fewer.
const maxLabels = 10_000

// labels remembers those of approved definitions, which never change under one
// digest: to propose them means to read the definition.
type labels struct {
	of func(*gate.Item) flow.Labels

	mu    sync.RWMutex
	known map[labelsKey]flow.Labels
}

type labelsKey struct {
	kind           gate.ItemKind
	upstream, name string
	digest         gate.Digest
}

func (l *labels) get(it *gate.Item) flow.Labels {
	key := labelsKey{it.Kind, it.Upstream, it.Name, it.Digest}
	l.mu.RLock()
	set, ok := l.known[key]
	l.mu.RUnlock()
	if ok && it.Digest != (gate.Digest{}) {
		return set
	}
	set = l.of(it)
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.known) >= maxLabels {
		clear(l.known)
	}
	l.known[key] = set
	return set
}
