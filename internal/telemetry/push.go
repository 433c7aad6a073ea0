package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	dto "github.com/prometheus/client_model/go"
	commonpb "go.opentelemetry.io/proto/slim/otlp/common/v1"
	metricspb "go.opentelemetry.io/proto/slim/otlp/metrics/v1"
	"google.golang.org/protobuf/proto"

	"doorward/internal/collector"
)

// PushConfig is where metrics go. Every field but Log is required.
type PushConfig struct {
	Metrics *Metrics
	To      Exporter
	Every   time.Duration
	Source  Source
	Log     *slog.Logger // nil discards
}

// Push sends what /metrics has to a collector, at intervals and with the same names.
type Push struct {
	PushConfig
	began    time.Time
	stop     context.CancelFunc
	done     chan struct{}
	failures atomic.Uint64
}

// NewPush makes it; Run sends.
func NewPush(c PushConfig) *Push {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Push{PushConfig: c, began: time.Now(), done: make(chan struct{}), stop: func() {}}
}

// Start sends until Close, which sends once more.
func (p *Push) Start(ctx context.Context) {
	ctx, p.stop = context.WithCancel(ctx)
	go func() {
		defer close(p.done)
		tick := time.NewTicker(p.Every)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				p.send(ctx)
			case <-ctx.Done():
				return
			}
		}
	}()
}

// Close sends the last figures. It is called once, after Start.
func (p *Push) Close(ctx context.Context) {
	p.stop()
	<-p.done
	p.send(ctx)
}

// Failures is how often the collector took nothing.
func (p *Push) Failures() uint64 { return p.failures.Load() }

// send tries once: the next interval's figures have all that these have.
func (p *Push) send(ctx context.Context) {
	message, err := p.message(time.Now())
	if err == nil {
		ctx, cancel := context.WithTimeout(ctx, exportTime)
		defer cancel()
		err = p.To.Export(ctx, collector.Metrics, message)
	}
	if err != nil {
		p.failures.Add(1)
		p.Log.WarnContext(ctx, "metrics not taken", "error", err)
	}
}

// message is an ExportMetricsServiceRequest: its one field is that of MetricsData.
func (p *Push) message(now time.Time) ([]byte, error) {
	families, err := p.Metrics.registry.Gather()
	if err != nil {
		return nil, fmt.Errorf("gathering metrics: %w", err)
	}
	c := converter{from: nanos(p.began), at: nanos(now)}
	all := make([]*metricspb.Metric, 0, len(families))
	for _, f := range families {
		all = append(all, c.metric(f))
	}
	b, err := proto.Marshal(&metricspb.MetricsData{ResourceMetrics: []*metricspb.ResourceMetrics{{
		Resource:     p.Source.resource(),
		ScopeMetrics: []*metricspb.ScopeMetrics{{Scope: p.Source.scope(), Metrics: all}},
	}}})
	if err != nil {
		return nil, fmt.Errorf("making metrics: %w", err)
	}
	return b, nil
}

// converter makes OTLP's points of Prometheus's, as OpenTelemetry's "Prometheus and
// OpenMetrics Compatibility" has it. Counters and histograms count from the start.
type converter struct{ from, at uint64 }

func (c converter) metric(f *dto.MetricFamily) *metricspb.Metric {
	m := &metricspb.Metric{Name: f.GetName(), Description: f.GetHelp()}
	const cumulative = metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE
	switch f.GetType() {
	case dto.MetricType_COUNTER:
		sum := &metricspb.Sum{IsMonotonic: true, AggregationTemporality: cumulative}
		for _, one := range f.GetMetric() {
			sum.DataPoints = append(sum.DataPoints, c.point(one, one.GetCounter().GetValue()))
		}
		m.Data = &metricspb.Metric_Sum{Sum: sum}
	case dto.MetricType_HISTOGRAM:
		all := &metricspb.Histogram{AggregationTemporality: cumulative}
		for _, one := range f.GetMetric() {
			all.DataPoints = append(all.DataPoints, c.histogram(one))
		}
		m.Data = &metricspb.Metric_Histogram{Histogram: all}
	case dto.MetricType_SUMMARY:
		all := &metricspb.Summary{}
		for _, one := range f.GetMetric() {
			all.DataPoints = append(all.DataPoints, c.summary(one))
		}
		m.Data = &metricspb.Metric_Summary{Summary: all}
	default: // gauges, and what says nothing of itself
		all := &metricspb.Gauge{}
		for _, one := range f.GetMetric() {
			all.DataPoints = append(all.DataPoints, c.point(one, one.GetGauge().GetValue()+one.GetUntyped().GetValue()))
		}
		m.Data = &metricspb.Metric_Gauge{Gauge: all}
	}
	return m
}

func (c converter) point(m *dto.Metric, value float64) *metricspb.NumberDataPoint {
	return &metricspb.NumberDataPoint{
		Attributes: labels(m), StartTimeUnixNano: c.from, TimeUnixNano: c.at,
		Value: &metricspb.NumberDataPoint_AsDouble{AsDouble: value},
	}
}

// histogram has the buckets apart, where Prometheus counts each in all above it.
func (c converter) histogram(m *dto.Metric) *metricspb.HistogramDataPoint {
	h := m.GetHistogram()
	sum := h.GetSampleSum()
	out := &metricspb.HistogramDataPoint{Attributes: labels(m), StartTimeUnixNano: c.from, TimeUnixNano: c.at, Count: h.GetSampleCount(), Sum: &sum}
	below := uint64(0)
	for _, b := range h.GetBucket() {
		out.ExplicitBounds = append(out.ExplicitBounds, b.GetUpperBound())
		out.BucketCounts = append(out.BucketCounts, b.GetCumulativeCount()-below)
		below = b.GetCumulativeCount()
		if e := b.GetExemplar(); e != nil {
			out.Exemplars = append(out.Exemplars, exemplar(e))
		}
	}
	out.BucketCounts = append(out.BucketCounts, h.GetSampleCount()-below)
	return out
}

func (c converter) summary(m *dto.Metric) *metricspb.SummaryDataPoint {
	s := m.GetSummary()
	out := &metricspb.SummaryDataPoint{Attributes: labels(m), StartTimeUnixNano: c.from, TimeUnixNano: c.at, Count: s.GetSampleCount(), Sum: s.GetSampleSum()}
	for _, q := range s.GetQuantile() {
		out.QuantileValues = append(out.QuantileValues, &metricspb.SummaryDataPoint_ValueAtQuantile{Quantile: q.GetQuantile(), Value: q.GetValue()})
	}
	return out
}

// exemplar is a span's ids, which Prometheus has as labels.
func exemplar(e *dto.Exemplar) *metricspb.Exemplar {
	out := &metricspb.Exemplar{TimeUnixNano: nanos(e.GetTimestamp().AsTime()), Value: &metricspb.Exemplar_AsDouble{AsDouble: e.GetValue()}}
	for _, l := range e.GetLabel() {
		switch l.GetName() {
		case exemplarTrace:
			out.TraceId = unhex(l.GetValue())
		case exemplarSpan:
			out.SpanId = unhex(l.GetValue())
		}
	}
	return out
}

func labels(m *dto.Metric) []*commonpb.KeyValue {
	var all []*commonpb.KeyValue
	for _, l := range m.GetLabel() {
		all = pairs(all, l.GetName(), l.GetValue())
	}
	return all
}
