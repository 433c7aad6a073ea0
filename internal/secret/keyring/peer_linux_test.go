package keyring_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"doorward/internal/secret/keyring"
)

// A bus of another user is asked for nothing. Who listens counts, not who made the file.
func TestABusOfAnotherUserIsNotAsked(t *testing.T) {
	ln, err := net.Listen("unix", filepath.Join(t.TempDir(), "bus"))
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	to, err := net.Dial("unix", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	if err := keyring.ListensAs(to, os.Geteuid()); err != nil {
		t.Errorf("our own: %v", err)
	}
	if err := keyring.ListensAs(to, os.Geteuid()+1); err == nil || !strings.Contains(err.Error(), "another user's") {
		t.Errorf("another's: %v", err)
	}
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	far, err := net.Dial("tcp", tcp.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	if err := keyring.ListensAs(far, os.Geteuid()); err == nil {
		t.Error("what is no socket of this machine is taken")
	}
}
