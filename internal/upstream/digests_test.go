package upstream

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"doorward/internal/sandbox"
)

// SBX-28: a digest is not taken within the tick of the clock in which the file was written: what
// is written in the rest of that tick would be the same file. The tick is the longest of Linux.
func TestSBX28_WrittenWithinOneTick(t *testing.T) {
	const tick = 10 * time.Millisecond
	dir := filepath.Join(t.TempDir(), "node_modules", "x")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(dir, "index.js")
	for what, digest := range map[string]func() error{
		"a file":    func() error { _, err := (&digests{}).of(script); return err },
		"a package": func() error { _, _, err := (&packages{}).of(script, nil); return err },
	} {
		for name, text := range map[string]string{"index.js": "good()", "package.json": `{"name":"x","version":"1"}`} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		err := digest()
		is, lookErr := sandbox.Look(script)
		if err != nil || lookErr != nil {
			t.Fatal(err, lookErr)
		}
		if age := time.Since(time.Unix(0, is.Changed)); age < tick {
			t.Errorf("%s: its digest was there %v after it was written", what, age)
		}
	}
}
