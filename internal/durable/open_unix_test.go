//go:build unix

package durable_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"doorward/internal/durable"
)

// A file is read up to its bound, and nothing else is.
func TestReadNamed(t *testing.T) {
	dir := t.TempDir()
	file, link, pipe := filepath.Join(dir, "file"), filepath.Join(dir, "link"), filepath.Join(dir, "pipe")
	for _, err := range []error{os.WriteFile(file, []byte("12345"), 0o600), os.Symlink(file, link), syscall.Mkfifo(pipe, 0o600)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct {
		path  string
		limit int64
		good  bool
	}{{file, 5, true}, {file, 6, true}, {file, 4, false}, {link, 5, true}, {pipe, 5, false}, {dir, 5, false}, {file + "s", 5, false}, {"/dev/zero", 5, false}} {
		got, err := durable.ReadNamed(tc.path, tc.limit)
		if (err == nil) != tc.good || tc.good && string(got) != "12345" || !tc.good && got != nil {
			t.Errorf("%s, %d bytes: %q, %v", tc.path, tc.limit, got, err)
		}
	}
}

// What is no file is refused, and a pipe is not waited for.
func TestOnlyAFileIsOpened(t *testing.T) {
	dir := t.TempDir()
	file, link, pipe := filepath.Join(dir, "file"), filepath.Join(dir, "link"), filepath.Join(dir, "pipe")
	for _, err := range []error{os.WriteFile(file, []byte("x"), 0o600), os.Symlink(file, link), syscall.Mkfifo(pipe, 0o600)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	read := func(path string) (*os.File, error) { return durable.Open(path, os.O_RDONLY) }
	write := func(path string) (*os.File, error) { return durable.Open(path, os.O_RDWR|os.O_CREATE) }
	for _, tc := range []struct {
		name string
		open func(string) (*os.File, error)
		path string
		want bool
	}{
		{"read a file", read, file, true},
		{"read a link", read, link, false},
		{"read a pipe", read, pipe, false},
		{"read a directory", read, dir, false},
		{"write a file", write, file, true},
		{"write a new file", write, file + ".new", true},
		{"write a link", write, link, false},
		{"write a pipe", write, pipe, false},
		{"named file", durable.OpenNamed, file, true},
		{"named link", durable.OpenNamed, link, true},
		{"named pipe", durable.OpenNamed, pipe, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f, err := tc.open(tc.path)
			if err == nil {
				err = f.Close()
				if !tc.want {
					t.Fatal("it is opened")
				}
			}
			if (err == nil) != tc.want {
				t.Errorf("got %v", err)
			}
		})
	}
}
