package audit

import (
	"os"
	"path/filepath"
	"testing"
)

// filesystems are directories to try: AUDIT_FILE_SYSTEMS, a list as PATH is one, of a directory on each
// file system that is to be held to the rules; or where tests write, and the memory's where there is one.
func filesystems(t *testing.T) []string {
	t.Helper()
	if named := filepath.SplitList(os.Getenv("AUDIT_FILE_SYSTEMS")); len(named) > 0 {
		return named
	}
	all := []string{t.TempDir()}
	if st, err := os.Stat("/dev/shm"); err == nil && st.IsDir() {
		all = append(all, "/dev/shm")
	}
	return all
}

// TestDUR42_FileSystems has the log of each file system keep what it acknowledged, whichever of the first
// writes and syncs fails there and wherever it is full (DUR-01, DUR-03 and DUR-04 in small).
func TestDUR42_FileSystems(t *testing.T) {
	for _, on := range filesystems(t) {
		t.Run(on, func(t *testing.T) {
			for name, f := range map[string]*faults{
				"nothing fails": {}, "write": {failWrite: 3, short: true}, "sync": {failSync: 3}, "write and repair": {failWrite: 2, short: true, failTruncate: 1},
			} {
				t.Run(name, func(t *testing.T) {
					dir, err := os.MkdirTemp(on, "doorward-audit-") //nolint:usetesting // t.TempDir is on one file system alone
					if err != nil {
						t.Fatal(err)
					}
					t.Cleanup(func() {
						if err := os.RemoveAll(dir); err != nil {
							t.Error(err)
						}
					})
					cfg := faulty(t, f, Power)
					cfg.Dir, cfg.KeyFile = filepath.Join(dir, "audit"), filepath.Join(dir, "key")
					oracle(t, cfg, 10)
				})
			}
		})
	}
}
