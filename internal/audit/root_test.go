package audit_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"doorward/internal/audit"
)

// A new root opens what the old one did, in the running log and after it, and the
// old root with a copy of the keys of now opens nothing.
func TestReplaceRoot(t *testing.T) {
	cfg := config(t.TempDir())
	root := filepath.Join(filepath.Dir(cfg.KeyFile), "audit.root")
	l := open(t, cfg)
	if err := l.Intent(t.Context(), by("one", "alice")); err != nil {
		t.Fatal(err)
	}
	before := contentOf(t, root)
	if err := l.ReplaceRoot(); err != nil {
		t.Fatal(err)
	}
	if err := l.Intent(t.Context(), by("two", "alice")); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(before, contentOf(t, root)) {
		t.Fatal("the root is the old one")
	}
	if all := read(t, cfg.Dir, audit.Query{Principal: "alice"}); len(all) != 2 {
		t.Errorf("%d of alice's records can be opened", len(all))
	}
	if err := os.WriteFile(root, before, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := firstOf(t, cfg.Dir, "one"); err == nil {
		t.Error("the old root opens the new keys")
	}
}
