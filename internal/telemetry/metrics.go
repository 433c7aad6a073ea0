// Package telemetry counts and times what the gateway does, for Prometheus, and
// makes its logger. app wires it to the pipeline, to listen and to the upstream
// adapter. Labels are bounded: no value that a client or an upstream chooses
// becomes a label.
package telemetry

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"doorward/internal/gate"
)

// Metrics holds Doorward's own registry: nothing is registered globally. It
// implements pipeline.Observer.
type Metrics struct {
	registry  *prometheus.Registry
	exchanges *prometheus.CounterVec
	refusals  *prometheus.CounterVec
	findings  *prometheus.CounterVec
	alerts    *prometheus.CounterVec
	undone    *prometheus.CounterVec
	duration  *prometheus.HistogramVec
	upstream  *prometheus.HistogramVec
	arrivals  *prometheus.CounterVec
	violated  *prometheus.CounterVec
	detection *prometheus.HistogramVec
	happened  *prometheus.CounterVec
	limited   *prometheus.CounterVec
	waited    *prometheus.HistogramVec
	shed      *prometheus.CounterVec
	stages    map[string]prometheus.Observer
	other     prometheus.Observer
	upstreams capped
}

// buckets span 5 µs to 30 s: a stage takes microseconds, a tool seconds.
func buckets() []float64 {
	return []float64{
		5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3,
		1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
	}
}

// New makes the metrics. version is shown in doorward_build_info.
func New(version string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		exchanges: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "doorward_exchanges_total",
			Help: "Client messages that walked the line, by method and how they ended (ok, error, refused, failed).",
		}, []string{"method", "status"}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "doorward_refusals_total",
			Help: "Exchanges that were refused or failed, by stable code.",
		}, []string{"code"}),
		findings: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "doorward_findings_total",
			Help: "What detectors saw in arguments and results, by class (secret, personal, injection, hidden) and severity.",
		}, []string{"class", "severity"}),
		alerts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "doorward_alerts_total",
			Help: "Alerts that were raised, by rule.",
		}, []string{"rule"}),
		undone: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "doorward_alert_failures_total",
			Help: "Tries to deliver an alert that failed, by the kind of the receiver.",
		}, []string{"kind"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "doorward_exchange_duration_seconds", Buckets: buckets(),
			Help: "Time from a client message's arrival to its outcome.",
		}, []string{"method"}),
		upstream: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "doorward_upstream_duration_seconds", Buckets: buckets(),
			Help: "Time that an upstream took for a call.",
		}, []string{"upstream"}),
		arrivals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "doorward_arrivals_total",
			Help: "Requests by what they brought to prove who sent them (valid, anonymous, local, missing, invalid, unproven).",
		}, []string{"proof"}),
		violated: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "doorward_limit_violations_total",
			Help: "Requests and connections that were refused because they were too large or too many, by code.",
		}, []string{"code"}),
		detection: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "doorward_detection_seconds", Buckets: detectionBuckets(),
			Help: "Time from the first record that led to an alert about unauthorised access to the alert, by rule.",
		}, []string{"rule"}),
		happened: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "doorward_upstream_events_total",
			Help: "What happened to an upstream, by kind: processes started and ended, limits of a sandbox met, processes that waited for a call, messages dropped.",
		}, []string{"upstream", "kind"}),
		limited: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "doorward_limit_refusals_total",
			Help: "Requests and calls that were refused because a budget had too little left, by the limit (per_address, per_principal, quota.calls and so on).",
		}, []string{"limit"}),
		waited: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "doorward_queue_wait_seconds", Buckets: buckets(),
			Help: "Time that calls waited for a place at an upstream, of those that had to and got one.",
		}, []string{"upstream"}),
		shed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "doorward_queue_refusals_total",
			Help: "Calls that got no place at an upstream, by why (full, share, late).",
		}, []string{"upstream", "reason"}),
		stages: map[string]prometheus.Observer{},
	}
	stages := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "doorward_stage_duration_seconds", Buckets: buckets(),
		Help: "Time that each stage of the line took.",
	}, []string{"stage"})
	for _, name := range []string{
		"identify", "decode", "resolve", "carry", "authorize", "validate", "inspect", "track", "limit", "approve", "record", "forward",
		"reply.decode", "reply.authorize", "reply.validate", "reply.inspect", "reply.redact", "reply.disclose", "reply.track", "reply.limit",
	} {
		m.stages[name] = stages.WithLabelValues(name)
	}
	m.other = stages.WithLabelValues(other)
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "doorward_build_info", Help: "Constant 1, labelled with the version.",
	}, []string{"version"})
	build.WithLabelValues(version).Set(1)
	m.registry.MustRegister(m.exchanges, m.refusals, m.findings, m.alerts, m.undone, m.arrivals, m.violated, m.detection, m.happened, m.limited, m.waited, m.shed, m.duration, m.upstream, stages, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Stage records how long a stage took.
func (m *Metrics) Stage(name string, d time.Duration) {
	o, ok := m.stages[name]
	if !ok {
		o = m.other
	}
	o.Observe(d.Seconds())
}

// Done records how an exchange ended. The method label is the method table's
// own text, so a client cannot make new label values.
func (m *Metrics) Done(ex *gate.Exchange, out gate.Outcome) {
	method := ex.Call.Route.Method
	if method == "" {
		method = unknown
	}
	m.exchanges.WithLabelValues(method, out.Status).Inc()
	observe(m.duration.WithLabelValues(method), time.Since(ex.Start).Seconds(), &ex.Trace)
	if out.Verdict.Effect != gate.Continue {
		m.refusals.WithLabelValues(string(out.Verdict.Code)).Inc()
	}
	for i := range ex.Findings {
		f := &ex.Findings[i]
		m.findings.WithLabelValues(f.Class(), f.Severity.String()).Inc()
	}
	if ex.Target.Upstream != "" && out.Intent && ex.Cached == "" {
		observe(m.upstream.WithLabelValues(m.upstreams.of(ex.Target.Upstream)), ex.Tally.Upstream.Seconds(), &ex.Trace)
	}
}

// Alert counts n alerts of a rule; 0 shows that there is the rule.
func (m *Metrics) Alert(rule string, n float64) { m.alerts.WithLabelValues(rule).Add(n) }

// AlertFailed counts a try to deliver an alert that failed.
func (m *Metrics) AlertFailed(kind string) { m.undone.WithLabelValues(kind).Inc() }

// detectionBuckets span 0.5 s, in which the monitor looks, to a day, the longest window.
func detectionBuckets() []float64 {
	return []float64{0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600, 6 * 3600, 24 * 3600}
}

// Arrival counts n requests by what they brought to prove who sent them; 0 shows that
// there is the kind.
func (m *Metrics) Arrival(proof string, n float64) { m.arrivals.WithLabelValues(proof).Add(n) }

// Violated counts a request or connection that was refused because it was too much.
func (m *Metrics) Violated(code gate.Code) { m.violated.WithLabelValues(string(code)).Inc() }

// Limited counts n refusals by a limit; 0 shows that there is the limit.
func (m *Metrics) Limited(limit string, n float64) { m.limited.WithLabelValues(limit).Add(n) }

// Count counts something that happened to an upstream; it implements upstream.Meter.
// Names of upstreams come from the configuration, and kinds from the code.
func (m *Metrics) Count(upstream, kind string) {
	m.happened.WithLabelValues(m.upstreams.of(upstream), kind).Inc()
}

// Detected times an alert about unauthorised access.
func (m *Metrics) Detected(rule string, took time.Duration) {
	m.detection.WithLabelValues(rule).Observe(took.Seconds())
}

// Gauge adds a gauge whose value is asked for at each scrape.
func (m *Metrics) Gauge(name, help string, value func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
}

// Counter adds a counter whose value is asked for at each scrape.
func (m *Metrics) Counter(name, help string, value func() float64) {
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, value))
}

