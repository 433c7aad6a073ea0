package egress

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Config is what a Proxy is made of. Upstream and Report are required; an empty list
// lets nothing through.
type Config struct {
	Upstream string
	// Allow has places of the form [tcp://]HOST:PORT[=ADDRESS]. HOST is a DNS name,
	// "*." and a name for all below it, or an address, of IPv6 in brackets. A tunnel
	// carries TLS to that very host, after tcp:// anything. What a name leads to must be
	// public; ADDRESS, or an address as HOST, is dialled as it is written.
	Allow  []string
	Limits Limits
	Report Report
	// Resolve looks a whole name up. Nil: the system's resolver.
	Resolve func(ctx context.Context, name string) ([]netip.Addr, error)
	// Dial connects to an address that was judged. Nil: the system's network.
	Dial func(ctx context.Context, at netip.AddrPort) (net.Conn, error)
	Log  *slog.Logger // of reports that fail when a connection has ended; nil: none
}

// Proxy is the way out of one upstream's commands. Any number of listeners may be
// served at once; limits are of all together.
type Proxy struct {
	cfg    Config
	list   allowed
	limits Limits

	open   atomic.Int64
	begun  window
	bytes  window
	told   window // reports of connections that were not even read
	missed atomic.Uint64
}

// New makes a Proxy, which does nothing before Serve.
func New(cfg Config) (*Proxy, error) {
	if cfg.Upstream == "" || cfg.Report == nil {
		return nil, errors.New("egress: an upstream's name and a report are required")
	}
	list, err := readAllowed(cfg.Allow)
	if err != nil {
		return nil, err
	}
	limits, err := cfg.Limits.withDefaults()
	if err != nil {
		return nil, err
	}
	if cfg.Resolve == nil {
		cfg.Resolve = resolve
	}
	if cfg.Dial == nil {
		cfg.Dial = dial
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Proxy{
		cfg: cfg, list: list, limits: limits,
		begun: window{limit: int64(limits.PerMinute)}, bytes: window{limit: limits.BytesPerMinute}, told: window{limit: 1},
	}, nil
}

// Serve takes connections until the listener is closed, then ends those that are open,
// and returns when nothing is left of them: nil, or why the listener gave up.
func (p *Proxy) Serve(l net.Listener) error {
	ctx, cancel := context.WithCancel(context.Background())
	var open sync.WaitGroup
	defer open.Wait()
	defer cancel()
	for faults := 0; ; {
		conn, err := l.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil
		case err != nil && faults < maxFaults:
			faults++
			time.Sleep(faultPause) // descriptors are short, for one; nobody waits for this loop but the command
			continue
		case err != nil:
			return fmt.Errorf("accepting connections of upstream %s: %w", p.cfg.Upstream, err)
		}
		faults = 0
		if code := p.admit(); code != "" {
			p.turnAway(ctx, conn, code)
			continue
		}
		open.Go(func() {
			defer p.open.Add(-1)
			p.serve(ctx, conn)
		})
	}
}

// The patience with a listener that fails.
const (
	maxFaults  = 50 // in a row
	faultPause = 100 * time.Millisecond
)

// admit takes a place for a connection.
func (p *Proxy) admit() Code {
	if !p.begun.take(1) {
		return Often
	}
	if p.open.Add(1) > int64(p.limits.Connections) {
		p.open.Add(-1)
		return Busy
	}
	return ""
}

// turnAway closes a connection that is one too many. One a minute is reported, with
// how many were not: a command must not fill the record by knocking.
func (p *Proxy) turnAway(ctx context.Context, conn net.Conn, code Code) {
	_ = conn.Close()
	if !p.told.take(1) {
		p.missed.Add(1)
		return
	}
	p.note(ctx, Connection{Upstream: p.cfg.Upstream, Code: code, Missed: p.missed.Swap(0)})
}

// note reports what nothing depends on any more.
func (p *Proxy) note(ctx context.Context, c Connection) {
	if err := p.cfg.Report(context.WithoutCancel(ctx), c); err != nil {
		p.cfg.Log.Error("report of an egress connection failed", "upstream", c.Upstream, "code", string(c.Code), "error", err)
	}
}
