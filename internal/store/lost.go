package store

import (
	"encoding/json"
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
	KeptKeys        Kept = keysName
	// KeptAlerts is the index of alerts that wait, which their deliverer keeps. It may be
	// gone: that is on record, and no reason not to start.
	KeptAlerts Kept = "alerts/index"
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
	var name, text string
	switch k {
	case KeptIncidents:
		name, text = incidentsLockName, fmt.Sprintf("{\"version\": %d, \"incidents\": []}\n", incidentsVersion)
	case KeptRevocations:
		name, text = revokedLockName, fmt.Sprintf("{\"version\": %d, \"revoked\": []}\n", revokedVersion)
	case KeptKeys:
		name, text = lockName, fmt.Sprintf("{\"version\": %d, \"keys\": []}\n", fileVersion)
	default:
		return fmt.Errorf("there is no list %q", string(k))
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

// Generation is how often the list in a data directory says that it was changed.
func (k Kept) Generation(dir string) (uint64, error) {
	path := filepath.Join(dir, string(k))
	content, _, err := readPrivate(path, maxIncidentsFile)
	if err != nil {
		return 0, err
	}
	var s stamp
	if err := json.Unmarshal(content, &s); err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	return s.Generation, nil
}
