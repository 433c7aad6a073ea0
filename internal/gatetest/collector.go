package gatetest

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	commonpb "go.opentelemetry.io/proto/slim/otlp/common/v1"
	metricspb "go.opentelemetry.io/proto/slim/otlp/metrics/v1"
	tracepb "go.opentelemetry.io/proto/slim/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Span is a span as a collector got it.
type Span struct {
	*tracepb.Span
	Trace, ID, Parent string            // in hex; Parent is empty for none
	Has               map[string]string // its attributes that are texts
}

// OTEL is an OpenTelemetry collector: it takes OTLP over HTTP and over gRPC, and decodes
// it with the types of OpenTelemetry.
type OTEL struct {
	server *httptest.Server
	hold   chan struct{} // requests wait until it is closed; nil: they do not

	mu      sync.Mutex
	changed chan struct{}
	raw     bytes.Buffer
	headers []http.Header
	spans   []Span
	metrics []*metricspb.Metric
}

// Collector starts one; it ends with the test. hold, unless nil, has every request wait
// until it is closed.
func Collector(t testing.TB, hold chan struct{}) *OTEL {
	t.Helper()
	c := &OTEL{changed: make(chan struct{}), hold: hold}
	c.server = httptest.NewUnstartedServer(c)
	c.server.Config.Protocols = new(http.Protocols)
	c.server.Config.Protocols.SetHTTP1(true)
	c.server.Config.Protocols.SetUnencryptedHTTP2(true)
	c.server.Start()
	t.Cleanup(c.server.Close)
	return c
}

// URL is its endpoint, for both protocols.
func (c *OTEL) URL() string { return c.server.URL }

// ServeHTTP implements http.Handler.
func (c *OTEL) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	grpc := strings.HasPrefix(r.URL.Path, "/opentelemetry.proto.collector.")
	if c.hold != nil {
		<-c.hold
	}
	if grpc {
		const prefix = 5
		if r.ProtoMajor != 2 || len(body) < prefix || int(binary.BigEndian.Uint32(body[1:])) != len(body)-prefix {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		body = body[prefix:]
	}
	if err != nil || !c.take(r, body) {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if grpc {
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("Trailer", "Grpc-Status")
		_, _ = w.Write(make([]byte, 5)) // an empty message
		w.Header().Set("Grpc-Status", "0")
	}
}

// take keeps what a request holds; false when it cannot be read.
func (c *OTEL) take(r *http.Request, body []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.raw.Write(body)
	c.headers = append(c.headers, r.Header)
	switch {
	case strings.Contains(strings.ToLower(r.URL.Path), "trace"):
		var data tracepb.TracesData
		if proto.Unmarshal(body, &data) != nil {
			return false
		}
		for _, rs := range data.GetResourceSpans() {
			for _, ss := range rs.GetScopeSpans() {
				for _, s := range ss.GetSpans() {
					c.spans = append(c.spans, Span{s, hex.EncodeToString(s.GetTraceId()), hex.EncodeToString(s.GetSpanId()), hex.EncodeToString(s.GetParentSpanId()), attributesOf(s.GetAttributes())})
				}
			}
		}
	case strings.Contains(strings.ToLower(r.URL.Path), "metrics"):
		var data metricspb.MetricsData
		if proto.Unmarshal(body, &data) != nil {
			return false
		}
		c.metrics = nil
		for _, rm := range data.GetResourceMetrics() {
			for _, sm := range rm.GetScopeMetrics() {
				c.metrics = append(c.metrics, sm.GetMetrics()...)
			}
		}
	default:
		return false
	}
	close(c.changed)
	c.changed = make(chan struct{})
	return true
}

func attributesOf(list []*commonpb.KeyValue) map[string]string {
	all := map[string]string{}
	for _, kv := range list {
		all[kv.GetKey()] = kv.GetValue().GetStringValue()
	}
	return all
}

// Await are the spans, the metrics of the last request, and every byte that came, once
// enough says so.
func (c *OTEL) Await(t testing.TB, enough func(spans []Span, metrics []*metricspb.Metric) bool) (spans []Span, metrics []*metricspb.Metric, raw string) {
	t.Helper()
	late := time.After(patience)
	for {
		c.mu.Lock()
		spans, metrics, raw = append([]Span(nil), c.spans...), c.metrics, c.raw.String()
		changed := c.changed
		c.mu.Unlock()
		if enough(spans, metrics) {
			return spans, metrics, raw
		}
		select {
		case <-changed:
		case <-late:
			t.Fatalf("the collector has %d spans and %d metrics, and no more come", len(spans), len(metrics))
		}
	}
}

// Of are the spans of an exchange, with the server's first: those of its trace that are
// the server's, or below it.
func (c *OTEL) Of(t testing.TB, exchange string, least int) []Span {
	t.Helper()
	var of []Span
	c.Await(t, func(spans []Span, _ []*metricspb.Metric) bool {
		of = nil
		for _, s := range spans {
			if s.Has["doorward.exchange"] == exchange {
				of = append(of, s)
			}
		}
		if len(of) != 1 {
			return false
		}
		for _, s := range spans {
			if s.Trace == of[0].Trace && s.Parent == of[0].ID {
				of = append(of, s)
			}
		}
		return len(of) >= least
	})
	return of
}

// Headers are those of all requests.
func (c *OTEL) Headers() []http.Header {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]http.Header(nil), c.headers...)
}
