package durable_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"doorward/internal/durable"
)

// versions are the two contents that TestDUR32_KilledDuringASave writes in turn.
func versions() [2][]byte {
	return [2][]byte{bytes.Repeat([]byte("a"), 300_000), bytes.Repeat([]byte("b"), 200_000)}
}

// TestDUR32_KilledDuringASave kills a process again and again while it replaces a file. What is
// there is the old or the new content, never a part, and Drop leaves nothing beside it.
func TestDUR32_KilledDuringASave(t *testing.T) {
	const saves = "DOORWARD_SAVES" // the file that a child replaces until it is killed
	all := versions()
	if path := os.Getenv(saves); path != "" {
		for n := 0; ; n++ {
			if err := durable.Replace(path, all[n%2]); err != nil {
				t.Fatal(err)
			}
			_, _ = os.Stdout.Write([]byte{'.'})
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	cut := 0
	for n := range 12 {
		child := exec.Command(self, "-test.run", "^TestDUR32_KilledDuringASave$")
		child.Env = append(os.Environ(), saves+"="+path)
		out, err := child.StdoutPipe()
		if err == nil {
			err = child.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := out.Read(make([]byte, 1+n%3)); err != nil {
			t.Error(err)
		}
		_ = child.Process.Kill()
		_ = child.Wait() // it says that it was killed
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, all[0]) && !bytes.Equal(got, all[1]) {
			t.Errorf("after %d kills the file has %d bytes of neither content: %v", n+1, len(got), err)
		}
		if list, _ := os.ReadDir(dir); len(list) > 1 {
			cut++
		}
		durable.Drop(dir, "file")
		if list, err := os.ReadDir(dir); err != nil || len(list) != 1 {
			t.Errorf("left are %v, %v", list, err)
		}
	}
	t.Logf("%d of 12 kills came in the middle of a save", cut)
}
