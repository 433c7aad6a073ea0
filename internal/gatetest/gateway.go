package gatetest

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"doorward/internal/admin"
	"doorward/internal/app"
	"doorward/internal/config"
)

// prelude is what every configuration of a test begins with, unless it has a
// version of its own.
const prelude = "version: 1\ndata_dir: data\nlisten: {address: \"127.0.0.1:0\"}\n"

// patience bounds every wait for something that must happen.
const patience = 2 * time.Minute

// GW is a gateway that serves, until the test ends.
type GW struct {
	App *app.App
	Dir string // of the configuration; data_dir is data below it

	t       testing.TB
	log     *journal
	stop    context.CancelFunc
	ended   chan struct{}
	err     error // of Serve, once ended is closed
	ups     map[string]*UP
	mu      sync.Mutex
	clients map[string]*Client
	answers []answered
	errors  []byte   // what clients were told that was no success, with its headers
	metrics []byte   // at the end
	secrets []string // what must be nowhere but with its owner
	spoken  []string // what clients said in arguments, which no log repeats
}

// answered is an answer that a client of this package got.
type answered struct {
	exchange string
	turned   bool // it never became an exchange (http.* refusals)
}

// Gateway starts a gateway and waits until it is ready. The configuration is a
// YAML fragment: version, data_dir and listen are added unless it has a version,
// and ${NAME} stands for the URL of ups[NAME]. It ends with the test, which then
// fails where an invariant was broken.
func Gateway(t testing.TB, yaml string, ups map[string]*UP) *GW {
	t.Helper()
	return gateway(t, t.TempDir(), yaml, ups, nil)
}

// GatewayAt is Gateway with a directory of the caller's, who may have put files in it.
func GatewayAt(t testing.TB, dir, yaml string, ups map[string]*UP) *GW {
	t.Helper()
	return gateway(t, dir, yaml, ups, nil)
}

// GatewayIn is Gateway with an environment: variables as os.Environ has them.
func GatewayIn(t testing.TB, environment []string, yaml string, ups map[string]*UP) *GW {
	t.Helper()
	return gateway(t, t.TempDir(), yaml, ups, environment)
}

