package durable

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// Open opens a file of Doorward's own, as os.OpenFile does with mode 0600. A link, a
// pipe, a device or a directory in its place is an error, and none of them is waited for.
func Open(path string, flag int) (*os.File, error) { return regular(path, flag|noFollow) }

// OpenNamed opens a file to read that somebody has named, and who may name a link to it.
// Anything but a file is an error, and is not waited for.
func OpenNamed(path string) (*os.File, error) { return regular(path, os.O_RDONLY) }

// ReadNamed reads a file that somebody has named, as OpenNamed opens it, of at most limit
// bytes; a longer one is an error.
func ReadNamed(path string, limit int64) ([]byte, error) {
	f, err := OpenNamed(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(content)) > limit {
		err = fmt.Errorf("%s is larger than %d bytes", path, limit)
	}
	if err != nil {
		return nil, err
	}
	return content, nil
}

func regular(path string, flag int) (*os.File, error) {
	f, err := os.OpenFile(path, flag|nonBlocking, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no regular file", path)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
