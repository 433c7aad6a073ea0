package store

import (
	"crypto/hmac"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"doorward/internal/envelope"
)

// Bounds of what Secrets hold.
const (
	maxSecrets     = 1000
	maxSecretText  = 64 << 10 // bytes of one secret
	maxSecretsFile = 16 << 20 // bytes
	maxOverlap     = 30 * 24 * time.Hour
)

// secretsSettled is how long the file must have been unchanged before what was read of it
// is kept. FAT's tick, the coarsest, is 2 s.
const secretsSettled = 2 * time.Second

// ErrNoSecret is the error of a name under which nothing is kept.
var ErrNoSecret = errors.New("the encrypted store has no secret of this name: doorward secret set NAME")

// SecretVersion is one value that a secret has or had.
type SecretVersion struct {
	Text    string
	Created time.Time
	Ends    time.Time // until when it counts beside the one that replaced it; zero of the newest
}

// SecretEntry is a secret as people may see it: never its value.
type SecretEntry struct {
	Name    string
	Created time.Time // of the newest version
	Overlap time.Time // until when the version before counts too; zero: not any more
}

// Secrets are credentials that an operator gave Doorward to keep: each version with a
// key of its own (AES-256-GCM), that key under a root key, all of it in one file in the
// data directory. A change by another process counts from the next Read on. Any number
// of goroutines may use it; it holds nothing that must be closed.
type Secrets struct {
	path, lock string
	root       SecretsRoot

	changing sync.Mutex    // one change at a time
	loading  sync.Mutex    // one load at a time; guards fault
	loads    atomic.Uint64 // that have begun
	fault    error         // of the last one

	mu    sync.Mutex                 // guards the rest, and is never held while something is read or asked
	known map[string][]SecretVersion // never changed, but replaced
	info  fs.FileInfo                // of the file that known was read from; nil: read it again
}

// OpenSecrets are those in a data directory. Nothing is read yet: a gateway that keeps no
// secret here needs no root key.
func OpenSecrets(dir string, root SecretsRoot) *Secrets {
	return &Secrets{path: filepath.Join(dir, secretsName), lock: filepath.Join(dir, secretsLock), root: root}
}

// Read is a secret as it is now, and the version before while that still counts: its Ends
// is zero when it does not.
func (s *Secrets) Read(name string) (now, before SecretVersion, err error) {
	known, err := s.now()
	if err != nil {
		return now, before, err
	}
	all := known[name]
	if len(all) == 0 {
		return now, before, ErrNoSecret
	}
	if len(all) > 1 && time.Now().Before(all[1].Ends) {
		before = all[1]
	}
	return all[0], before, nil
}

// now is what the file has. It is read when it is another than the last time; those who want
// that at the same time read it once, and nobody waits for them who finds it as it was.
func (s *Secrets) now() (map[string][]SecretVersion, error) {
	before := s.loads.Load()
	if known, ok := s.unchanged(); ok {
		return known, nil
	}
	s.loading.Lock()
	defer s.loading.Unlock()
	if s.loads.Load() > before { // one that began later than this was asked
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.known, s.fault
	}
	s.loads.Add(1)
	known, info, err := s.load()
	s.fault = err
	if err != nil || info != nil && time.Since(info.ModTime()) <= secretsSettled {
		info = nil
	}
	s.keep(known, info)
	return known, err
}

// unchanged is what was read of the file, where it is still the same.
func (s *Secrets) unchanged() (map[string][]SecretVersion, bool) {
	now, err := os.Stat(s.path)
	s.mu.Lock()
	defer s.mu.Unlock()
	same := err == nil && s.info != nil && os.SameFile(s.info, now) && s.info.Size() == now.Size() && s.info.ModTime().Equal(now.ModTime())
	return s.known, same
}

func (s *Secrets) keep(known map[string][]SecretVersion, info fs.FileInfo) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known, s.info = known, info
}

// load reads and opens the file; one that is missing has nothing. The root key may be replaced between the reading of one
// and the other, by another process: then both are read again.
func (s *Secrets) load() (known map[string][]SecretVersion, info fs.FileInfo, err error) {
	const tries = 3
	for range tries {
		var f *secretsFile
		f, info, err = readSecrets(s.path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, nil, nil
		case err != nil:
			return nil, nil, err
		}
		var root Wrapper
		if root, err = s.root.Now(false); err != nil {
			return nil, nil, fmt.Errorf("reading secrets: %w", err)
		}
		if known, err = f.open(root); err == nil {
			return known, info, nil
		}
	}
	return nil, nil, fmt.Errorf("reading %s: %w", s.path, err)
}

