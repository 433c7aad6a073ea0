package secret

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"
)

// settled is how long a file must have been unchanged before what was read of
// it is kept: two changes within one tick of a file system's clock look like
// one. FAT's tick, the coarsest, is 2 s.
const settled = 2 * time.Second

// file is a secret in a file, and what was last read of it.
type file struct {
	path string
	shut fs.FileMode // permission bits that it must not have

	mu   sync.Mutex // guards the rest
	text string
	info fs.FileInfo // when text was read; nil: text is not to be kept
}

// read is the file's secret. It looks at the file each time, and reads it when
// that is another than last time. A file that is now missing, too open or
// somebody else's is refused even where nothing in it has changed.
func (f *file) read(_ string, fresh bool) (Reading, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now, err := os.Stat(f.path)
	if err == nil {
		err = f.trusted(now)
	}
	if err != nil {
		f.info = nil
		return Reading{}, plainly(err)
	}
	if f.info != nil && !fresh && os.SameFile(f.info, now) && f.info.Size() == now.Size() && f.info.ModTime().Equal(now.ModTime()) {
		return Reading{Text: f.text, Changed: now.ModTime()}, nil
	}
	f.info = nil
	text, info, err := f.load()
	if err != nil {
		return Reading{}, plainly(err)
	}
	f.text = text
	if time.Since(info.ModTime()) > settled {
		f.info = info
	}
	return Reading{Text: text, Changed: info.ModTime()}, nil
}

// load reads the file. What is checked is what is read: the checks are made on
// the open file.
func (f *file) load() (string, fs.FileInfo, error) {
	h, err := os.OpenFile(f.path, os.O_RDONLY|dontWait, 0)
	if err != nil {
		return "", nil, err
	}
	defer h.Close()
	info, err := h.Stat()
	if err != nil {
		return "", nil, err
	}
	if err := f.trusted(info); err != nil {
		return "", nil, err
	}
	data, err := io.ReadAll(io.LimitReader(h, MaxSize+1))
	if err != nil {
		return "", nil, err
	}
	if len(data) > MaxSize {
		return "", nil, fmt.Errorf("holds more than %d bytes", MaxSize)
	}
	text := strings.TrimSuffix(string(data), "\n")
	return strings.TrimSuffix(text, "\r"), info, nil
}

// trusted refuses what others may read or may have written. A link is looked at
// too: whoever owns it chooses what is read.
func (f *file) trusted(info fs.FileInfo) error {
	if !info.Mode().IsRegular() {
		return errors.New("is no regular file")
	}
	open := info.Mode().Perm() & f.shut
	if mounted(f.path) {
		open &= writable
	}
	if open != 0 {
		return fmt.Errorf("can be read by others (mode %04o): chmod 600 %s", info.Mode().Perm(), f.path)
	}
	if !ours(info) {
		return errors.New("belongs to another user: chown it to the user that Doorward runs as")
	}
	if link, err := os.Lstat(f.path); err != nil || !ours(link) {
		return errors.New("is a link that belongs to another user")
	}
	return nil
}

// writable are the permission bits that let others change a file.
const writable fs.FileMode = 0o022

// mounted tells whether the path is where container runtimes mount secrets. They
// make them readable by every user of the container, whose walls keep them.
func mounted(path string) bool {
	return strings.HasPrefix(path, "/run/secrets/") || strings.HasPrefix(path, "/var/run/secrets/")
}

// plainly is err without the path, which the caller writes.
func plainly(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: write it, readable by Doorward's own user alone", ErrAbsent)
	}
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("cannot be read: %w", at.Err)
	}
	return err
}
