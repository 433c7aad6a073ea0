//go:build !windows

package durable

import (
	"errors"
	"os"
)

// SyncDir makes names that were made, changed or removed in a directory last.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
