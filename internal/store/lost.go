package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"doorward/internal/durable"
)

// A Kept names a list in the data directory that, once it is there, nothing removes.
type Kept string

// Those lists.
const (
	KeptIncidents   Kept = incidentsFileName
	KeptRevocations Kept = revokedFileName
)

// There tells whether the list is in a data directory. What cannot be looked at is an
// error.
func (k Kept) There(dir string) (bool, error) {
	_, err := os.Lstat(filepath.Join(dir, string(k)))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("looking for a list: %w", err)
	}
	return true, nil
}

// Begin makes an empty list where none is, and is an error where one is.
func (k Kept) Begin(dir string) (err error) {
	name, text := incidentsLockName, fmt.Sprintf("{\"version\": %d, \"incidents\": []}\n", incidentsVersion)
	if k == KeptRevocations {
		name, text = revokedLockName, fmt.Sprintf("{\"version\": %d, \"revoked\": []}\n", revokedVersion)
	}
	lock, err := lockFile(filepath.Join(dir, name))
	if err != nil {
		return fmt.Errorf("beginning %s anew: %w", k, err)
	}
	defer lock.Close()
	there, err := k.There(dir)
	switch {
	case err != nil:
		return err
	case there:
		return fmt.Errorf("%s is there: nothing of it is lost", filepath.Join(dir, string(k)))
	}
	if err := durable.Replace(filepath.Join(dir, string(k)), []byte(text)); err != nil {
		return fmt.Errorf("beginning %s anew: %w", k, err)
	}
	return nil
}
