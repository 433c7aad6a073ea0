package embedded_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"doorward/internal/docs"
	"doorward/internal/docs/embedded"
)

// writerWord is the argument that makes this binary a writer at a path, which waits for
// the end of its input.
const writerWord = "write-to"

func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == writerWord {
		w, err := embedded.New(os.Args[2]).Begin(context.Background(), description(4))
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println("writing")
		_, _ = bufio.NewReader(os.Stdin).ReadByte()
		_ = w.Close()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func description(dimensions int) docs.Description {
	return docs.Description{Embedder: "lexical", Model: "words-1", Dimensions: dimensions, Metric: docs.Metric, Chunker: "text 1"}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestB1_ReadingMakesNoFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	x := embedded.New(filepath.Join(dir, "docs.db"))
	_, err := x.State(t.Context())
	if !errors.Is(err, docs.ErrEmpty) {
		t.Errorf("the state: %v", err)
	}
	if _, err := x.Open(t.Context()); !errors.Is(err, docs.ErrEmpty) {
		t.Errorf("going on: %v", err)
	}
	if made, err := os.ReadDir(dir); err != nil || len(made) > 0 {
		t.Errorf("there is %v, %v", made, err)
	}
}

func TestB1_FileIsItsUsersAlone(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "made")
	path := filepath.Join(dir, "docs.db")
	x := embedded.New(path)
	w, err := x.Begin(t.Context(), description(4))
	must(t, err)
	must(t, w.Finish(t.Context(), description(4)))
	for name, want := range map[string]fs.FileMode{dir: 0o700 | fs.ModeDir, path: 0o600, path + "-wal": 0o600, path + ".writer": 0o600} {
		info, err := os.Stat(name)
		must(t, err)
		if info.Mode() != want {
			t.Errorf("%s is %v, want %v", name, info.Mode(), want)
		}
	}
	must(t, w.Close())
	must(t, x.Close())
}

// TestB1_OtherProcessWrites: the turn is one for all processes, and ends with its own.
func TestB1_OtherProcessWrites(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "docs.db")
	self, err := os.Executable()
	must(t, err)
	other := exec.CommandContext(t.Context(), self, writerWord, path)
	in, err := other.StdinPipe()
	must(t, err)
	defer func() { _ = in.Close() }()
	out, err := other.StdoutPipe()
	must(t, err)
	must(t, other.Start())
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "writing\n" {
		t.Fatalf("the other process says %q, %v", line, err)
	}
	x := embedded.New(path)
	if _, err := x.Begin(t.Context(), description(4)); !errors.Is(err, docs.ErrBusy) {
		t.Errorf("beside another process: %v", err)
	}
	must(t, other.Process.Kill())
	_ = other.Wait() // it was killed
	w, err := x.Begin(t.Context(), description(4))
	must(t, err)
	must(t, w.Close())
	must(t, x.Close())
}

// TestB1_ForeignFile: a file of somebody else's is refused, and stays as it is.
func TestB1_ForeignFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "docs.db")
	text := bytes.Repeat([]byte("somebody else's text "), 500)
	must(t, os.WriteFile(path, text, 0o600))
	x := embedded.New(path)
	if _, err := x.State(t.Context()); err == nil || errors.Is(err, docs.ErrEmpty) {
		t.Errorf("the state: %v", err)
	}
	if _, err := x.Begin(t.Context(), description(4)); err == nil {
		t.Error("a generation is begun in it")
	}
	if kept, err := os.ReadFile(path); err != nil || !bytes.Equal(kept, text) {
		t.Errorf("it was changed: %v", err)
	}
	link := embedded.New(filepath.Join(dir, "link"))
	must(t, os.Symlink(path, filepath.Join(dir, "link")))
	if _, err := link.Begin(t.Context(), description(4)); err == nil {
		t.Error("a link is followed")
	}
}

// TestB1_FileIsReplaced: a reader finds the file that is there now.
func TestB1_FileIsReplaced(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "docs.db")
	x := embedded.New(path)
	make1 := func() string {
		w, err := embedded.New(path).Begin(t.Context(), description(4))
		must(t, err)
		must(t, w.Finish(t.Context(), description(4)))
		must(t, w.Close())
		state, err := x.State(t.Context())
		must(t, err)
		return state.Generation
	}
	first := make1()
	ask, end, err := x.Reads(t.Context()) // a call that takes its time
	must(t, err)
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	if _, err := x.State(t.Context()); !errors.Is(err, docs.ErrEmpty) {
		t.Errorf("without a file: %v", err)
	}
	if second := make1(); second == first {
		t.Error("the generation of a new file is the old one")
	}
	must(t, ask()) // it reads on from the file that it began with
	end()
	if err := ask(); err == nil {
		t.Error("the old file is open, though nobody reads from it")
	}
	ask, end, err = x.Reads(t.Context())
	must(t, err)
	must(t, x.Close())
	must(t, ask())
	end()
	if err := ask(); err == nil {
		t.Error("the file is open, though the index was closed")
	}
}
