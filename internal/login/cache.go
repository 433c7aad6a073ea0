package login

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"doorward/internal/durable"
)

// Bounds of what is kept.
const (
	maxEntry   = 512 << 10 // bytes of a file
	maxEntries = 1000      // files
)

// directory is where logins are kept, a file each.
type directory string

// openDir makes the directory, or finds it. It must be its owner's alone.
func openDir(path string) (directory, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return "", fmt.Errorf("making the directory for tokens: %w", err)
	}
	info, err := os.Lstat(path)
	if err != nil {
		return "", fmt.Errorf("looking at the directory for tokens: %w", err)
	}
	if !info.IsDir() {
		return "", fmt.Errorf("%s is no directory", path)
	}
	if err := ownersAlone(info); err != nil {
		return "", fmt.Errorf("%s %w: chmod 700 %s", path, err, path)
	}
	return directory(path), nil
}

func (d directory) path(name string) string { return filepath.Join(string(d), name) }

// find returns the logins that pass the test, the newest sign-in first. One that cannot
// be trusted is an error: it may be the one that is looked for.
func (d directory) find(test func(*entry) bool) ([]*entry, error) {
	files, err := os.ReadDir(string(d))
	if err != nil {
		return nil, fmt.Errorf("looking for logins: %w", err)
	}
	if len(files) > 2*maxEntries { // each has a lock beside it
		return nil, fmt.Errorf("%s holds more than %d logins: remove the files that are not needed", d, maxEntries)
	}
	var found []*entry
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), entrySuffix) || strings.HasPrefix(f.Name(), ".") {
			continue
		}
		e, err := d.read(f.Name())
		if errors.Is(err, fs.ErrNotExist) {
			continue // somebody forgot it in the meantime
		}
		if err != nil {
			return nil, err
		}
		if test(e) {
			found = append(found, e)
		}
	}
	slices.SortStableFunc(found, func(a, b *entry) int { return b.Since.Compare(a.Since) })
	return found, nil
}

// read reads one login.
func (d directory) read(name string) (*entry, error) {
	text, err := readPrivate(d.path(name), maxEntry)
	if err != nil {
		return nil, fmt.Errorf("reading a login: %w", err)
	}
	e, err := readEntry([]byte(text))
	if err == nil && e.name() != name {
		err = errors.New("is not the login that its name says")
	}
	if err != nil {
		return nil, fmt.Errorf("reading a login: %s %w: remove it and sign in again", d.path(name), err)
	}
	return e, nil
}

// write writes a login whole, in the place of the one before. Its lock is held.
func (d directory) write(e *entry) error {
	content, err := json.Marshal(e, jsontext.WithIndent("  "))
	if err == nil {
		err = durable.Replace(d.path(e.name()), append(content, '\n'))
	}
	if err != nil {
		return fmt.Errorf("keeping the login: %w", err)
	}
	return nil
}

// keep is write for who does not hold the lock yet.
func (d directory) keep(ctx context.Context, e *entry) error {
	unlock, err := d.lock(ctx, e.name())
	if err != nil {
		return err
	}
	defer unlock()
	return d.write(e)
}

// drop removes a login.
func (d directory) drop(ctx context.Context, e *entry) error {
	unlock, err := d.lock(ctx, e.name())
	if err != nil {
		return err
	}
	defer unlock()
	return d.remove(e)
}

// remove is drop for who holds the lock.
func (d directory) remove(e *entry) error {
	if err := os.Remove(d.path(e.name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forgetting the login: %w", err)
	}
	return nil
}

// lockPause is how long a process waits before it tries a lock again.
const lockPause = 50 * time.Millisecond

// lock waits until nobody else, in this process or another, works on the login.
// The system drops the lock with the process that holds it; the file stays.
func (d directory) lock(ctx context.Context, name string) (unlock func(), err error) {
	path := d.path(strings.TrimSuffix(name, entrySuffix) + ".lock")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|noFollow, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking the login: %w", err)
	}
	for {
		taken, err := tryLock(f)
		if err == nil && taken {
			return func() { f.Close() }, nil
		}
		if err == nil {
			err = pause(ctx, lockPause)
		}
		if err != nil {
			f.Close()
			return nil, fmt.Errorf("locking the login: %w", err)
		}
	}
}

// readPrivate reads a file of at most limit bytes that its owner alone may read.
// The error names the file and quotes nothing of it.
func readPrivate(path string, limit int64) (string, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|noFollow|dontWait, 0)
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat() // what is checked is what is read
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s is no regular file", path)
	}
	if err := ownersAlone(info); err != nil {
		return "", fmt.Errorf("%s %w: chmod 600 %s", path, err, path)
	}
	content, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return "", err
	}
	if int64(len(content)) > limit {
		return "", fmt.Errorf("%s is larger than %d bytes", path, limit)
	}
	return string(content), nil
}
