package clients

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// What install leaves beside a client's file: what was there before, byte for
// byte, and a record of what install wrote.
const (
	backupSuffix = ".doorward-backup"
	recordSuffix = ".doorward-installed"
	maxBackups   = 99
	maxInstalls  = 1000 // in one file: Claude Code keeps every project in one
)

// installed is one install: Doorward below one root of a file.
type installed struct {
	Root     []string `json:"root"`
	Absent   bool     `json:"absent,omitempty"`   // there was no file
	Original string   `json:"original,omitempty"` // SHA-256 of the file before
	Written  string   `json:"written"`            // SHA-256 of what install wrote last
	Changed  bool     `json:"changed,omitempty"`  // the file was changed between two installs
	Backups  []string `json:"backups,omitempty"`  // names of files beside it, the oldest first
	Removed  []string `json:"removed,omitempty"`  // servers that install took out
}

// record is the file beside a client's file.
type record struct {
	Version  int         `json:"version"`
	Installs []installed `json:"installs"`

	path string
}

// readRecord reads the record of a client's file; a missing one is empty.
func readRecord(path string) (*record, error) {
	r := &record{Version: 1, path: path + recordSuffix}
	data, err := readFile(r.path)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data, r); err != nil || r.Version != 1 || len(r.Installs) > maxInstalls {
		return nil, fmt.Errorf("%s is not a record of doorward install: look at it, and at the backups beside it, and remove it", r.path)
	}
	for _, i := range r.Installs {
		for _, b := range i.Backups {
			if !strings.HasPrefix(b, filepath.Base(path)+backupSuffix) || b != filepath.Base(b) {
				return nil, fmt.Errorf("%s names a backup that install did not make: look at it and remove it", r.path)
			}
		}
	}
	return r, nil
}

// of is a copy of the install below root, nil when there is none.
func (r *record) of(root []string) *installed {
	for _, in := range r.Installs {
		if slices.Equal(in.Root, root) {
			return &in
		}
	}
	return nil
}

// put stores an install in place of an earlier one, or removes it when it is
// nil, and writes the record.
func (r *record) put(root []string, in *installed) error {
	r.Installs = slices.DeleteFunc(r.Installs, func(i installed) bool { return slices.Equal(i.Root, root) })
	if in != nil {
		r.Installs = append(r.Installs, *in)
	}
	if len(r.Installs) == 0 {
		if err := os.Remove(r.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return replace(r.path, append(data, '\n'), func(*os.File) error { return nil }) // a temporary file is 0600
}

// backUp keeps what a client's file holds, under a name that is free. An
// earlier backup is never written over.
func backUp(f *file) (string, error) {
	for i := 1; i <= maxBackups; i++ {
		name := f.path + backupSuffix
		if i > 1 {
			name = fmt.Sprintf("%s-%d", name, i)
		}
		b, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return "", err
		}
		_, err = b.Write(f.data)
		if err = errors.Join(err, b.Sync(), b.Close()); err != nil {
			return "", errors.Join(err, os.Remove(name))
		}
		syncDir(filepath.Dir(name))
		return filepath.Base(name), nil
	}
	return "", fmt.Errorf("there are %d backups of %s already: remove those that are not needed", maxBackups, f.path)
}
