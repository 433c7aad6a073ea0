package telemetry

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"

	tracepb "go.opentelemetry.io/proto/slim/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"doorward/internal/collector"
	"doorward/internal/gate"
)

// Bounds of what waits for the collector. An exchange is about 1 KiB until its spans are
// made, which the one who sends does.
const (
	maxWaiting = 4096             // exchanges
	maxBatch   = 512              // exchanges in a request
	flushEvery = time.Second      // how long a span waits for others
	exportTime = 10 * time.Second // of one try
	exportTry  = 3                // tries of one batch
	exportWait = time.Second      // before the second try; twice as long before the third
)

// Exporter takes the messages of OTLP; collector implements it.
type Exporter interface {
	Export(ctx context.Context, s collector.Signal, message []byte) error
}

// TracesConfig is where spans go. Every field but Log is required.
type TracesConfig struct {
	To     Exporter
	Ratio  float64 // of exchanges whose spans are kept: 0 to 1
	Follow bool    // the sampled flag of a client that is known decides in place of Ratio
	Source Source
	// Place says where an upstream is: of the configuration of now.
	Place func(upstream string) Place
	Log   *slog.Logger // nil discards
}

// Source is who sends spans and metrics: the resource of OTLP.
type Source struct {
	Version  string
	Instance string // of the gateway: the name of its audit log
}

// Place is where an upstream is.
type Place struct {
	Pipe    bool   // it is a command
	Address string // host of its URL; empty for a command
	Port    int
}

// Traces makes spans of exchanges that have ended and sends them to a collector. No
// call waits for it: what it cannot keep up with is dropped and counted.
type Traces struct {
	TracesConfig
	below   uint64 // of 2^64: the ids that are sampled
	waiting chan ended
	done    chan struct{}
	stop    chan struct{}
	once    sync.Once
	end     context.CancelFunc // of the try under way

	sent, dropped, failures atomic.Uint64
}

// NewTraces makes it; Start sends.
func NewTraces(c TracesConfig) (*Traces, error) {
	if c.To == nil || c.Place == nil || c.Ratio < 0 || c.Ratio > 1 || math.IsNaN(c.Ratio) {
		return nil, errors.New("telemetry: traces need a collector, places of upstreams and a ratio from 0 to 1")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	t := &Traces{TracesConfig: c, waiting: make(chan ended, maxWaiting), done: make(chan struct{}), stop: make(chan struct{}), end: func() {}}
	t.below = uint64(math.MaxUint64)
	if c.Ratio < 1 {
		t.below = uint64(c.Ratio * (1 << 63) * 2) //nolint:mnd // 2^64, which is no constant of the type
	}
	return t, nil
}

// Sample tells whether the spans of an exchange are kept. It goes by the span's id, which
// is made here: the trace's may be the client's.
func (t *Traces) Sample(ex *gate.Exchange) bool {
	if t.Follow && ex.Trace.Settled() {
		return ex.Trace.Remote.Sampled
	}
	return t.Ratio >= 1 || binary.BigEndian.Uint64(ex.Trace.Span[:]) < t.below
}

// Done takes an exchange that has ended, and never waits.
func (t *Traces) Done(ex *gate.Exchange, out gate.Outcome) {
	if !ex.Trace.Sampled {
		return
	}
	if len(t.waiting) == cap(t.waiting) { // nothing is copied for nobody
		t.dropped.Add(1)
		return
	}
	select {
	case t.waiting <- endedNow(ex, out):
	default:
		t.dropped.Add(1)
	}
}

// TraceCounts is what became of the exchanges that were sampled.
type TraceCounts struct{ Sent, Dropped, Failures uint64 }

// Counts are those since the start: exchanges whose spans a collector took, those that
// were given up or had no room, and tries that failed.
func (t *Traces) Counts() TraceCounts {
	return TraceCounts{t.sent.Load(), t.dropped.Load(), t.failures.Load()}
}

// Start sends until Close is called, and then what is left, once.
func (t *Traces) Start(ctx context.Context) {
	ctx, t.end = context.WithCancel(ctx)
	go t.run(ctx)
}

func (t *Traces) run(ctx context.Context) {
	defer close(t.done)
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	var batch []ended
	for {
		select {
		case one := <-t.waiting:
			if batch = append(batch, one); len(batch) < maxBatch {
				continue
			}
		case <-tick.C:
		case <-t.stop:
			t.drain(ctx, batch)
			return
		}
		t.send(ctx, batch)
		batch = batch[:0]
	}
}

// drain sends what is left as long as the collector takes it.
func (t *Traces) drain(ctx context.Context, batch []ended) {
	for {
		for len(batch) < maxBatch && len(t.waiting) > 0 {
			batch = append(batch, <-t.waiting)
		}
		if len(batch) == 0 {
			return
		}
		if err := t.try(ctx, batch); err != nil {
			t.dropped.Add(uint64(len(batch) + len(t.waiting)))
			return
		}
		batch = batch[:0]
	}
}

// Close sends what is left until ctx ends, and drops the rest: nothing is sent once it
// returns. It is called after Start. Done may be called after it.
func (t *Traces) Close(ctx context.Context) {
	t.once.Do(func() { close(t.stop) })
	select {
	case <-t.done:
	case <-ctx.Done():
	}
	t.end()
	<-t.done
}

// send tries a batch a few times. A collector that is gone costs what comes meanwhile
// and finds no room, and nothing else.
func (t *Traces) send(ctx context.Context, batch []ended) {
	if len(batch) == 0 {
		return
	}
	wait := exportWait
	for n := 1; ; n++ {
		err := t.try(ctx, batch)
		if err == nil {
			return
		}
		if n == exportTry || errors.Is(err, collector.ErrRejected) || !t.pause(ctx, wait) {
			t.dropped.Add(uint64(len(batch)))
			t.Log.WarnContext(ctx, "spans not taken", "exchanges", len(batch), "tries", n, "error", err)
			return
		}
		wait *= 2
	}
}

// pause waits for the next try; false when there is none.
func (t *Traces) pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-t.stop:
	case <-ctx.Done():
	}
	return false
}

func (t *Traces) try(ctx context.Context, batch []ended) error {
	message, err := t.message(batch)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, exportTime)
	defer cancel()
	if err = t.To.Export(ctx, collector.Traces, message); err != nil {
		t.failures.Add(1)
		return err
	}
	t.sent.Add(uint64(len(batch)))
	return nil
}

// message is an ExportTraceServiceRequest: its one field is that of TracesData.
func (t *Traces) message(batch []ended) ([]byte, error) {
	var spans []*tracepb.Span
	for i := range batch {
		spans = append(spans, batch[i].spans(t.Place)...)
	}
	b, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: []*tracepb.ResourceSpans{{
		Resource:   t.Source.resource(),
		ScopeSpans: []*tracepb.ScopeSpans{{Scope: t.Source.scope(), Spans: spans}},
	}}})
	if err != nil {
		return nil, fmt.Errorf("making spans: %w", err)
	}
	return b, nil
}
