package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
	// KeptApprovals are counted in PostgreSQL alone.
	KeptApprovals Kept = approvalsFileName
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
	text, lock, err := k.locked(dir)
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

// GoOn goes on with the list that is there, which somebody has accepted is older than it was:
// it counts as changed once more than the ledger knows. So every process takes it that knows
// the newer one, and that does not come back. incidents is the key of incidents.
func (k Kept) GoOn(dir string, incidents [32]byte, ledger *Ledger) error {
	secret := incidents[:]
	if k != KeptIncidents {
		var err error
		if secret, err = openPepper(dir); err != nil {
			return fmt.Errorf("going on with %s: %w", k, err)
		}
	}
	of, err := newLineage(dir, k, secret, ledger)
	if err != nil {
		return fmt.Errorf("going on with %s: %w", k, err)
	}
	_, lock, err := k.locked(dir)
	if err == nil {
		defer lock.Close()
		err = of.goOn()
	}
	if err != nil {
		return fmt.Errorf("going on with %s: %w", k, err)
	}
	return nil
}

// locked takes the list's lock, and tells what an empty one is.
func (k Kept) locked(dir string) (empty string, lock io.Closer, err error) {
	var name string
	switch k {
	case KeptIncidents:
		name, empty = incidentsLockName, fmt.Sprintf("{\"version\": %d, \"incidents\": []}\n", incidentsVersion)
	case KeptRevocations:
		name, empty = revokedLockName, fmt.Sprintf("{\"version\": %d, \"revoked\": []}\n", revokedVersion)
	case KeptKeys:
		name, empty = lockName, fmt.Sprintf("{\"version\": %d, \"keys\": []}\n", fileVersion)
	default:
		return "", nil, fmt.Errorf("there is no list %q", string(k))
	}
	lock, err = lockFile(filepath.Join(dir, name))
	return empty, lock, err
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
