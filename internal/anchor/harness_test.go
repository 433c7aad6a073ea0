package anchor_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"doorward/internal/anchor"
	"doorward/internal/anchor/witnesstest"
	"doorward/internal/audit"
	"doorward/internal/cosignature"
	"doorward/internal/gate"
)

// house is a log, and those outside who take its checkpoints.
type house struct {
	t    *testing.T
	home string // with the log and its keys
	log  *audit.Log

	mu     sync.Mutex
	events []gate.Event
	kept   string
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, home: filepath.Join(t.TempDir(), "home")}
	if err := os.Mkdir(h.home, 0o700); err != nil {
		t.Fatal(err)
	}
	h.open()
	return h
}

func (h *house) dir() string { return filepath.Join(h.home, "audit") }

func (h *house) open() {
	h.t.Helper()
	log, err := audit.Open(audit.Config{
		Dir: h.dir(), KeyFile: filepath.Join(h.home, "audit.key"), SegmentBytes: 8 << 10, CheckpointEvery: time.Hour,
		Accept: &audit.Acceptance{What: audit.Losses(), Reason: "a test"}, // the attacks remove what they like
	})
	if err != nil {
		h.t.Fatal(err)
	}
	h.log = log
	h.t.Cleanup(func() { _ = log.Close() })
}

// close ends the process that writes the log.
func (h *house) close() {
	h.t.Helper()
	if err := h.log.Close(); err != nil {
		h.t.Fatal(err)
	}
}

// write puts n records into the log.
func (h *house) write(n int, what string) {
	h.t.Helper()
	for i := range n {
		if err := h.log.Event(h.t.Context(), gate.Event{Kind: "test", Actor: "test", Detail: fmt.Sprintf("%s %d %s", what, i, strings.Repeat("x", 400))}); err != nil {
			h.t.Fatal(err)
		}
	}
}

// copyTo keeps a copy of everything, keys included; back puts it in its place.
func (h *house) copyTo() (back func()) {
	h.t.Helper()
	saved := filepath.Join(h.t.TempDir(), "copy")
	if err := os.CopyFS(saved, os.DirFS(h.home)); err != nil {
		h.t.Fatal(err)
	}
	return func() {
		h.t.Helper()
		if err := errors.Join(os.RemoveAll(h.home), os.CopyFS(h.home, os.DirFS(saved))); err != nil {
			h.t.Fatal(err)
		}
	}
}

// Newest implements anchor.Log.
func (h *house) Newest(ctx context.Context) (anchor.Checkpoint, error) {
	c, err := h.log.Checkpoint(ctx)
	return anchor.Checkpoint{Origin: c.Origin, Size: c.Size, Root: c.Root, Note: c.Note}, err
}

// Consistency implements anchor.Log.
func (h *house) Consistency(ctx context.Context, from uint64, to anchor.Checkpoint) ([]string, error) {
	proof, err := audit.Consistency(ctx, h.dir(), from, audit.Checkpoint{Size: to.Size, Root: to.Root})
	var hashes []string
	for _, hash := range proof {
		hashes = append(hashes, base64.StdEncoding.EncodeToString(hash[:]))
	}
	return hashes, err
}

// Compare implements anchor.Log.
func (h *house) Compare(ctx context.Context, note string) (uint64, bool, error) {
	c, err := audit.ParseCheckpoint(note)
	if err != nil {
		return 0, false, err
	}
	err = audit.Holds(ctx, h.dir(), c)
	if errors.Is(err, audit.ErrShorter) || errors.Is(err, audit.ErrUnproven) {
		return c.Size, false, nil
	}
	return c.Size, err == nil, err
}

// keeper is one of the house's log.
func (h *house) keeper(c anchor.Config) *anchor.Keeper {
	h.t.Helper()
	c.Log, c.Every, c.AlertAfter = h, time.Hour, time.Hour
	c.Said = slog.New(slog.DiscardHandler)
	c.Record = func(_ context.Context, e gate.Event) error {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.events = append(h.events, e)
		return nil
	}
	c.Keep = func(note string) error {
		h.kept = note
		return audit.WriteCosigned(h.dir(), note)
	}
	k, err := anchor.New(c)
	if err != nil {
		h.t.Fatal(err)
	}
	return k
}

// told are the kinds of the events so far.
func (h *house) told() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var kinds []string
	for _, e := range h.events {
		kinds = append(kinds, e.Kind)
	}
	return kinds
}

// detail is what the last event of a kind says.
func (h *house) detail(kind string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range slices.Backward(h.events) {
		if e.Kind == kind {
			return e.Detail
		}
	}
	return ""
}

// public is the key that signs the log's checkpoints.
func (h *house) public() string {
	h.t.Helper()
	rep, err := audit.Verify(h.t.Context(), h.dir(), audit.Options{})
	if err != nil {
		h.t.Fatal(err)
	}
	return rep.Keys[len(rep.Keys)-1].Public
}

// station is a witness that runs, and knows the house's log.
type station struct {
	*witnesstest.Witness
	url string
	key *cosignature.Key
}

func (h *house) station(name string) *station {
	h.t.Helper()
	w := witnesstest.New(name)
	srv := httptest.NewServer(w)
	h.t.Cleanup(srv.Close)
	key, err := cosignature.ParseKey(w.Key())
	if err == nil {
		err = w.Knows(h.log.Origin(), h.public())
	}
	if err != nil {
		h.t.Fatal(err)
	}
	return &station{w, srv.URL, key}
}

// client asks a station, as a process that has just started.
func (s *station) client(t *testing.T) *anchor.Witness {
	t.Helper()
	return witnessAt(t, s.url, s.key)
}

func witnessAt(t *testing.T, url string, key *cosignature.Key) *anchor.Witness {
	t.Helper()
	w, err := anchor.NewWitness(anchor.WitnessConfig{URL: url, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// answering is a witness without a network.
type answering func(r *http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (a answering) RoundTrip(r *http.Request) (*http.Response, error) { return a(r) }
