//go:build unix

package audit_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A pipe in the place of the key that signs checkpoints is refused, and not waited for.
func TestReplaceKeyReadsNoPipe(t *testing.T) {
	cfg := config(t.TempDir())
	l := open(t, cfg)
	path := filepath.Join(filepath.Dir(cfg.Dir), "audit.signer")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(time.Minute, func() { _ = os.WriteFile(path, nil, 0o600) }) // lets whoever waits for it go on
	defer late.Stop()
	if _, err := l.ReplaceKey(t.Context(), false); err == nil || !strings.Contains(err.Error(), "no regular file") {
		t.Errorf("error %v", err)
	}
}
