package telemetry

import "time"

// Waited times a call that waited for a place at an upstream and got one; with Shed it implements
// upstream.QueueMeter.
func (m *Metrics) Waited(upstream string, d time.Duration) {
	m.waited.WithLabelValues(m.upstreams.of(upstream)).Observe(d.Seconds())
}

// Shed counts a call that got no place. Reasons come from the code.
func (m *Metrics) Shed(upstream, reason string) {
	m.shed.WithLabelValues(m.upstreams.of(upstream), reason).Inc()
}

// GaugeByUpstream adds a gauge with a value for each upstream, which are asked for at each scrape.
// Those that have no label of their own count together.
func (m *Metrics) GaugeByUpstream(name, help string, values func() map[string]float64) {
	m.GaugeBy("upstream", name, help, func() map[string]float64 {
		out := map[string]float64{}
		for upstream, value := range values() {
			out[m.upstreams.of(upstream)] += value
		}
		return out
	})
}
