//go:build unix

package listen_test

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"doorward/internal/listen"
)

// A pipe in a file's place is refused, and not waited for: clients would be.
func TestCertificateThatIsNoFile(t *testing.T) {
	v := newVault(t)
	if err := os.Remove(v.config.Cert); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(v.config.Cert, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := listen.NewTLS(v.config); err == nil || !strings.Contains(err.Error(), "no regular file") {
		t.Errorf("a pipe: %v", err)
	}
}
