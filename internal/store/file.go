package store

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"doorward/internal/durable"
)

// The files in the data directory.
const (
	keysName   = "keys.json"
	pepperName = "keys.pepper"
	lockName   = "keys.lock"
)

// The versions of keys.json: 2 has signing secrets. A file of version 1 is read,
// and written as the newer one.
const (
	firstVersion = 1
	fileVersion  = 2
)

// keysFile is the content of keys.json.
type keysFile struct {
	stamp
	Version int         `json:"version"`
	Keys    []keyRecord `json:"keys"`
}

// keyRecord is one key in the file. It holds no secret that opens anything
// without the pepper, and none that gives the key back with it.
type keyRecord struct {
	ID          string    `json:"id"`
	Name        string    `json:"name"`
	Roles       []string  `json:"roles"`
	Hash        digest    `json:"hash"` // HMAC-SHA256 of the text with the pepper
	Created     time.Time `json:"created"`
	Expires     time.Time `json:"expires,omitzero"`
	Revoked     time.Time `json:"revoked,omitzero"`
	LastUsed    time.Time `json:"last_used,omitzero"`
	RotatedFrom string    `json:"rotated_from,omitempty"`
	RotatedTo   string    `json:"rotated_to,omitempty"`
	Signing     *seal     `json:"signing,omitempty"` // nil: no request can be signed with it

	secret *[sha256.Size]byte // what Signing holds, once it was opened
}

func (r *keyRecord) key() Key {
	return Key{
		ID: r.ID, Name: r.Name, Roles: r.Roles, Created: r.Created, Expires: r.Expires,
		Revoked: r.Revoked, LastUsed: r.LastUsed, RotatedFrom: r.RotatedFrom, RotatedTo: r.RotatedTo,
		Signing: r.Signing != nil,
	}
}

// readKeys reads and checks keys.json. A missing file is fs.ErrNotExist.
func readKeys(of *lineage) (*keysFile, fs.FileInfo, error) {
	path, least := of.path, of.least()
	content, info, err := readPrivate(path, maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		err = cmp.Or(of.absent(least), err)
	}
	if err != nil {
		return nil, nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(content))
	dec.DisallowUnknownFields()
	var f keysFile
	if err := dec.Decode(&f); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, nil, fmt.Errorf("%s: bytes after the end", path)
	}
	if err := f.check(); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return &f, info, of.admit(content, f.stamp, least)
}

func (f *keysFile) check() error {
	if f.Version < firstVersion || f.Version > fileVersion {
		return fmt.Errorf("version %d, this program knows versions %d to %d", f.Version, firstVersion, fileVersion)
	}
	if len(f.Keys) > maxKeys {
		return fmt.Errorf("more than %d keys", maxKeys)
	}
	ids := make(map[string]bool, len(f.Keys))
	hashes := make(map[digest]bool, len(f.Keys))
	for i := range f.Keys {
		k := &f.Keys[i]
		if err := checkName("name", k.Name); err != nil {
			return fmt.Errorf("key %d: %w", i+1, err)
		}
		roles, err := checkRoles(k.Roles)
		if err != nil {
			return fmt.Errorf("key %d: %w", i+1, err)
		}
		k.Roles = roles
		if len(k.ID) != len(idPrefix)+idSize || ids[k.ID] || hashes[k.Hash] || k.Hash == (digest{}) || k.Created.IsZero() {
			return fmt.Errorf("key %d: id, hash or time of creation is missing, wrong or doubled", i+1)
		}
		if k.Signing != nil && f.Version == firstVersion {
			return fmt.Errorf("key %d: a signing secret, and version %d has none", i+1, firstVersion)
		}
		ids[k.ID], hashes[k.Hash] = true, true
	}
	return nil
}

func (f *keysFile) write(of *lineage) error {
	f.Version, f.MAC = fileVersion, noMAC
	content, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	return of.write(append(content, '\n'), f.Generation)
}

// readPrivate reads a file of at most limit bytes that only its owner can read.
func readPrivate(path string, limit int64) ([]byte, fs.FileInfo, error) {
	f, err := durable.OpenNamed(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	if open := info.Mode().Perm() & openTo; open != 0 {
		return nil, nil, fmt.Errorf("%s has mode %#o: others can read or change it; chmod 600", path, info.Mode().Perm())
	}
	content, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(content)) > limit {
		err = fmt.Errorf("%s is larger than %d bytes", path, limit)
	}
	return content, info, err
}

// pepper reads the key of the hashes, or makes it where there are no keys yet.
// With keys or approvals and without it nothing could be judged, and a new one
// would make every one unknown.
func pepper(dir string) ([]byte, error) {
	path := filepath.Join(dir, pepperName)
	content, _, err := readPrivate(path, secretSize)
	switch {
	case err == nil && len(content) == secretSize && bytes.Count(content, content[:1]) < secretSize/2:
		return content, nil
	case err == nil && len(content) == secretSize:
		return nil, fmt.Errorf("%s is not random: restore it, or remove it with %s and create new keys", path, keysName)
	case err == nil:
		return nil, fmt.Errorf("%s does not hold %d bytes", path, secretSize)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	if _, err := os.Lstat(filepath.Join(dir, keysName)); !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is missing, and %s exists: restore it, or remove both and create new keys", path, keysName)
	}
	if _, err := os.Lstat(filepath.Join(dir, approvalsFileName)); !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is missing, and %s is sealed with it: restore it, or remove %s too", path, approvalsFileName, approvalsFileName)
	}
	content = make([]byte, secretSize)
	_, _ = rand.Read(content)
	return content, durable.Replace(path, content)
}
