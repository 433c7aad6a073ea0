package cli

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"doorward/internal/admin"
)

// notifier tells the service manager that started this process how it is doing, by the
// protocol of sd_notify(3): a datagram of lines to the Unix socket in NOTIFY_SOCKET. A nil
// one tells nobody.
type notifier struct {
	socket   net.Conn
	watchdog time.Duration // between signs of life; zero: none is wanted
}

// startWait is how much longer the manager is asked to wait, each second, while the gateway
// is not ready: what it lacks (an issuer, a Redis) may come back, and a restart would not
// bring it.
const startWait = 30 * time.Second

// notifier is nil where no manager listens.
func (r *run) notifier(ctx context.Context) (*notifier, error) {
	at := r.Getenv("NOTIFY_SOCKET")
	if at == "" {
		return nil, nil //nolint:nilnil // nobody to tell is no failure
	}
	// An abstract socket's name begins with @ there and with a zero byte for the kernel,
	// and package net writes it in the same way.
	socket, err := (&net.Dialer{}).DialContext(ctx, "unixgram", at)
	if err != nil {
		return nil, fmt.Errorf("NOTIFY_SOCKET: %w", err)
	}
	n := &notifier{socket: socket}
	if every, err := strconv.ParseInt(r.Getenv("WATCHDOG_USEC"), 10, 64); err == nil && every > 0 {
		n.watchdog = time.Duration(every) * time.Microsecond / 2 // as sd_watchdog_enabled(3) advises
	}
	return n, nil
}

// attend tells the manager that the gateway is ready once it is, then what it lacks when
// that changes, and gives signs of life, until ctx ends; then it tells that the gateway
// stops. A look that does not return, because the gateway is stuck, gives none.
func (n *notifier) attend(ctx context.Context, look func(context.Context) []string) {
	if n == nil {
		return
	}
	every := time.Second
	if n.watchdog > 0 {
		every = min(every, n.watchdog)
	}
	again := time.NewTicker(every)
	defer again.Stop()
	begun := false
	var told []string
	for first := true; ; first = false {
		lacks := admin.Unready(look(ctx))
		if ctx.Err() != nil {
			n.send("STOPPING=1", "STATUS=stopping")
			return
		}
		var lines []string
		switch {
		case !begun && len(lacks) == 0:
			begun = true
			lines = append(lines, "READY=1")
		case !begun:
			lines = append(lines, fmt.Sprintf("EXTEND_TIMEOUT_USEC=%d", startWait.Microseconds()))
		}
		if first || !slices.Equal(lacks, told) {
			told = lacks
			lines = append(lines, "STATUS="+statusOf(lacks))
		}
		if n.watchdog > 0 {
			lines = append(lines, "WATCHDOG=1")
		}
		n.send(lines...)
		select {
		case <-ctx.Done():
		case <-again.C:
		}
	}
}

func statusOf(lacks []string) string {
	if len(lacks) == 0 {
		return "serving"
	}
	return "not ready: " + strings.Join(lacks, ", ")
}

// send sends lines that there are. A manager that is gone, or does not read, has no use for
// the error, and the gateway serves without it.
func (n *notifier) send(lines ...string) {
	if len(lines) > 0 {
		_, _ = n.socket.Write([]byte(strings.Join(lines, "\n")))
	}
}

func (n *notifier) close() {
	if n != nil {
		_ = n.socket.Close() // nothing is buffered
	}
}
