//go:build unix

package cli

import (
	"context"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// told reads what a manager is told until a datagram holds line, and returns all of it.
func told(t *testing.T, manager net.PacketConn, line string) (all []string) {
	t.Helper()
	buf := make([]byte, 4<<10)
	for {
		if err := manager.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		n, _, err := manager.ReadFrom(buf)
		if err != nil {
			t.Fatalf("waiting for %s after %q: %v", line, all, err)
		}
		lines := strings.Split(string(buf[:n]), "\n")
		all = append(all, lines...)
		if slices.Contains(lines, line) {
			return all
		}
	}
}

// A service manager is told what is missing while the gateway does not serve, that it
// serves, that it lives, and that it stops; never why something is missing.
func TestNotify(t *testing.T) {
	t.Parallel()
	at := filepath.Join(t.TempDir(), "notify")
	manager, err := net.ListenPacket("unixgram", at)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = manager.Close() }()
	env := map[string]string{"NOTIFY_SOCKET": at, "WATCHDOG_USEC": "20000"}
	n, err := (&run{Process: Process{Getenv: func(name string) string { return env[name] }}}).notifier(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer n.close()
	var ready atomic.Bool
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		n.attend(ctx, func(context.Context) []string {
			if ready.Load() {
				return nil
			}
			return []string{"state: dial tcp 10.1.2.3:6379: refused"}
		})
	}()
	before := told(t, manager, "STATUS=not ready: state")
	for _, line := range before {
		if line == "READY=1" || strings.Contains(line, "10.1.2.3") {
			t.Errorf("told too early, or too much: %q", before)
		}
	}
	if !strings.HasPrefix(before[0], "EXTEND_TIMEOUT_USEC=") {
		t.Errorf("the manager is not asked to wait: %q", before)
	}
	ready.Store(true)
	told(t, manager, "READY=1")
	if next := told(t, manager, "WATCHDOG=1"); strings.Contains(strings.Join(next, " "), "READY") {
		t.Errorf("READY=1 was told again: %q", next)
	}
	ready.Store(false)
	told(t, manager, "STATUS=not ready: state")
	cancel()
	told(t, manager, "STOPPING=1")
	<-done
}

func TestNobodyToNotify(t *testing.T) {
	t.Parallel()
	n, err := (&run{Process: Process{Getenv: func(string) string { return "" }}}).notifier(t.Context())
	if n != nil || err != nil {
		t.Errorf("%v, %v", n, err)
	}
	n.attend(t.Context(), nil)
	n.close()
	env := func(name string) string {
		return map[string]string{"NOTIFY_SOCKET": filepath.Join(t.TempDir(), "nothing")}[name]
	}
	if _, err := (&run{Process: Process{Getenv: env}}).notifier(t.Context()); err == nil {
		t.Error("a manager that is not there is no fault")
	}
}
