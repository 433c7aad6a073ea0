package delivery_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"doorward/internal/envelope"
	"doorward/internal/monitor"
	"doorward/internal/monitor/delivery"
)

// desk is a receiver that a test has in its hand.
type desk struct {
	name string

	mu    sync.Mutex
	got   []string // ids, as they were taken
	tries int
	fail  error         // what every try comes to; nil: it is taken
	hang  chan struct{} // unless nil, a try waits for it to close
}

func (d *desk) Place() delivery.Place {
	return delivery.Place{Kind: delivery.KindWebhook, Name: d.name, At: "https://" + d.name + "/"}
}

func (d *desk) Send(ctx context.Context, a *monitor.Alert) error {
	d.mu.Lock()
	d.tries++
	fail, hang := d.fail, d.hang
	d.mu.Unlock()
	if hang != nil {
		select {
		case <-hang:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if fail != nil {
		return fail
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.got = append(d.got, a.ID)
	return nil
}

// recover has it take what comes from now on.
func (d *desk) recover() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fail = nil
}

func (d *desk) taken() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.got)
}

func (d *desk) tried() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.tries
}

// book is what is on record of the index; of one directory, over restarts.
type book struct {
	mu    sync.Mutex
	least uint64
	hangs chan struct{} // unless nil, who asks for the newest waits for it to close
	waits bool          // somebody does
}

func (b *book) Least() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	if hangs := b.hangs; hangs != nil {
		b.waits = true
		b.mu.Unlock()
		<-hangs
		b.mu.Lock()
	}
	return b.least
}

// hang has whoever asks wait until what it returns is called.
func (b *book) hang() (goOn func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.hangs = make(chan struct{})
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		close(b.hangs)
		b.hangs = nil
	}
}

func (b *book) waited() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.waits
}

func (b *book) Saw(generation uint64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.least = max(b.least, generation)
	return nil
}

// sealedWith are what a test opens its spool with.
func sealedWith(c delivery.Config, b *book, told func(int, error)) delivery.Config {
	c.Key, c.Book, c.Distrusted = [32]byte{1, 2, 3}, b, told
	return c
}

// post is a Deliverer that runs.
type post struct {
	*delivery.Deliverer
	t      *testing.T
	log    *lockedBuffer
	stop   context.CancelFunc
	ended  chan struct{}
	mu     sync.Mutex
	failed int
	faults []string // of the spool
}

// told are the faults of the spool that were told of.
func (p *post) told() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.faults)
}

func newPost(t *testing.T, dir string, receivers ...delivery.Receiver) *post {
	t.Helper()
	return newPostTo(t, dir, func() []delivery.Receiver { return receivers })
}

func newPostTo(t *testing.T, dir string, receivers func() []delivery.Receiver) *post {
	t.Helper()
	return newPostWith(t, dir, &book{}, receivers)
}

func newPostWith(t *testing.T, dir string, b *book, receivers func() []delivery.Receiver) *post {
	t.Helper()
	p := &post{t: t, log: &lockedBuffer{}, ended: make(chan struct{})}
	var err error
	p.Deliverer, err = delivery.New(sealedWith(delivery.Config{
		Receivers: receivers, Dir: dir, Log: slog.New(slog.NewTextHandler(p.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Failed: func(string) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.failed++
		},
	}, b, func(n int, first error) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.faults = append(p.faults, fmt.Sprintf("%d: %v", n, first))
	}))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	go func() {
		defer close(p.ended)
		p.Run(ctx)
	}()
	return p
}

// end stops it and waits.
func (p *post) end() {
	p.stop()
	<-p.ended
}

// lockedBuffer is a log that a test may read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

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

var errDown = errors.New("no answer")

// unwanted is a receiver's no that will not change.
type unwanted struct{}

func (unwanted) Error() string  { return "the receiver answered 422" }
func (unwanted) Unwanted() bool { return true }

func alert() monitor.Alert {
	a := monitor.Test(time.Now())
	a.Rule, a.Subject = "denied_calls", monitor.Subject{Kind: monitor.OfPrincipal, Value: "alice", Realm: "api_key"}
	a.Count, a.Limit, a.Window, a.Exchanges = 10, 10, monitor.Span(time.Minute), []string{"ex1", "ex2"}
	return a
}

// spooled are the files of the spool.
func spooled(t *testing.T, dir string) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func content(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// unsealed is what a file of the spool says.
func unsealed(t *testing.T, path string) string {
	t.Helper()
	var box struct {
		Sealed []byte `json:"sealed"`
	}
	err := json.Unmarshal([]byte(content(t, path)), &box)
	if err != nil {
		t.Fatal(err)
	}
	key := [32]byte{1, 2, 3}
	text, err := envelope.Open(key[:], box.Sealed, []byte("doorward alert spool 1\x00"+strings.TrimSuffix(filepath.Base(path), ".json")))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// until waits for something that happens.
func until(t *testing.T, what string, happened func() bool) {
	t.Helper()
	end := time.After(2 * time.Minute)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !happened() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("%s: it does not happen", what)
		}
	}
}

func has(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("%q is not in:\n%s", w, text)
		}
	}
}
