package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"doorward/internal/durable"
)

// The files in the data directory.
const (
	revokedFileName = "revoked.json"
	revokedLockName = "revoked.lock"
)

const (
	revokedVersion = 1
	maxRevokedFile = 64 << 20 // bytes; 100,000 usual entries are 25 MB
)

// revokedContent is the content of revoked.json.
type revokedContent struct {
	stamp
	Version int          `json:"version"`
	Revoked []Revocation `json:"revoked"`
}

// revokedFile keeps the list in revoked.json: replaced whole, by one at a time,
// as keys.json is.
type revokedFile struct {
	path, lock string
	lineage    *lineage
	info       fs.FileInfo // of what was read last; nil: look inside, whatever it looks like
	seen       bool        // there was a file, so that there must be one
}

// OpenFileRevocations opens the list in the data directory, which is made with
// 0700 when missing; nil makes a ledger for it alone. Other processes may add to it. A file that cannot be read is
// an error here; later it refuses everyone until it can be read again.
func OpenFileRevocations(dir string, ledger *Ledger, log *slog.Logger) (*Revocations, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	f := &revokedFile{path: filepath.Join(dir, revokedFileName), lock: filepath.Join(dir, revokedLockName)}
	if err := f.prepare(dir); err != nil {
		return nil, fmt.Errorf("opening revocations: %w", err)
	}
	secret, err := openPepper(dir)
	if err != nil {
		return nil, fmt.Errorf("opening revocations: %w", err)
	}
	if f.lineage, err = newLineage(dir, KeptRevocations, secret, ledger); err != nil {
		return nil, fmt.Errorf("opening revocations: %w", err)
	}
	blind, err := newBlinder(secret, blinding)
	if err != nil {
		return nil, fmt.Errorf("opening revocations: %w", err)
	}
	return openRevocations(context.Background(), &Revocations{from: f, blind: blind, strict: true, log: log}, lookFileEvery)
}

// prepare makes the directory, and removes what a crash left.
func (f *revokedFile) prepare(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	lock, err := lockFile(f.lock)
	if err != nil {
		return err
	}
	defer lock.Close()
	durable.Drop(dir, revokedFileName)
	return nil
}

func (f *revokedFile) read(_ context.Context, have revokedList) (revokedList, error) {
	info, err := os.Stat(f.path)
	switch {
	case err == nil && same(f.info, info) && f.info.Mode() == info.Mode():
		return have, nil
	case errors.Is(err, fs.ErrNotExist) && !f.seen && f.lineage.least() == 0:
		return have, nil // nobody has revoked anything yet
	}
	f.info = nil
	list, _, info, err := f.content()
	if err != nil {
		return nil, err
	}
	f.info, f.seen = info, true
	return list, nil
}

func (f *revokedFile) add(_ context.Context, r *Revocation) error {
	return f.edit(func(list revokedList) bool { return list.put(r) })
}

func (f *revokedFile) replace(_ context.Context, old, by *Revocation) error {
	return f.edit(func(list revokedList) bool {
		delete(list, old.name())
		list.put(by)
		return true
	})
}

// edit changes the file under the lock, without what has ended.
func (f *revokedFile) edit(change func(revokedList) bool) error {
	lock, err := lockFile(f.lock)
	if err != nil {
		return err
	}
	defer lock.Close()
	list, was, _, err := f.content()
	if errors.Is(err, fs.ErrNotExist) && !f.seen {
		list, err = revokedList{}, nil
	}
	if err != nil {
		return err
	}
	if !change(list) {
		return nil
	}
	live := list.live(time.Now())
	if len(live) > maxRevoked {
		return fmt.Errorf("%d revocations are in force already", maxRevoked)
	}
	c := revokedContent{stamp: stamp{MAC: noMAC, Generation: was + 1}, Version: revokedVersion, Revoked: live}
	content, err := json.Marshal(c, jsontext.WithIndent("  "))
	if err != nil {
		return err
	}
	if len(content) >= maxRevokedFile {
		return fmt.Errorf("%s would be larger than %d bytes", f.path, maxRevokedFile)
	}
	return f.lineage.write(append(content, '\n'), c.Generation)
}

// content reads and checks revoked.json, and tells its generation. A missing file is
// fs.ErrNotExist.
func (f *revokedFile) content() (revokedList, uint64, fs.FileInfo, error) {
	path, least := f.path, f.lineage.least()
	content, info, err := readPrivate(path, maxRevokedFile)
	if errors.Is(err, fs.ErrNotExist) {
		err = cmp.Or(f.lineage.absent(least), err)
	}
	if err != nil {
		return nil, 0, nil, err
	}
	var c revokedContent
	if err := json.Unmarshal(content, &c, json.RejectUnknownMembers(true)); err != nil {
		return nil, 0, nil, fmt.Errorf("%s: %w", path, err)
	}
	if c.Version != revokedVersion {
		return nil, 0, nil, fmt.Errorf("%s: version %d, this program knows version %d", path, c.Version, revokedVersion)
	}
	if len(c.Revoked) > maxRevoked {
		return nil, 0, nil, fmt.Errorf("%s: more than %d revocations", path, maxRevoked)
	}
	list := make(revokedList, len(c.Revoked))
	for i := range c.Revoked {
		r := &c.Revoked[i]
		if err := r.check(); err != nil {
			return nil, 0, nil, fmt.Errorf("%s: revocation %d: %w", path, i+1, err)
		}
		if _, doubled := list[r.name()]; doubled {
			return nil, 0, nil, fmt.Errorf("%s: revocation %d is doubled", path, i+1)
		}
		list[r.name()] = r
	}
	return list, c.Generation, info, f.lineage.admit(content, c.stamp, least)
}
