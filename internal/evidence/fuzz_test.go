package evidence_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"doorward/internal/evidence"
)

// archived is an archive with one file of a name.
func archived(f *testing.F, name string, kind byte) []byte {
	f.Helper()
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	w := tar.NewWriter(zip)
	for range 2 { // a name twice
		if err := w.WriteHeader(&tar.Header{Name: name, Typeflag: kind, Mode: 0o600, Size: 1, ModTime: time.Unix(0, 0)}); err != nil {
			f.Fatal(err)
		}
		if _, err := w.Write([]byte("x")); err != nil {
			f.Fatal(err)
		}
	}
	if w.Close() != nil || zip.Close() != nil {
		f.Fatal("the archive cannot be made")
	}
	return out.Bytes()
}

// What is no bundle of ours never holds, writes nothing, and does not make the reader
// fail otherwise than with an error.
func FuzzOpenBundle(f *testing.F) {
	for _, name := range []string{"manifest.json", "../../etc/passwd", "/etc/passwd", "a/./b", ""} {
		f.Add(archived(f, name, tar.TypeReg))
	}
	key, err := note.NewVerifier("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		dir := t.TempDir()
		path := filepath.Join(dir, "x.tar.gz")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		b, err := evidence.Open(path)
		if err == nil && b.Verify([]note.Verifier{key}).OK {
			t.Error("it holds")
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
			t.Errorf("beside it are %v, %v", left, err)
		}
	})
}
