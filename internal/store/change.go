package store

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"time"
)

// CreateOptions says what key to make.
type CreateOptions struct {
	Name    string // 1 to 64 printable characters; no live key may have it
	Roles   []string
	Expires time.Time // zero: never
	Signing bool      // requests can be signed with it
}

// Create makes a key. text is the key itself: it is shown to its owner now and
// nobody can ever show it again.
func (k *Keys) Create(opt CreateOptions) (text string, key Key, err error) {
	now := time.Now().UTC().Truncate(time.Second)
	if err := checkName("name", opt.Name); err != nil {
		return "", Key{}, fmt.Errorf("creating key: %w", err)
	}
	roles, err := checkRoles(opt.Roles)
	if err != nil {
		return "", Key{}, fmt.Errorf("creating key: %w", err)
	}
	opt.Expires = utc(opt.Expires)
	if !opt.Expires.IsZero() && !opt.Expires.After(now) {
		return "", Key{}, errors.New("creating key: it would have expired already")
	}
	text = newText()
	err = k.change(func(f *keysFile) error {
		if slices.ContainsFunc(f.Keys, func(r keyRecord) bool { return r.Name == opt.Name && r.live(now) }) {
			return ErrTaken
		}
		key, err = k.add(f, newKey{text, opt.Signing}, keyRecord{
			Name: opt.Name, Roles: roles, Created: now, Expires: opt.Expires,
		})
		return err
	})
	if err != nil {
		return "", Key{}, fmt.Errorf("creating key: %w", err)
	}
	return text, key, nil
}

// List returns every key, live or not, by name and then by age. Uses of the
// last minute may not show yet.
func (k *Keys) List() ([]Key, error) {
	f, _, err := k.read()
	if errors.Is(err, fs.ErrNotExist) && k.current.Load().info == nil {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("listing keys: %w", err)
	}
	all := make([]Key, 0, len(f.Keys))
	for i := range f.Keys {
		all = append(all, f.Keys[i].key())
	}
	slices.SortStableFunc(all, func(a, b Key) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), a.Created.Compare(b.Created))
	})
	return all, nil
}

// Rotate makes a new key with the name, roles and expiry of a live one, with a
// signing secret of its own if that one has one. The old
// one works for the overlap, and no longer than it would have anyway; with no
// overlap it is revoked at once.
func (k *Keys) Rotate(idOrName string, overlap time.Duration) (text string, key Key, err error) {
	if overlap < 0 {
		return "", Key{}, errors.New("rotating key: the overlap is negative")
	}
	now := time.Now().UTC().Truncate(time.Second)
	text = newText()
	err = k.change(func(f *keysFile) error {
		old := slices.IndexFunc(f.Keys, func(r keyRecord) bool {
			return (r.ID == idOrName || r.Name == idOrName) && r.RotatedTo == "" && r.live(now)
		})
		if old < 0 {
			return ErrNotFound
		}
		was := f.Keys[old]
		key, err = k.add(f, newKey{text, was.Signing != nil}, keyRecord{
			Name: was.Name, Roles: was.Roles, Created: now, Expires: was.Expires, RotatedFrom: was.ID,
		})
		if err != nil {
			return err
		}
		r := &f.Keys[old]
		r.RotatedTo = key.ID
		if until := now.Add(overlap); overlap == 0 {
			r.Revoked = now
		} else if r.Expires.IsZero() || until.Before(r.Expires) {
			r.Expires = until
		}
		return nil
	})
	if err != nil {
		return "", Key{}, fmt.Errorf("rotating key: %w", err)
	}
	return text, key, nil
}

// Revoke ends the key with this id, or every live key with this name: the one
// that a rotation still lets work, too.
func (k *Keys) Revoke(idOrName string) error {
	now := time.Now().UTC().Truncate(time.Second)
	err := k.change(func(f *keysFile) error {
		found := false
		for i := range f.Keys {
			r := &f.Keys[i]
			if (r.ID == idOrName || r.Name == idOrName) && r.live(now) {
				r.Revoked, found = now, true
			}
		}
		if !found {
			return ErrNotFound
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("revoking key: %w", err)
	}
	return nil
}

func (r *keyRecord) live(now time.Time) bool {
	k := r.key()
	return k.Live(now)
}

// newKey is what is known of a key while it is made.
type newKey struct {
	text    string
	signing bool
}

// add gives a record an id, a hash and a signing secret and appends it. Ids of old
// keys are never given again: the audit log names them.
func (k *Keys) add(f *keysFile, made newKey, r keyRecord) (Key, error) {
	if len(f.Keys) >= maxKeys {
		return Key{}, fmt.Errorf("there are %d keys already", maxKeys)
	}
	for r.ID == "" || slices.ContainsFunc(f.Keys, func(o keyRecord) bool { return o.ID == r.ID }) {
		r.ID = newID()
	}
	r.Hash = k.hashOf(made.text)
	if made.signing {
		r.Signing = k.sealed(r.ID, made.text)
	}
	f.Keys = append(f.Keys, r)
	return r.key(), nil
}

// change edits the file under the lock, and counts that.
func (k *Keys) change(edit func(*keysFile) error) error {
	return k.replace(func(f *keysFile) error {
		f.Generation++
		return edit(f)
	})
}

// replace edits the file under the lock: nobody's change is lost, and a reader
// sees the old file or the new one.
func (k *Keys) replace(edit func(*keysFile) error) error {
	lock, err := lockFile(filepath.Join(k.dir, lockName))
	if err != nil {
		return err
	}
	defer lock.Close()
	f, _, err := k.read()
	if errors.Is(err, fs.ErrNotExist) && k.current.Load().info == nil {
		f, err = &keysFile{}, nil
	}
	if err != nil {
		return err
	}
	if err := edit(f); err != nil {
		return err
	}
	return errors.Join(f.write(k.lineage), k.Reload())
}

func utc(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC().Truncate(time.Second)
}
