package sink_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"doorward/internal/audit"
	"doorward/internal/gate"
	"doorward/internal/sink"
	"doorward/internal/sink/form"
)

// canary is a secret that nothing may say.
const canary = "CANARY-the-secret-of-a-receiver-7719"

// positionsKey is the key of the positions.
var positionsKey = sha256.Sum256([]byte("a test"))

// house is an audit log with sinks on it.
type house struct {
	t    *testing.T
	dir  string
	said *lockedBuffer
	log  *audit.Log
	set  *sink.Set
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, dir: t.TempDir(), said: &lockedBuffer{}}
	h.openLog()
	return h
}

// openLog opens the log, in segments of a few hundred records.
func (h *house) openLog() {
	h.t.Helper()
	var err error
	h.log, err = audit.Open(audit.Config{
		Dir: h.logDir(), KeyFile: filepath.Join(h.dir, "audit.key"), SegmentBytes: 64 << 10,
		Accept: &audit.Acceptance{What: audit.Losses(), Reason: "a test"},
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) logDir() string { return filepath.Join(h.dir, "audit") }

// start starts the sinks; stop ends them, within the time.
func (h *house) start(all ...sink.Config) {
	h.t.Helper()
	var err error
	h.set, err = sink.NewSet(sink.SetConfig{
		Dir: filepath.Join(h.logDir(), "sinks"), Key: positionsKey, Source: source{h}, Sinks: all, Record: h.log.Event,
		Log: slog.New(slog.NewTextHandler(h.said, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		h.t.Fatal(err)
	}
	h.set.Start(context.Background())
}

func (h *house) stop(within time.Duration) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	h.set.Close(ctx)
}

// close ends it; nothing secret is in what was said or recorded (LOG-19).
func (h *house) close() {
	h.t.Helper()
	h.stop(time.Second)
	if err := h.log.Close(); err != nil {
		h.t.Error(err)
	}
	said := h.said.text()
	for _, line := range h.lines() {
		said += line
	}
	if strings.Contains(said, "CANARY") {
		h.t.Errorf("a secret was logged or recorded:\n%s", said)
	}
}

// write puts n records on the log.
func (h *house) write(n int) {
	h.t.Helper()
	for i := range n {
		if err := h.log.Event(context.Background(), gate.Event{Kind: "test", Actor: fmt.Sprint(i), Status: "ok"}); err != nil {
			h.t.Fatal(err)
		}
	}
}

// lines are the log's.
func (h *house) lines() []string {
	h.t.Helper()
	lines, err := audit.OpenLines(h.logDir(), 1)
	if err != nil {
		h.t.Fatal(err)
	}
	defer func() { _ = lines.Close() }()
	var all []string
	for {
		line, ok, err := lines.Next()
		if err != nil {
			h.t.Fatal(err)
		}
		if !ok {
			return all
		}
		all = append(all, string(line))
	}
}

// events are the records of events of a kind.
func (h *house) events(kind string) (details []string) {
	h.t.Helper()
	if err := audit.Read(context.Background(), h.logDir(), audit.Query{Event: kind}, func(r *audit.Record) error {
		details = append(details, r.Detail)
		return nil
	}); err != nil {
		h.t.Fatal(err)
	}
	return details
}

// caughtUp waits until every sink has everything.
func (h *house) caughtUp() {
	h.t.Helper()
	until(h.t, "every sink has caught up", func() bool {
		for _, st := range h.set.Stats() {
			if st.Lag > 0 {
				return false
			}
		}
		return true
	})
}

// source is the log as the gateway hands it to its sinks.
type source struct{ h *house }

func (source) Origin() string                        { return "doorward/test" }
func (s source) Newest() uint64                      { return s.h.log.Stats().Size }
func (s source) Open(seq uint64) (sink.Lines, error) { return audit.OpenLines(s.h.logDir(), seq) }
func (h *house) sink(name string, r sink.Receiver) sink.Config {
	return sink.Config{Name: name, Receiver: r, Lag: 30 * time.Second, Records: 10_000}
}

// holds tells that lines which a receiver got are those of the log, in order and
// without a gap, each exactly once by its key.
func (h *house) holds(got []string) {
	h.t.Helper()
	want := h.lines()
	want = want[:min(len(got), len(want))]
	if len(got) == 0 || len(got) != len(want) {
		h.t.Fatalf("it has %d records of %d", len(got), len(want))
	}
	for i := range got {
		if got[i] != want[i] {
			h.t.Fatalf("record %d is %s, want %s", i+1, got[i], want[i])
		}
	}
}

// once leaves out what was delivered before, by its key, and refuses what is out of
// order.
func once(t *testing.T, got []string) []string {
	t.Helper()
	seen := map[string]bool{}
	var kept []string
	for _, line := range got {
		sum := sha256.Sum256([]byte(line))
		if key := hex.EncodeToString(sum[:]); !seen[key] {
			seen[key] = true
			kept = append(kept, line)
		}
	}
	return kept
}

// memory is a receiver in memory, which does as it is told.
type memory struct {
	mu     sync.Mutex
	got    []string
	does   func(ctx context.Context) error // before it takes a batch; nil: nothing
	most   int                             // the largest batch that it was given
	closed int
}

// Deliver implements sink.Receiver.
func (m *memory) Deliver(ctx context.Context, batch []form.Record) error {
	m.mu.Lock()
	does := m.does
	m.most = max(m.most, len(batch))
	m.mu.Unlock()
	if does != nil {
		if err := does(ctx); err != nil {
			return err
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range batch {
		m.got = append(m.got, string(batch[i].Line))
	}
	return nil
}

// Close implements sink.Receiver.
func (m *memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed++
	return nil
}

func (m *memory) do(does func(ctx context.Context) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.does = does
}

func (m *memory) lines() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]string(nil), m.got...)
}

// lockedBuffer is a log that a test may read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// until waits for something that happens.
func until(t *testing.T, what string, happened func() bool) {
	t.Helper()
	end := time.After(2 * time.Minute)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !happened() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("%s: it does not happen", what)
		}
	}
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }
