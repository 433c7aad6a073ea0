package drill

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"doorward/internal/admin"
	"doorward/internal/app"
	"doorward/internal/config"
	"doorward/internal/demo"
)

// stage is everything that plays a part.
type stage struct {
	Options
	dir      string
	gateways []*gateway // the first is operated
	pager    *pager
	keys     map[string]admin.NewKey // by name
	canary   string
	client   *http.Client
	ends     []func() error

	exercise string
	steps    []Step
}

// gateway is one of two that share a data directory.
type gateway struct {
	*app.App
	ended chan error // what Serve returned
	stop  context.CancelFunc
}

// configText is what both gateways run on; the rules are those of every gateway. Ten calls a
// minute make a flood of the tool one.
const configText = `version: 1
data_dir: %s
listen: {address: "127.0.0.1:0"}
roles: {user: {allow: [{tools: [desk/*]}]}}
upstreams: {desk: {url: %q}}
limits: {per_tool: {desk/bind: 10/1m}}
trust: {lock: %s}
secrets: {pager: {from: "env:DRILL_PAGER"}}
monitor:
  alerts: [{kind: webhook, url: %q, secret: pager}]
  contain: {failed_sign_ins: nothing, denied_calls: key 1h, canary: principal, limit_violations: nothing}
`

// people are those who have a key.
func people() []string { return []string{"alice", "mallory", "carol", "frank", "watch"} }

func (s *stage) start(ctx context.Context) error {
	s.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: flood}, Timeout: otherWithin}
	s.onEnd(func() error { s.client.CloseIdleConnections(); return nil })
	desk, err := s.serve(demo.Desk())
	if err != nil {
		return err
	}
	s.pager = newPager()
	page, err := s.serve(s.pager)
	if err != nil {
		return err
	}
	path := filepath.Join(s.dir, "doorward.yaml")
	text := fmt.Sprintf(configText, filepath.Join(s.dir, "data"), desk+"/mcp", filepath.Join(s.dir, "doorward.lock"), page+"/alerts")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return err
	}
	if err := s.gateway(ctx, path); err != nil {
		return err
	}
	if err := s.provide(ctx); err != nil {
		return err
	}
	return s.gateway(ctx, path)
}

// serve puts a handler on a loopback port of its own.
func (s *stage) serve(h http.Handler) (url string, err error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("opening a port for the drill: %w", err)
	}
	hs := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second}
	done := make(chan error, 1)
	go func() { done <- hs.Serve(ln) }()
	s.onEnd(func() error {
		err := hs.Close()
		if ended := <-done; !errors.Is(ended, http.ErrServerClosed) {
			err = errors.Join(err, ended)
		}
		return err
	})
	return "http://" + ln.Addr().String(), nil
}

// gateway starts one, on the data directory that all of them share.
func (s *stage) gateway(ctx context.Context, path string) error {
	cfg, err := config.Load(path)
	if err != nil {
		return err
	}
	log := app.TextLog(s.Log, slog.LevelError)
	a, err := app.New(app.Options{
		Config: cfg, Path: path, Version: s.Version, Log: log, Beside: len(s.gateways) > 0,
		Environment: []string{"DRILL_PAGER=" + rand.Text() + rand.Text()},
	})
	if err != nil {
		return err
	}
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	g := &gateway{App: a, ended: make(chan error, 1), stop: stop}
	ready := make(chan struct{})
	go func() { g.ended <- a.Serve(serving, func() { close(ready) }) }()
	s.onEnd(func() error {
		stop()
		return <-g.ended
	})
	select {
	case <-ready:
		s.gateways = append(s.gateways, g)
		return nil
	case err := <-g.ended:
		g.ended <- nil
		return err
	}
}

// provide makes what the exercises need, while there is one gateway.
func (s *stage) provide(ctx context.Context) error {
	op := s.gateways[0]
	entries, err := op.Entries(ctx, admin.Review{Refresh: true})
	if err != nil {
		return err
	}
	refs := make([]admin.Ref, 0, len(entries))
	for _, e := range entries {
		refs = append(refs, admin.Ref{Upstream: e.Upstream, Kind: e.Kind, Name: e.Name, Digest: e.Digest})
	}
	if _, err := op.Approve(ctx, operator, refs); err != nil {
		return err
	}
	s.keys = map[string]admin.NewKey{}
	for _, name := range people() {
		if s.keys[name], err = op.CreateKey(ctx, operator, admin.KeyRequest{Name: name, Roles: []string{"user"}}); err != nil {
			return err
		}
	}
	made, err := op.PlantCanary(ctx, operator, admin.Canary{Name: "drill"})
	s.canary = made.Value
	return err
}

// operator is who acts, for the record.
const operator = "drill"

func (s *stage) onEnd(do func() error) { s.ends = append(s.ends, do) }

// stop ends everything, the last first.
func (s *stage) stop() error {
	var errs []error
	for _, end := range slices.Backward(s.ends) {
		errs = append(errs, end())
	}
	return errors.Join(errs...)
}