func gateway(t testing.TB, dir, yaml string, ups map[string]*UP, environment []string) *GW {
	t.Helper()
	if !strings.Contains("\n"+yaml, "\nversion:") {
		yaml = prelude + yaml
	}
	for name, up := range ups {
		yaml = strings.ReplaceAll(yaml, "${"+name+"}", up.URL())
	}
	g := &GW{t: t, Dir: dir, log: &journal{}, ended: make(chan struct{}), ups: ups, clients: map[string]*Client{}}
	path := filepath.Join(g.Dir, "doorward.yaml")
	if err := os.WriteFile(path, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(path)
	if err != nil {
		t.Fatalf("configuration refused: %v\n%s", err, yaml)
	}
	g.App, err = app.New(app.Options{Config: cfg, Path: path, Environment: environment, Version: "test", Log: app.TextLog(g.log, slog.LevelDebug)})
	if err != nil {
		t.Fatalf("starting the gateway: %v", err)
	}
	g.serve()
	return g
}

func (g *GW) serve() {
	g.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	g.stop = stop
	ready := make(chan struct{})
	go func() {
		defer close(g.ended)
		g.err = g.App.Serve(ctx, func() { close(ready) })
	}()
	g.t.Cleanup(g.finish)
	select {
	case <-ready:
	case <-g.ended:
		g.t.Fatalf("gateway ended before it was ready: %v", g.err)
	case <-time.After(patience):
		g.t.Fatal("gateway does not get ready")
	}
}

// Stop ends the gateway and waits for it. The end of the test does the same.
func (g *GW) Stop() {
	g.t.Helper()
	g.stop()
	select {
	case <-g.ended:
	case <-time.After(patience):
		g.t.Fatal("gateway does not end")
	}
}

// Cut is Stop for a gateway that has to cut calls off: it returns what ended it.
func (g *GW) Cut() error {
	g.t.Helper()
	g.Stop()
	err := g.err
	g.err = nil
	return err
}

func (g *GW) finish() {
	g.t.Helper()
	g.mu.Lock()
	for _, c := range g.clients {
		c.http.CloseIdleConnections()
	}
	g.mu.Unlock()
	scrape := httptest.NewRecorder()
	g.App.Metrics().ServeHTTP(scrape, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
	g.metrics = scrape.Body.Bytes()
	g.Stop()
	if g.err != nil {
		g.t.Errorf("gateway ended with %v", g.err)
	}
	g.checkInvariants()
	if g.t.Failed() {
		g.t.Logf("gateway's log:\n%s", g.log.text())
	}
}

// URL is where clients connect: all upstreams.
func (g *GW) URL() string { return g.App.URL() }

// Address is host and port of the clients' listener.
func (g *GW) Address() string {
	_, rest, _ := strings.Cut(g.URL(), "://")
	host, _, _ := strings.Cut(rest, "/")
	return host
}

// leastHidden is the length in bytes of the shortest secret; a shorter text is
// found by chance.
const leastHidden = 16

// Hide makes texts secret: none may be in the log, in a file of the gateway, in
// its metrics, in what it tells a client that it refuses, or at an upstream.
func (g *GW) Hide(texts ...string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, text := range texts {
		if len(text) >= leastHidden {
			g.secrets = append(g.secrets, text)
		}
	}
}

// Key makes an API key and returns its text. No roles means the built-in role.
func (g *GW) Key(name string, roles ...string) string { return g.key(name, 0, roles).Text }

// ShortKey makes a key that has expired when it returns.
func (g *GW) ShortKey(name string, roles ...string) string {
	// The end is kept in whole seconds, and making a key takes a write to disk.
	key := g.key(name, 1200*time.Millisecond, roles)
	<-time.After(time.Until(key.Expires))
	return key.Text
}

func (g *GW) key(name string, expires time.Duration, roles []string) admin.NewKey {
	g.t.Helper()
	key, err := g.App.CreateKey(g.t.Context(), "test", admin.KeyRequest{Name: name, Roles: roles, Expires: expires})
	if err != nil {
		g.t.Fatalf("making a key for %s: %v", name, err)
	}
	g.Hide(key.Text)
	return key
}

// Revoke ends every key of that name.
func (g *GW) Revoke(name string) {
	g.t.Helper()
	keys, err := g.App.ListKeys(g.t.Context())
	if err != nil {
		g.t.Fatal(err)
	}
	for _, k := range keys {
		if k.Name != name || !k.Revoked.IsZero() {
			continue
		}
		if err := g.App.RevokeKey(g.t.Context(), "test", k.ID); err != nil {
			g.t.Fatal(err)
		}
	}
}

// Approve looks at an upstream and approves everything that waits, accepting what
// was found in it; "" means all upstreams. It returns how many definitions it approved.
func (g *GW) Approve(upstream string) int {
	g.t.Helper()
	return g.approve(upstream, func(e *admin.Entry) (accept []string, ok bool) { return e.Blocks, true })
}

// ApproveClean is Approve, but leaves out what has a finding that blocks it.
func (g *GW) ApproveClean(upstream string) int {
	g.t.Helper()
	return g.approve(upstream, func(e *admin.Entry) (accept []string, ok bool) { return nil, len(e.Blocks) == 0 })
}

func (g *GW) approve(upstream string, how func(*admin.Entry) (accept []string, ok bool)) int {
	g.t.Helper()
	entries, err := g.App.Entries(g.t.Context(), admin.Review{Upstream: upstream, Refresh: true})
	if err != nil {
		g.t.Fatalf("looking at upstream %q: %v", upstream, err)
	}
	var refs []admin.Ref
	for i := range entries {
		e := &entries[i]
		accept, ok := how(e)
		if ok && (e.State == "held" || e.State == "changed" || e.State == "flagged") {
			refs = append(refs, admin.Ref{Upstream: e.Upstream, Kind: e.Kind, Name: e.Name, Digest: e.Digest, Accept: accept})
		}
	}
	n, err := g.App.Approve(g.t.Context(), "test", refs)
	if err != nil {
		g.t.Fatalf("approving: %v", err)
	}
	return n
}

// journal keeps the gateway's log.
type journal struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements io.Writer.
func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(p)
}

func (j *journal) text() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.String()
}

// Plant plants a canary.
func (g *GW) Plant(name, value string) {
	g.t.Helper()
	if _, err := g.App.PlantCanary(context.Background(), "operator", admin.Canary{Name: name, Value: value}); err != nil {
		g.t.Fatalf("planting %s: %v", name, err)
	}
}

// Log is what the gateway has logged so far, at debug level.
func (g *GW) Log() string { return g.log.text() }
