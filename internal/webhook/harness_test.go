package webhook_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"doorward/internal/gate"
	"doorward/internal/webhook"
)

const (
	canary = "CANARY-the-secret-of-the-receiver-8841"
	inBody = "CANARY-what-the-notice-says-2207"
	inPath = "CANARY-in-the-path-of-the-URL-9035"
)

// office is a Sender that runs, and what it has said.
type office struct {
	*webhook.Sender
	t      *testing.T
	target *webhook.Target
	log    *lockedBuffer
	stop   context.CancelFunc
	ended  chan struct{}

	mu     sync.Mutex
	events []gate.Event
}

func newOffice(t *testing.T, target *webhook.Target) *office {
	t.Helper()
	o := &office{t: t, target: target, log: &lockedBuffer{}, ended: make(chan struct{})}
	var err error
	o.Sender, err = webhook.New(webhook.Config{
		Target: func() *webhook.Target { return o.target },
		Record: func(_ context.Context, e gate.Event) error {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.events = append(o.events, e)
			return nil
		},
		Log: slog.New(slog.NewTextHandler(o.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// run starts it; the test's end stops it.
func (o *office) run() *office {
	ctx, stop := context.WithCancel(context.Background())
	o.stop = stop
	go func() {
		defer close(o.ended)
		o.Run(ctx)
	}()
	o.t.Cleanup(o.close)
	return o
}

// close stops it and waits; then nothing secret is in what it said (LOG-19).
func (o *office) close() {
	o.t.Helper()
	o.stop()
	<-o.ended
	said := o.log.text()
	for _, e := range o.recorded() {
		said += strings.Join([]string{e.Kind, e.Actor, e.Detail, e.Upstream, e.Exchange}, " ")
	}
	if strings.Contains(said, "CANARY") {
		o.t.Errorf("LOG-19: a secret, a body or a path was logged or recorded:\n%s", said)
	}
}

func (o *office) recorded() []gate.Event {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.events)
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

// targetAt is a target at a URL, with the canary as its secret.
func targetAt(t *testing.T, url string) *webhook.Target {
	t.Helper()
	target, err := webhook.NewTarget(webhook.TargetConfig{URL: url, Secret: func() (gate.Secret, error) { return gate.NewSecret(canary), nil }})
	if err != nil {
		t.Fatal(err)
	}
	return target
}

// got is a request as a receiver got it.
type got struct {
	header http.Header
	body   []byte
	at     time.Time
}

// receiver keeps what it gets, and answers as told.
func receiver(t *testing.T, answer func(n int, w http.ResponseWriter, r *http.Request)) (url string, gets func() []got) {
	t.Helper()
	var mu sync.Mutex
	var all []got
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // a cut body fails the signature
		mu.Lock()
		all = append(all, got{r.Header.Clone(), body, time.Now()})
		n := len(all)
		mu.Unlock()
		answer(n, w, r)
	}))
	t.Cleanup(srv.Close)
	return srv.URL + "/" + inPath, func() []got {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(all)
	}
}

// signed holds a request to the scheme by a computation of its own.
func signed(t *testing.T, key []byte, g *got) (notice map[string]any) {
	t.Helper()
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(g.header.Get("webhook-id") + "." + g.header.Get("webhook-timestamp") + "."))
	mac.Write(g.body)
	if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); g.header.Get("webhook-signature") != want {
		t.Errorf("signed %q, want %q", g.header.Get("webhook-signature"), want)
	}
	if err := json.Unmarshal(g.body, &notice); err != nil {
		t.Errorf("the body: %v", err)
	}
	if notice["id"] != g.header.Get("webhook-id") || notice["id"] == "" {
		t.Errorf("the body's id is %v, the header's %q", notice["id"], g.header.Get("webhook-id"))
	}
	return notice
}

// until waits for something that happens.
func until(t *testing.T, what string, happened func() bool) {
	t.Helper()
	end := time.After(20 * time.Second)
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

func aNotice(exchange string) webhook.Notice {
	return webhook.Notice{Type: "approval.waiting", Upstream: "files", Exchange: exchange, Data: map[string]string{"text": inBody}}
}
