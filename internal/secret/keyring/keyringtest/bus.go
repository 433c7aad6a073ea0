//go:build !darwin && !windows

// Package keyringtest is a session bus of a test's own with a keyring on it: a Secret Service that
// does what the specification says, as far as Doorward and tests of it ask. Tests use it.
package keyringtest

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
)

// Bus starts a bus that ends with the test, and is its address. It needs dbus-daemon, which
// scripts/parts installs.
func Bus(t testing.TB) (address string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "bus-") //nolint:usetesting // a socket's path has at most 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	rules := filepath.Join(dir, "bus.conf")
	text := fmt.Sprintf(`<busconfig><type>session</type><listen>unix:path=%s</listen><policy context="default">
<allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy></busconfig>`, filepath.Join(dir, "socket"))
	if err := os.WriteFile(rules, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	daemon := exec.CommandContext(t.Context(), "dbus-daemon", "--config-file="+rules, "--nofork", "--nopidfile", "--print-address")
	out, err := daemon.StdoutPipe()
	if err == nil {
		err = daemon.Start()
	}
	if err != nil {
		t.Fatalf("starting a bus: %v: run scripts/parts first", err)
	}
	t.Cleanup(func() {
		_ = daemon.Process.Kill()
		_ = daemon.Wait() // it was killed
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the bus says %q: %v", line, err)
	}
	return strings.TrimSpace(line)
}

// Connect is a connection to a bus that ends with the test.
func Connect(t testing.TB, address string) *dbus.Conn {
	t.Helper()
	conn, err := dbus.Connect(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// Environ is what a process on the bus has in its environment.
func Environ(address string) func(string) (string, bool) {
	return func(name string) (string, bool) { return address, name == "DBUS_SESSION_BUS_ADDRESS" }
}
