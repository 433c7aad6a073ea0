package files_test

import (
	"strings"
	"testing"

	"doorward/internal/builtin/files"
)

// TestFilesOfTheKernel: environments and memory of processes are no files to serve.
func TestFilesOfTheKernel(t *testing.T) {
	for _, root := range []string{"/proc", "/proc/self", "/sys"} {
		if _, _, err := files.New(files.Settings{Name: "n", Root: root, MaxFile: 1 << 16, Version: "1"}); err == nil || !strings.Contains(err.Error(), "file system of the kernel") {
			t.Errorf("%s: %v", root, err)
		}
	}
}
