//go:build unix

package lock_test

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"doorward/internal/lock"
)

// A pipe in a key's place is refused, and not waited for.
func TestKeyThatIsNoFile(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "key")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := lock.ReadKey(pipe); err == nil || !strings.Contains(err.Error(), "no regular file") {
		t.Errorf("a pipe: %v", err)
	}
}
