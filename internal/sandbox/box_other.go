//go:build !linux

package sandbox

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Box is one sandbox.
type Box struct {
	reports chan Report
	proxy   func(net.Listener)
	egress  net.Listener // nil: no network
	scratch string       // of the command's own; empty: none
	cmd     *exec.Cmd
	enter   func() error // puts the process that was started under its bounds; Windows
	end     func()       // ends what is left

	once sync.Once
	wg   sync.WaitGroup
}

// Maker makes sandboxes. It keeps nothing here.
type Maker struct{}

// Settle does nothing: there are no cgroups.
func (*Maker) Settle() {}

// Close does nothing.
func (*Maker) Close() {}

// begin refuses a plan that wants what this system does not have, unless it says that
// each of these layers may be missing.
func (*Maker) begin(p *Plan, proxy func(net.Listener)) (*Box, error) {
	if err := p.check(); err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	if p.Egress != (proxy != nil) {
		return nil, errors.New("sandbox: a plan with egress and a proxy go together")
	}
	var refused []string
	for _, layer := range lacking() {
		// The other two are second walls of Linux.
		if layer != Landlock && layer != Seccomp && !slices.Contains(p.Weaker, layer) {
			refused = append(refused, layer)
		}
	}
	if refused != nil {
		return nil, fmt.Errorf("sandbox: this system cannot enforce %s on a command: confine it by sandbox: {kind: docker}, or write sandbox: {allow_weaker: [%s]}", strings.Join(refused, " and "), strings.Join(refused, ", "))
	}
	return &Box{reports: make(chan Report), proxy: proxy}, nil
}

// listen opens the egress proxy on a port of the loopback, tells the command where it is,
// and is that port; 0 where the plan has none.
func (b *Box) listen(cmd *exec.Cmd) (int, error) {
	if b.proxy == nil {
		return 0, nil
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("opening the egress proxy: %w", err)
	}
	b.egress = l
	at, _ := l.Addr().(*net.TCPAddr)
	for i, kv := range cmd.Env {
		cmd.Env[i] = strings.Replace(kv, "://"+Proxy, "://127.0.0.1:"+strconv.Itoa(at.Port), 1)
	}
	b.wg.Go(func() { b.proxy(l) })
	return at.Port, nil
}

// Reports yields nothing, and is closed when the command has ended.
func (b *Box) Reports() <-chan Report { return b.reports }

// Ended says that the command was waited for.
func (b *Box) Ended() { b.Close() }

// Kill ends no more than the end of the command does.
func (*Box) Kill() {}

// Close ends what is left of the command, as far as this system knows it, and the proxy.
func (b *Box) Close() {
	b.once.Do(func() {
		if b.end != nil {
			b.end()
		}
		if b.egress != nil {
			_ = b.egress.Close()
		}
		if b.scratch != "" {
			_ = os.RemoveAll(b.scratch)
		}
		close(b.reports)
	})
	b.wg.Wait()
}
