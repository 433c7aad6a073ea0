//go:build unix

package durable_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"doorward/internal/durable"
)

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
