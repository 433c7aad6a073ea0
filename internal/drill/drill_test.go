package drill_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"doorward/internal/drill"
)

// A7: from the attack to the closed incident everything happens, in time, and nothing
// is left.
func TestA7Drill(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	keep := filepath.Join(t.TempDir(), "kept")
	var out bytes.Buffer
	res, err := drill.Run(t.Context(), drill.Options{Out: &out, Log: io.Discard, Version: "test", Keep: keep})
	if err != nil || !res.OK || len(res.Steps) != 4*8+1+2 {
		t.Errorf("%d steps, %v:\n%s", len(res.Steps), err, out.String())
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	kept, err := os.ReadDir(keep)
	if err != nil || len(kept) != 8 {
		t.Errorf("kept: %v, %v", kept, err)
	}
	for _, f := range kept {
		if text, err := os.ReadFile(filepath.Join(keep, f.Name())); err != nil || strings.Contains(string(text), "mallory") {
			t.Errorf("%s names somebody: %v", f.Name(), err)
		}
	}
	if _, err := drill.Run(t.Context(), drill.Options{Log: io.Discard, Keep: keep}); err == nil {
		t.Error("it wrote where there was something already")
	}
}