// List is what is kept, by name.
func (s *Secrets) List() ([]SecretEntry, error) {
	known, err := s.now()
	if err != nil {
		return nil, err
	}
	out := make([]SecretEntry, 0, len(known))
	for name, all := range known {
		one := SecretEntry{Name: name, Created: all[0].Created}
		if len(all) > 1 && time.Now().Before(all[1].Ends) {
			one.Overlap = all[1].Ends
		}
		out = append(out, one)
	}
	slices.SortFunc(out, func(a, b SecretEntry) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// Set keeps a new version of a secret. The one before counts beside it for overlap; zero:
// it is gone at once. What it was before that is forgotten.
func (s *Secrets) Set(name, text string, overlap time.Duration) error {
	switch {
	case checkName("secret's name", name) != nil:
		return checkName("secret's name", name)
	case text == "" || len(text) > maxSecretText || strings.ContainsRune(text, 0):
		return fmt.Errorf("a secret has 1 to %d bytes, none of them zero", maxSecretText)
	case overlap < 0 || overlap > maxOverlap:
		return fmt.Errorf("two versions overlap by at most %s", maxOverlap)
	}
	return s.change(func(f *secretsFile, root Wrapper) error {
		known, err := f.texts(root)
		if err != nil {
			return err
		}
		before := known[name]
		if len(before) > 0 && hmac.Equal([]byte(before[0].Text), []byte(text)) {
			return errors.New("it has this value already")
		}
		if len(before) == 0 && len(f.Secrets) >= maxSecrets {
			return fmt.Errorf("there are %d secrets already", maxSecrets)
		}
		now := time.Now().UTC()
		made, err := sealVersion(root, name, text, now)
		if err != nil {
			return err
		}
		at := f.entry(name)
		versions := []sealedVersion{made}
		if old := at.Versions; len(old) > 0 && overlap > 0 {
			old[0].Ends = now.Add(overlap)
			versions = append(versions, old[0])
		}
		at.Versions = versions
		return nil
	})
}

// Remove forgets a secret.
func (s *Secrets) Remove(name string) error {
	return s.change(func(f *secretsFile, _ Wrapper) error {
		before := len(f.Secrets)
		f.Secrets = slices.DeleteFunc(f.Secrets, func(e sealedSecret) bool { return e.Name == name })
		if len(f.Secrets) == before {
			return ErrNoSecret
		}
		return nil
	})
}

// ReplaceRoot takes a new root key and seals the keys of all secrets under it, while they
// are read. count is how many secrets. After a crash another ReplaceRoot ends it; until
// then both keys open.
func (s *Secrets) ReplaceRoot() (count int, err error) {
	err = s.locked(func() error {
		return s.root.Replace(func(root Wrapper) error {
			f, _, err := readSecrets(s.path)
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil {
				return err
			}
			if err := f.check(root); err != nil {
				return err
			}
			count = len(f.Secrets)
			if err := f.rewrap(root); err != nil {
				return err
			}
			return f.write(s.path, root)
		})
	})
	return count, err
}

// change edits the file.
func (s *Secrets) change(edit func(f *secretsFile, root Wrapper) error) error {
	return s.locked(func() error {
		f, _, err := readSecrets(s.path)
		fresh := errors.Is(err, fs.ErrNotExist)
		if err != nil && !fresh {
			return err
		}
		root, err := s.root.Now(fresh)
		if err != nil {
			return err
		}
		if fresh {
			f, err = newSecretsFile(root)
		} else {
			err = f.check(root)
		}
		if err == nil {
			err = edit(f, root)
		}
		if err != nil {
			return err
		}
		return f.write(s.path, root)
	})
}

// stale has the file read again.
func (s *Secrets) stale() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.info = nil
}

// locked lets one process at a time change the file.
func (s *Secrets) locked(do func() error) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	lock, err := lockFile(s.lock)
	if err != nil {
		return fmt.Errorf("locking secrets: %w", err)
	}
	defer lock.Close()
	defer s.stale()
	if err := do(); err != nil {
		return fmt.Errorf("changing secrets: %w", err)
	}
	return nil
}

var _ Wrapper = envelope.Root{}
