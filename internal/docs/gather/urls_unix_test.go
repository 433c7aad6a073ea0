//go:build unix

package gather_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"doorward/internal/docs/gather"
)

// A pipe is no list of URLs, and is not waited for.
func TestReadListReadsNoPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "list")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(time.Minute, func() { // lets whoever waits for it go on
		t.Error("it was waited for")
		_ = os.WriteFile(path, nil, 0o600)
	})
	defer late.Stop()
	if list, err := gather.ReadList(path); err == nil {
		t.Errorf("it has %q", list)
	}
}
