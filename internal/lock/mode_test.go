//go:build unix

package lock_test

import (
	"os"
	"strings"
	"testing"

	"doorward/internal/gate"
	"doorward/internal/lock"
)

func TestLockThatEverybodyMayWriteIsRefused(t *testing.T) {
	_, path := approved(t, item(t, gate.Tool, "a", `{"name":"a"}`))
	for mode, ok := range map[os.FileMode]bool{0o666: false, 0o602: false, 0o664: true, 0o600: true} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, err := lock.Load(path)
		if ok != (err == nil) || !ok && !strings.Contains(err.Error(), "chmod o-w "+path) {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
}