// GaugeBy adds a gauge for each value of a label, which are asked for at each scrape.
// No value of the label comes from a client or an upstream.
func (m *Metrics) GaugeBy(label, name, help string, values func() map[string]float64) {
	m.registry.MustRegister(&labelled{prometheus.NewDesc(name, help, []string{label}, nil), prometheus.GaugeValue, values})
}

// CounterBy adds a counter for each value of a label, as GaugeBy does a gauge.
func (m *Metrics) CounterBy(label, name, help string, values func() map[string]float64) {
	m.registry.MustRegister(&labelled{prometheus.NewDesc(name, help, []string{label}, nil), prometheus.CounterValue, values})
}

// labelled is a metric with one label.
type labelled struct {
	desc   *prometheus.Desc
	kind   prometheus.ValueType
	values func() map[string]float64
}

// Describe implements prometheus.Collector.
func (l *labelled) Describe(to chan<- *prometheus.Desc) { to <- l.desc }

// Collect implements prometheus.Collector.
func (l *labelled) Collect(to chan<- prometheus.Metric) {
	for value, n := range l.values() {
		to <- prometheus.MustNewConstMetric(l.desc, l.kind, n, value)
	}
}

// Describe tells of every metric that there can be, with or without a value.
func (m *Metrics) Describe(to chan<- *prometheus.Desc) { m.registry.Describe(to) }

// Handler serves the metrics in the Prometheus text format, and in OpenMetrics, with
// exemplars, to whoever asks for that.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{EnableOpenMetrics: true})
}
