//go:build unix

package audit_test

import (
	"path/filepath"
	"syscall"
	"testing"

	"doorward/internal/audit"
)

// A pipe in the place of a file is refused, and nobody waits for who would write to it.
func TestAPipeIsNoFileOfALog(t *testing.T) {
	for _, name := range []string{"audit/audit-00000001.jsonl", "audit/checkpoint", "audit/tree", "audit/lock", "audit.key", "audit.signer", "audit.root", "audit.subjects"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			cfg := config(dir)
			fillLog(t, cfg, 1)
			remove(t, filepath.Join(dir, name))
			if err := syscall.Mkfifo(filepath.Join(dir, name), 0o600); err != nil {
				t.Fatal(err)
			}
			if l, err := audit.Open(cfg); err == nil {
				t.Errorf("it opens; closing: %v", l.Close())
			}
		})
	}
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	_, one := audit.ReadCheckpoint(pipe)
	_, many := audit.ReadCheckpoints(pipe)
	_, proof := audit.ReadProof(pipe)
	_, erased := audit.ErasedIn(pipe)
	for _, err := range []error{one, many, proof, erased} {
		if err == nil {
			t.Error("a pipe is read")
		}
	}
}
