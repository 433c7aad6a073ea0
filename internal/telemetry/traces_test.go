package telemetry_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	tracepb "go.opentelemetry.io/proto/slim/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"doorward/internal/collector"
	"doorward/internal/gate"
	"doorward/internal/telemetry"
)

// exporter is a collector of which the test says what it does.
type exporter struct {
	answer func() error
	hangs  bool // until nobody waits for it

	mu    sync.Mutex
	tries int
	spans []*tracepb.Span
}

func (e *exporter) Export(ctx context.Context, _ collector.Signal, message []byte) error {
	e.mu.Lock()
	e.tries++
	e.mu.Unlock()
	if e.hangs {
		<-ctx.Done()
		return ctx.Err()
	}
	if e.answer != nil {
		if err := e.answer(); err != nil {
			return err
		}
	}
	var data tracepb.TracesData
	if err := proto.Unmarshal(message, &data); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, rs := range data.GetResourceSpans() {
		for _, ss := range rs.GetScopeSpans() {
			e.spans = append(e.spans, ss.GetSpans()...)
		}
	}
	return nil
}

func traces(t testing.TB, e *exporter, c telemetry.TracesConfig) *telemetry.Traces {
	t.Helper()
	c.To, c.Place = e, func(string) telemetry.Place { return telemetry.Place{Address: "up.example", Port: 443} }
	out, err := telemetry.NewTraces(c)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// over is an exchange that is over, and was sampled.
func over() (*gate.Exchange, gate.Outcome) {
	ex := &gate.Exchange{ID: "x", Start: time.Now(), Trace: gate.BeginTrace(nil)}
	ex.Trace.Sampled = true
	ex.Call.Route.Method = "tools/call"
	ex.Target.Upstream = "up"
	ex.Tally.Sent, ex.Tally.Upstream = time.Millisecond, time.Millisecond
	return ex, gate.Outcome{Verdict: gate.Pass(), Status: "ok", Intent: true}
}

// A collector that hangs holds nobody up: what there is no room for is dropped, and every
// exchange is counted once.
func TestTracesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold := make(chan struct{})
		e := &exporter{answer: func() error { <-hold; return nil }}
		tr := traces(t, e, telemetry.TracesConfig{Ratio: 1})
		tr.Start(t.Context())
		const all = 10_000
		for range all {
			tr.Done(over())
		}
		synctest.Wait()
		if got := tr.Counts(); got.Dropped == 0 || got.Dropped >= all || got.Sent != 0 {
			t.Errorf("while it hangs: %+v", got)
		}
		close(hold)
		tr.Close(t.Context())
		got := tr.Counts()
		if got.Sent+got.Dropped != all || got.Sent < 4096 || len(e.spans) != 2*int(got.Sent) {
			t.Errorf("in the end: %+v and %d spans", got, len(e.spans))
		}
	})
}

// A batch that is not taken is tried three times, a batch of which a part was rejected
// once; and the end waits for neither.
func TestTracesThatAreNotTaken(t *testing.T) {
	for name, tc := range map[string]struct {
		err   error
		tries int
	}{"down": {errors.New("down"), 3}, "rejected": {collector.ErrRejected, 1}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := &exporter{answer: func() error { return tc.err }}
				tr := traces(t, e, telemetry.TracesConfig{Ratio: 1})
				tr.Start(t.Context())
				tr.Done(over())
				time.Sleep(time.Minute) // of the bubble's own time
				synctest.Wait()
				if got := tr.Counts(); e.tries != tc.tries || got.Dropped != 1 || got.Failures != uint64(tc.tries) {
					t.Errorf("%d tries, %+v", e.tries, got)
				}
				tr.Done(over())
				ended := time.Now()
				tr.Close(t.Context())
				if got := tr.Counts(); got.Dropped != 2 || time.Since(ended) > time.Second {
					t.Errorf("at the end: %+v after %v", got, time.Since(ended))
				}
			})
		})
	}
}

// The end comes in time though a collector hangs: with no try under way, and all counted.
func TestTracesEndInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &exporter{hangs: true}
		tr := traces(t, e, telemetry.TracesConfig{Ratio: 1})
		tr.Start(t.Context())
		const all = 1000 // two batches
		for range all {
			tr.Done(over())
		}
		synctest.Wait() // the first is on its way
		ctx, done := context.WithTimeout(t.Context(), 5*time.Second)
		defer done()
		begun := time.Now()
		tr.Close(ctx)
		if got := tr.Counts(); got.Dropped != all || got.Sent != 0 || time.Since(begun) != 5*time.Second {
			t.Errorf("%+v after %v", got, time.Since(begun))
		}
	})
}

// Clients have no say in what is kept, unless they are known and that is wanted.
func TestSampling(t *testing.T) {
	parent := func(flags string) http.Header {
		return http.Header{"Traceparent": {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-" + flags}}
	}
	known, stranger := &gate.Principal{Method: gate.MethodAPIKey}, &gate.Principal{Method: gate.MethodAnonymous}
	for _, tc := range []struct {
		name   string
		ratio  float64
		follow bool
		who    *gate.Principal
		flags  string
		want   bool
	}{
		{"all of them", 1, false, known, "00", true},
		{"none of them", 0, false, known, "01", false},
		{"as a known client says", 0, true, known, "01", true},
		{"as a known client says not", 1, true, known, "00", false},
		{"a stranger says nothing", 0, true, stranger, "01", false},
		{"nor does nobody", 0, true, nil, "01", false},
		{"nor against it", 1, true, nil, "00", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tr := traces(t, &exporter{}, telemetry.TracesConfig{Ratio: tc.ratio, Follow: tc.follow})
			for range 100 {
				ex := &gate.Exchange{Trace: gate.BeginTrace(parent(tc.flags))}
				ex.Trace.Settle(tc.who)
				if tr.Sample(ex) != tc.want {
					t.Fatal("got the other")
				}
			}
		})
	}
	tr := traces(t, &exporter{}, telemetry.TracesConfig{Ratio: 0.25})
	for first, want := range map[byte]bool{0: true, 0x3f: true, 0x40: false, 0xff: false} {
		ex := &gate.Exchange{Trace: gate.Trace{Span: [8]byte{first}}}
		if tr.Sample(ex) != want {
			t.Errorf("a quarter: the id that begins with %x is sampled: %v", first, !want)
		}
	}
}

// What is not sampled costs nothing, and what is, one allocation at most beside the queue's.
func BenchmarkWatch(b *testing.B) {
	for name, w := range map[string]telemetry.Watch{
		"off":         {Metrics: telemetry.New("test")},
		"not sampled": {Metrics: telemetry.New("test"), Traces: traces(b, &exporter{}, telemetry.TracesConfig{})},
		"sampled":     {Metrics: telemetry.New("test"), Traces: traces(b, &exporter{}, telemetry.TracesConfig{Ratio: 1})},
	} {
		b.Run(strings.ReplaceAll(name, " ", "_"), func(b *testing.B) {
			if w.Traces != nil {
				w.Traces.Start(b.Context())
			}
			ex, out := over()
			b.ReportAllocs()
			for b.Loop() {
				ex.Trace.Sampled = w.Sample(ex)
				w.Done(ex, out)
			}
		})
	}
}
