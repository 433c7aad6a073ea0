package app

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"

	"doorward/internal/config"
	"doorward/internal/egress"
	"doorward/internal/gate"
)

// ways are the ways out of confined commands: one proxy for each upstream, whose
// limits are of all its processes together.
type ways struct {
	record func(context.Context, gate.Event) error
	log    *slog.Logger

	mu  sync.Mutex
	out map[string]way // by upstream
}

type way struct {
	allow []string
	proxy *egress.Proxy
}

// serve lets what dials in from a sandbox out to the places that are allowed, until
// the listener is closed.
func (w *ways) serve(upstream string, allow []string, l net.Listener) {
	p, err := w.proxy(upstream, allow)
	if err == nil {
		err = p.Serve(l)
	}
	if err != nil {
		_ = l.Close()
		w.log.Error("the egress proxy of an upstream does not serve", "upstream", upstream, "error", err)
	}
}

func (w *ways) proxy(upstream string, allow []string) (*egress.Proxy, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if had, ok := w.out[upstream]; ok && slices.Equal(had.allow, allow) {
		return had.proxy, nil
	}
	p, err := egress.New(egress.Config{Upstream: upstream, Allow: allow, Report: w.report, Log: w.log})
	if err != nil {
		return nil, fmt.Errorf("making an egress proxy: %w", err)
	}
	if w.out == nil {
		w.out = map[string]way{}
	}
	w.out[upstream] = way{allow: slices.Clone(allow), proxy: p}
	return p, nil
}

// only lets go of the proxies of upstreams that are not among these. A process that goes on
// keeps the one that it has.
func (w *ways) only(upstreams map[string]config.Upstream) {
	w.mu.Lock()
	defer w.mu.Unlock()
	maps.DeleteFunc(w.out, func(name string, _ way) bool { _, there := upstreams[name]; return !there })
}

// report puts a connection on record.
func (w *ways) report(ctx context.Context, c egress.Connection) error {
	e := gate.Event{Actor: "doorward", Upstream: c.Upstream, Status: "ok"}
	place := cmp.Or(c.Protocol, "unread") + " " + net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port)))
	if c.Address.IsValid() {
		place += " at " + c.Address.String()
	}
	switch {
	case c.Code == egress.Opened:
		e.Kind, e.Detail = "egress.open", place
	case strings.HasPrefix(string(c.Code), "ended"):
		e.Kind, e.Detail = "egress.end", fmt.Sprintf("%s: %s, %d bytes sent, %d received, %d ms", place, c.Code, c.Sent, c.Received, c.Duration.Milliseconds())
	default:
		e.Kind, e.Status, e.Detail = "egress.refused", "refused", place+": "+string(c.Code)
		if c.Missed > 0 {
			e.Detail += fmt.Sprintf(", and %d before it", c.Missed)
		}
	}
	return w.record(ctx, e)
}
