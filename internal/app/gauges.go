package app

import (
	"sync/atomic"

	"doorward/internal/anchor"
	"doorward/internal/monitor"
	"doorward/internal/monitor/figures"
	"doorward/internal/sink"
)

// gauge is a number that many goroutines count in.
type gauge struct{ atomic.Int64 }

func (g *gauge) value() float64 { return float64(g.Load()) }

// gauges tells telemetry what to ask at each scrape.
func (a *App) gauges() {
	m := a.metrics
	m.Counter("doorward_turned_away_total", "Requests answered before they became an exchange: wrong URL, host, origin, type, size.", a.meter.turned.value)
	m.Counter("doorward_metadata_total", "Answers about how to get an access token.", a.meter.metadata.value)
	m.Counter("doorward_dropped_messages_total", "Messages for a client that no queue had room for.", a.meter.dropped.value)
	m.Gauge("doorward_streams", "Open GET streams.", a.meter.streams.value)
	m.Gauge("doorward_sessions", "Client sessions (stateful era).", a.meter.sessions.value)
	m.Counter("doorward_session_ends_dropped_total", "Sessions that ended here and that other replicas will not be told about: too many ends waited.", func() float64 { return float64(a.front.EndsDropped()) })
	m.Counter("doorward_stray_cancels_total", "Cancellations of calls that were not under way here, in sessions that other replicas serve too.", func() float64 { return float64(a.pool.StrayCancels()) })
	m.Counter("doorward_webhook_sent_total", "Notices that their receiver has taken.", func() float64 { return float64(a.notices.Stats().Sent) })
	m.Counter("doorward_webhook_failed_total", "Notices given up after every try.", func() float64 { return float64(a.notices.Stats().Failed) })
	m.Counter("doorward_webhook_dropped_total", "Notices dropped because too many waited.", func() float64 { return float64(a.notices.Stats().Dropped) })
	a.incidentGauges()
	a.limitGauges()
	a.queueGauges()
	a.ceilingGauges()
	a.upstreamGauges()
	a.logGauges()
	for _, rule := range monitor.Rules() {
		m.Alert(rule, 0)
	}
	m.Gauge("doorward_alerts_waiting", "Alerts that a receiver has not taken yet.", func() float64 { return float64(a.delivery.Waiting()) })
	m.Counter("doorward_audit_records_total", "Records in the audit log since the start.", func() float64 { return float64(a.audit.Stats().Records) })
	m.Gauge("doorward_audit_lag_seconds", "Age of the audit write under way; 0 when there is none.", func() float64 { return a.audit.Stats().Lag.Seconds() })
	for _, proof := range figures.Arrivals() {
		m.Arrival(string(proof), 0)
	}
	m.GaugeBy("layer", "doorward_upstreams_weaker", "Upstreams whose command may run without a layer of its sandbox, because the configuration says so; sandbox: without any.", a.weakerBy)
	m.GaugeBy("kind", "doorward_rotation_due", "Secrets and keys that have an age at which they are replaced.", a.rotation(func(s figures.Standing) int64 { return s.All }))
	m.GaugeBy("kind", "doorward_rotation_within", "Those of them that are within it.", a.rotation(func(s figures.Standing) int64 { return s.Within }))
	each := func(value func(sink.Status) float64) func() map[string]float64 {
		return func() map[string]float64 {
			out := map[string]float64{}
			if set := a.sinks.Load(); set != nil {
				for _, st := range set.Stats() {
					out[st.Name] = value(st)
				}
			}
			return out
		}
	}
	m.GaugeBy("sink", "doorward_audit_sink_lag_records", "Records of the audit log that a sink does not have yet.", each(func(st sink.Status) float64 { return float64(st.Lag) }))
	m.GaugeBy("sink", "doorward_audit_sink_lag_seconds", "Age of the oldest of them.", each(func(st sink.Status) float64 { return st.Age.Seconds() }))
	m.CounterBy("sink", "doorward_audit_sink_failures_total", "Tries to deliver to a sink that failed.", each(func(st sink.Status) float64 { return float64(st.Failures) }))
	outposts := func(value func(anchor.Status) float64) func() map[string]float64 {
		return func() map[string]float64 {
			out := map[string]float64{}
			if k := a.anchors.Load(); k != nil {
				for _, st := range k.Stats() {
					out[st.Name] = value(st)
				}
			}
			return out
		}
	}
	m.GaugeBy("anchor", "doorward_audit_anchor_records", "Records that the newest checkpoint covers which a witness or an anchor took.", outposts(func(st anchor.Status) float64 { return float64(st.Records) }))
	m.CounterBy("anchor", "doorward_audit_anchor_failures_total", "Checkpoints that a witness or an anchor did not take.", outposts(func(st anchor.Status) float64 { return float64(st.Failures) }))
	m.GaugeBy("anchor", "doorward_audit_anchor_forked", "1 while it has seen another log.", outposts(func(st anchor.Status) float64 {
		if st.Forked {
			return 1
		}
		return 0
	}))
	m.Gauge("doorward_audit_disk_used_ratio", "How full the disk is that the audit log is on.", func() float64 { return float64(a.audit.Stats().DiskUsed) / 100 })
	m.Gauge("doorward_audit_healthy", "1 while records can be written.", func() float64 {
		if a.audit.Healthy() != nil {
			return 0
		}
		return 1
	})
}

// upstreamGauges tells telemetry of the ways to upstreams.
func (a *App) upstreamGauges() {
	m := a.metrics
	m.Gauge("doorward_upstream_channels", "Sessions and processes towards upstreams.", func() float64 {
		n := 0
		for _, u := range a.pool.Status() {
			n += u.Sessions
		}
		return float64(n)
	})
	m.Gauge("doorward_children", "Child processes running.", func() float64 {
		n := 0
		for _, u := range a.pool.Status() {
			n += u.Children
		}
		return float64(n)
	})
	m.Gauge("doorward_cache_answers", "Answers of upstreams that are kept, because these said for how long.", func() float64 { n, _ := a.pool.Kept(); return float64(n) })
	m.Gauge("doorward_cache_bytes", "Memory that they take.", func() float64 { _, bytes := a.pool.Kept(); return float64(bytes) })
	m.GaugeBy("upstream", "doorward_upstream_breakers_open", "Breakers that keep calls from an upstream: one for all, and where each client has a process of its own one for each of those.", func() map[string]float64 {
		out := map[string]float64{}
		for _, u := range a.pool.Status() {
			out[u.Name] = float64(u.HeldBack)
			if u.Breaker != "closed" {
				out[u.Name]++
			}
		}
		return out
	})
}

// logGauges tells telemetry of the gateway's own log.
func (a *App) logGauges() {
	lines := func() (written, leftOut uint64) {
		if a.Journal == nil { // the log goes elsewhere, where nobody counts
			return 0, 0
		}
		return a.Journal.Counts()
	}
	a.metrics.Counter("doorward_log_lines_total", "Lines of the gateway's own log.", func() float64 { written, _ := lines(); return float64(written) })
	a.metrics.Counter("doorward_log_lines_left_out_total", "Lines that were too many of one message in ten seconds.", func() float64 { _, out := lines(); return float64(out) })
}
