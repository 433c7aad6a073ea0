package app

import "doorward/internal/upstream"

// queueGauges tells telemetry of the calls at upstreams.
func (a *App) queueGauges() {
	of := func(value func(*upstream.Status) int) func() map[string]float64 {
		return func() map[string]float64 {
			out := map[string]float64{}
			for _, u := range a.pool.Status() {
				out[u.Name] = float64(value(&u))
			}
			return out
		}
	}
	a.metrics.GaugeByUpstream("doorward_queue_places", "Calls that may have a place at an upstream at once now: fewer than configured where it bears no more.", of(func(u *upstream.Status) int { return u.Places }))
	a.metrics.GaugeByUpstream("doorward_queue_calls", "Calls that have a place at an upstream.", of(func(u *upstream.Status) int { return u.Calls }))
	a.metrics.GaugeByUpstream("doorward_queue_waiting", "Calls that wait for one.", of(func(u *upstream.Status) int { return u.Waiting }))
}
