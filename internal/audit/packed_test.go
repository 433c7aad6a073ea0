package audit_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"doorward/internal/audit"
)

// pack compresses every segment of a copy but those that keep says to leave.
func pack(t *testing.T, dir string, keep func(i int) bool) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "audit-*.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	var packed []string
	for i, path := range all {
		if keep(i) {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, err = w.Write(text)
		if err := errors.Join(err, w.Close(), os.Remove(path)); err != nil {
			t.Fatal(err)
		}
		write(t, path+".gz", b.Bytes())
		packed = append(packed, path+".gz")
	}
	return packed
}

// DUR-18: a copy whose segments were compressed is verified as it is, offline and
// without a tree; whatever byte of it is changed or missing, that is found.
func TestDUR18_ACompressedCopyIsVerified(t *testing.T) {
	cfg := config(t.TempDir())
	cfg.SegmentBytes = 8 << 10
	fillLog(t, cfg, 40)
	whole := verify(t, cfg.Dir)
	saved, err := audit.ReadCheckpoint(filepath.Join(cfg.Dir, "checkpoint"))
	if err != nil {
		t.Fatal(err)
	}
	opt := audit.Options{Checkpoints: []audit.Checkpoint{saved}, Keys: []string{whole.Keys[0].Public}}
	for name, keep := range map[string]func(int) bool{
		"all of it": func(int) bool { return false }, "every other": func(i int) bool { return i%2 == 0 },
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "copy")
			if err := os.CopyFS(dir, os.DirFS(cfg.Dir)); err != nil {
				t.Fatal(err)
			}
			if err := os.Remove(filepath.Join(dir, "tree")); err != nil {
				t.Fatal(err)
			}
			packed := pack(t, dir, keep)
			rep, err := audit.Verify(t.Context(), dir, opt)
			if err != nil || rep.Records != whole.Records || rep.Segments != whole.Segments || rep.Root != whole.Root || rep.Bytes != whole.Bytes || rep.Elsewhere != saved.Size {
				t.Fatalf("%+v, %v, want %+v", rep, err, whole)
			}
			damaged(t, dir, packed[len(packed)/2], opt)
		})
	}
	// A gateway does not go on with a copy of this kind.
	dir := filepath.Join(t.TempDir(), "home", "audit")
	if err := os.CopyFS(dir, os.DirFS(cfg.Dir)); err != nil {
		t.Fatal(err)
	}
	pack(t, dir, func(int) bool { return false })
	if l, err := audit.Open(audit.Config{Dir: dir, KeyFile: cfg.KeyFile}); err == nil {
		t.Error(errors.Join(errors.New("a compressed log was opened to write"), l.Close()))
	}
}

// damaged changes, cuts and removes a compressed segment.
func damaged(t *testing.T, dir, path string, opt audit.Options) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	broken := func(what string) {
		t.Helper()
		_, err := audit.Verify(context.Background(), dir, opt)
		if _, ok := errors.AsType[*audit.Fault](err); !ok {
			t.Errorf("%s: %v, want a fault", what, err)
		}
	}
	// The header's bytes 3 to 9 say flags, time and system, and nothing of the content.
	for at := 10; at < len(text); at += len(text)/12 + 1 {
		changed := bytes.Clone(text)
		changed[at] ^= 0x11
		write(t, path, changed)
		broken("a byte was changed")
	}
	for _, cut := range []int{0, 5, len(text) / 2, len(text) - 1} {
		write(t, path, text[:cut])
		broken("it was cut")
	}
	write(t, path, append(bytes.Clone(text), "more"...))
	broken("there is more")
	write(t, path, text)
	in, err := gzip.NewReader(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(in)
	if err != nil {
		t.Fatal(err)
	}
	twin := strings.TrimSuffix(path, ".gz")
	write(t, twin, plain)
	broken("it is there twice")
	if err := os.Remove(twin); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	broken("it is gone")
	write(t, path, text)
	if _, err := audit.Verify(context.Background(), dir, opt); err != nil {
		t.Errorf("as it was: %v", err)
	}
}
