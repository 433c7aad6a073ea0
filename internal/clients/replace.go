package clients

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// file is a client's file as it was when it was read.
type file struct {
	path   string // as the client names it
	target string // what is written: path, or where its link leads
	data   []byte
	absent bool
	info   fs.FileInfo // nil when absent
}

// load reads a client's file. A link is followed; one that leads nowhere is an
// error.
func load(path string) (*file, error) {
	f := &file{path: path, target: path}
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		f.absent = true
		return f, nil
	}
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, fmt.Errorf("following %s: %w", path, err)
	}
	f.target = target
	if f.info, err = os.Stat(target); err != nil {
		return nil, err
	}
	f.data, err = readFile(target)
	return f, err
}

// linked is where the file's link leads, "" when it is none.
func (f *file) linked() string {
	if f.target == f.path {
		return ""
	}
	if dir, err := filepath.EvalSymlinks(filepath.Dir(f.path)); err == nil && filepath.Join(dir, filepath.Base(f.path)) == f.target {
		return "" // a directory above is a link, not the file
	}
	return f.target
}

// write puts data in the file's place, with its mode and owner, unless somebody
// has changed the file in the meantime.
func (f *file) write(data []byte) error {
	mode := fs.FileMode(0o600)
	if f.info != nil {
		mode = f.info.Mode().Perm()
	}
	return replace(f.target, data, func(tmp *os.File) error {
		if err := tmp.Chmod(mode); err != nil {
			return err
		}
		if f.info != nil {
			if err := keepOwner(tmp, f.info); err != nil {
				return err
			}
		}
		return f.unchanged()
	})
}

// unchanged is an error when the file is another than the one that was read.
func (f *file) unchanged() error {
	now, err := load(f.path)
	if err != nil {
		return err
	}
	if now.absent != f.absent || now.target != f.target || !bytes.Equal(now.data, f.data) {
		return fmt.Errorf("%s has been changed in this very moment; close the client and try again", f.path)
	}
	return nil
}

// replace writes a new file beside path and renames it into place: at no moment
// is there half a file. ready sees it before it is renamed.
func replace(path string, data []byte, ready func(*os.File) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(data)
	if err == nil {
		err = ready(f)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	syncDir(filepath.Dir(path))
	return nil
}

// syncDir makes a new name durable where the file system can; one that cannot
// sync a directory has no better answer.
func syncDir(dir string) {
	d, err := os.Open(dir)
	if err != nil {
		return
	}
	_ = d.Sync()
	d.Close()
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
