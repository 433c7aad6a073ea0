package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"
)

// stand is the test stand: the upstream, which always runs, and what is needed
// to start the other targets.
type stand struct {
	opts     *options
	progress io.Writer
	died     func(error) // ends the run: a child is gone

	dir      string // temporary, removed by close
	self     string // this program
	upstream *child
	address  string              // the upstream's
	gateways map[string]*gateway // by target
	running  []*child
	ids      atomic.Uint64
}

// target is a running process under measurement.
type target struct {
	name string
	at   endpoint
	proc *child
	// Of doorward alone: where its metrics are, and what one scrape of them
	// allocates.
	metrics string
	scrape  memory
}

// setUp starts the upstream and prepares the gateway. The caller calls close,
// whatever comes of it.
func (s *stand) setUp(ctx context.Context) error {
	var err error
	if s.self, err = os.Executable(); err != nil {
		return err
	}
	if s.dir, err = os.MkdirTemp("", "doorward-bench-"); err != nil {
		return err
	}
	t, err := s.launchUpstream()
	if err != nil {
		return err
	}
	s.upstream, s.address = t.proc, t.at.address
	if err := s.ready(ctx, t); err != nil {
		return err
	}
	s.gateways = map[string]*gateway{}
	for _, name := range []string{doorward, unrecorded} {
		if !s.opts.has(name) {
			continue
		}
		if s.gateways[name], err = s.setUpGateway(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// close ends every child and removes every file.
func (s *stand) close() {
	for _, c := range s.running {
		c.stop()
	}
	if s.dir != "" {
		_ = os.RemoveAll(s.dir)
	}
}

func (s *stand) say(format string, args ...any) { fmt.Fprintf(s.progress, format+"\n", args...) }

// launch starts a target without waiting for it. The upstream is one that
// already runs.
func (s *stand) launch(name string) (*target, error) {
	switch name {
	case direct:
		return s.asTarget(), nil
	case revproxy:
		return s.launchOwn(revproxy, roleProxy, s.address)
	default:
		return s.launchGateway(name)
	}
}

// asTarget is the upstream as a target.
func (s *stand) asTarget() *target {
	return &target{name: direct, proc: s.upstream, at: endpoint{address: s.address, path: upstreamPath, token: noToken}}
}

// launchUpstream starts one more upstream.
func (s *stand) launchUpstream() (*target, error) { return s.launchOwn(direct, roleUpstream) }

const (
	upstreamPath = "/mcp"
	// noToken is as long as a key of Doorward's: who does not look at it reads
	// as many bytes.
	noToken = "dw_bench_0000000000000000000000000000000000000000000000000000000000"
)

// launchOwn starts this program in one of its roles on a port of its own.
func (s *stand) launchOwn(name, role string, args ...string) (*target, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	c, err := s.spawn(name, append([]string{s.self, role, address}, args...))
	if err != nil {
		return nil, err
	}
	return &target{name: name, proc: c, at: endpoint{address: address, path: upstreamPath, token: noToken}}, nil
}

func (s *stand) spawn(name string, argv []string) (*child, error) {
	c, err := startChild(name, argv, filepath.Join(s.dir, name+".log"), s.died)
	if err != nil {
		return nil, err
	}
	s.running = append(s.running, c)
	return c, nil
}

// start launches a target and waits until it answers.
func (s *stand) start(ctx context.Context, name string) (*target, error) {
	t, err := s.launch(name)
	if err != nil {
		return nil, err
	}
	if err := s.ready(ctx, t); err != nil {
		return nil, err
	}
	if t.metrics != "" {
		t.scrape, err = scrapeCost(ctx, t.metrics)
	}
	return t, err
}

// stop ends what launch started; the upstream stays.
func (s *stand) stop(t *target) {
	if t.proc != s.upstream {
		t.proc.stop()
	}
}

const (
	readyWait = 20 * time.Second
	readyPoll = 300 * time.Microsecond
)

// ready waits until the target accepts connections.
func (s *stand) ready(ctx context.Context, t *target) error {
	w, err := s.connect(ctx, t)
	if err != nil {
		return err
	}
	w.close()
	return nil
}

// connect dials until the target, which may still be starting, accepts.
func (s *stand) connect(ctx context.Context, t *target) (*wire, error) {
	deadline := time.Now().Add(readyWait)
	for {
		w, err := dial(ctx, t.at.address, deadline)
		if err == nil {
			return w, nil
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("%s does not answer on %s: %w; it printed:\n%s", t.name, t.at.address, err, t.proc.printed())
		}
		if err := pause(ctx, readyPoll); err != nil {
			return nil, err
		}
	}
}

// nextID is an id that no other request of this run has.
func (s *stand) nextID() uint64 {
	const span = 10*firstID - firstID
	return firstID + s.ids.Add(1)%span
}

// freeAddress is a loopback address that nobody listens on.
func freeAddress() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	address := ln.Addr().String()
	return address, ln.Close()
}

// pause waits for d or until ctx ends, whose cause it then returns.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
