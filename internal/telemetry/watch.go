package telemetry

import "doorward/internal/gate"

// Watch is what the pipeline tells of exchanges: the metrics, and the spans where they go
// to a collector. It implements pipeline.Observer.
type Watch struct {
	*Metrics
	Traces *Traces // nil: no spans are made
}

// Sample implements pipeline.Observer.
func (w Watch) Sample(ex *gate.Exchange) bool { return w.Traces != nil && w.Traces.Sample(ex) }

// Done implements pipeline.Observer.
func (w Watch) Done(ex *gate.Exchange, out gate.Outcome) {
	w.Metrics.Done(ex, out)
	if w.Traces != nil {
		w.Traces.Done(ex, out)
	}
}
