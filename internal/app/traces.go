package app

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"doorward/internal/collector"
	"doorward/internal/config"
	"doorward/internal/gate"
	"doorward/internal/secret"
	"doorward/internal/telemetry"
	"doorward/internal/upstream"
)

// lastSpans is how long Close waits for a collector that takes what is left.
const lastSpans = 5 * time.Second

// openTelemetry begins to send traces and metrics to the collector, where there is one.
func (a *App) openTelemetry(cfg *config.Config, secrets *secret.Store) error {
	t := &cfg.Telemetry
	if t.OTLP == "" {
		return nil
	}
	to, err := a.collectorOf(t, secrets)
	if err != nil {
		return fmt.Errorf("telemetry: %w", err)
	}
	a.otlp = to
	source := telemetry.Source{Version: a.Version, Instance: a.audit.Origin()}
	ctx := context.WithoutCancel(a.ctx) // Close ends it, after everybody whose exchanges are told of
	if t.Sends("traces") {
		traces, err := telemetry.NewTraces(telemetry.TracesConfig{
			To: to, Ratio: float64(t.Sample), Follow: t.TrustParent, Source: source, Place: a.upstreamPlace, Log: a.Log,
		})
		if err != nil {
			return err
		}
		a.traces = traces
		a.spanCounters(traces)
		traces.Start(ctx)
	}
	if t.Sends("metrics") {
		a.push = telemetry.NewPush(telemetry.PushConfig{Metrics: a.metrics, To: to, Every: time.Duration(t.Interval), Source: source, Log: a.Log})
		a.metrics.Counter("doorward_metrics_push_failures_total", "Times that a collector did not take the metrics.", func() float64 { return float64(a.push.Failures()) })
		a.push.Start(ctx)
	}
	return nil
}

// closeTelemetry sends what is left.
func (a *App) closeTelemetry() {
	ctx, done := context.WithTimeout(context.Background(), lastSpans)
	defer done()
	if a.traces != nil {
		a.traces.Close(ctx)
	}
	if a.push != nil {
		a.push.Close(ctx)
	}
	if a.otlp != nil {
		a.otlp.Close()
	}
}

// collectorOf makes the way to a collector, once its secrets are such that they can be
// shown to it.
func (a *App) collectorOf(t *config.Telemetry, secrets *secret.Store) (*collector.Collector, error) {
	pool, err := roots(t.CA)
	if err != nil {
		return nil, err
	}
	ask := func(field, name string) (func() (gate.Secret, error), error) {
		v, err := secrets.Get(name)
		if err == nil {
			_, err = v.Header()
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", field, err)
		}
		return func() (gate.Secret, error) { return a.current.Load().secret.Get(name) }, nil
	}
	c := collector.Config{Endpoint: t.OTLP, GRPC: t.Protocol == "grpc", Roots: pool, Headers: map[string]func() (gate.Secret, error){}}
	if t.Token != "" {
		if c.Token, err = ask("token", t.Token); err != nil {
			return nil, err
		}
	}
	for header, name := range t.Headers {
		if c.Headers[header], err = ask("headers."+header, name); err != nil {
			return nil, err
		}
	}
	return collector.New(c)
}

// upstreamPlace is where an upstream is by the configuration of now.
func (a *App) upstreamPlace(name string) telemetry.Place {
	u, ok := a.current.Load().cfg.Upstreams[name]
	if !ok || u.URL == "" {
		return telemetry.Place{Pipe: ok}
	}
	at, err := url.Parse(u.URL)
	if err != nil {
		return telemetry.Place{}
	}
	port, err := strconv.Atoi(at.Port())
	if err != nil {
		port = map[string]int{"https": 443, "wss": 443, "http": 80, "ws": 80}[at.Scheme]
	}
	return telemetry.Place{Address: at.Hostname(), Port: port}
}

// spanCounters tells of what became of spans.
func (a *App) spanCounters(t *telemetry.Traces) {
	a.metrics.Counter("doorward_traces_sent_total", "Exchanges whose spans a collector has taken.", func() float64 { return float64(t.Counts().Sent) })
	a.metrics.Counter("doorward_traces_dropped_total", "Exchanges whose spans were given up: no room, or a collector that did not take them.", func() float64 { return float64(t.Counts().Dropped) })
	a.metrics.Counter("doorward_traces_failures_total", "Tries to send spans that failed.", func() float64 { return float64(t.Counts().Failures) })
}

// propagation is what upstreams are told of traces.
func propagation(t *config.Telemetry) upstream.Propagation {
	switch t.Propagate {
	case "none":
		return upstream.NothingSent
	case "trace":
		return upstream.TraceSent
	case "all":
		return upstream.BaggageSent
	}
	return upstream.AsSent
}
