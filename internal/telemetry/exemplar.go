package telemetry

import (
	"encoding/hex"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"doorward/internal/gate"
)

// The labels of an exemplar, as OpenTelemetry's compatibility with OpenMetrics names them.
const (
	exemplarTrace = "trace_id"
	exemplarSpan  = "span_id"
)

// observe puts a value into a histogram; of an exchange whose spans are kept, with where
// they are.
func observe(h prometheus.Observer, value float64, t *gate.Trace) {
	if e, ok := h.(prometheus.ExemplarObserver); ok && t.Sampled {
		e.ObserveWithExemplar(value, prometheus.Labels{exemplarTrace: t.TraceID(), exemplarSpan: t.SpanID()})
		return
	}
	h.Observe(value)
}

func unhex(s string) []byte {
	b, _ := hex.DecodeString(s) // nil for what is none
	return b
}

// maxNames bounds the upstreams that have series of their own, over all reloads: four
// times what one configuration may name.
const maxNames = 4096

// other is the label of all that have none of their own.
const other = "other"

// capped are the values of a label that grows with reloads.
type capped struct {
	mu    sync.RWMutex
	known map[string]bool
}

// of is the name, or other once there are too many.
func (c *capped) of(name string) string {
	c.mu.RLock()
	known, n := c.known[name], len(c.known)
	c.mu.RUnlock()
	switch {
	case known:
		return name
	case n >= maxNames:
		return other
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil {
		c.known = map[string]bool{}
	}
	c.known[name] = true
	return name
}
