package store

import (
	"bytes"
	"crypto/rand"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"doorward/internal/durable"
)

const (
	canariesName  = "canaries.json"
	canariesLock  = "canaries.lock"
	canaryVersion = 1
	// maxCanaries bounds how many are planted: each is looked for in every call.
	maxCanaries = 1000
	// Bounds of a value, in bytes. Shorter ones come up by chance.
	minCanary, maxCanary = 12, 512
)

// Canary is a value that nobody has a reason to send anywhere: who plants it
// where only a thief looks learns of the theft when it is on its way out.
type Canary struct {
	Name    string    `json:"name"`
	Value   string    `json:"value"`
	Created time.Time `json:"created"`
}

// Canaries keeps the planted values in the data directory, readable by the
// gateway's own user alone: they must be known to be recognised. Any number of
// goroutines may use it.
type Canaries struct {
	path, lock string
	mu         sync.Mutex
}

// canariesFile is the content of canaries.json.
type canariesFile struct {
	Version  int      `json:"version"`
	Canaries []Canary `json:"canaries"`
}

// OpenCanaries opens those in the data directory, which exists. A file that
// cannot be read is an error: what was planted would be missed.
func OpenCanaries(dir string) (*Canaries, error) {
	c := &Canaries{path: filepath.Join(dir, canariesName), lock: filepath.Join(dir, canariesLock)}
	if _, err := c.List(); err != nil {
		return nil, err
	}
	return c, nil
}

// Path is the file that they are kept in.
func (c *Canaries) Path() string { return c.path }

// List is every planted value, oldest first.
func (c *Canaries) List() ([]Canary, error) {
	content, _, err := readPrivate(c.path, maxCanaries*(maxCanary*2+1024))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading canaries: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(content))
	dec.DisallowUnknownFields()
	var f canariesFile
	if err := dec.Decode(&f); err != nil {
		return nil, fmt.Errorf("reading %s: %w", c.path, err)
	}
	if f.Version != canaryVersion || len(f.Canaries) > maxCanaries {
		return nil, fmt.Errorf("reading %s: version %d with %d canaries; this program knows version %d with at most %d", c.path, f.Version, len(f.Canaries), canaryVersion, maxCanaries)
	}
	names := make(map[string]string, len(f.Canaries))
	for _, one := range f.Canaries {
		if err := checkCanary(one.Name, one.Value, names); err != nil {
			return nil, fmt.Errorf("reading %s: %w", c.path, err)
		}
		names[one.Name] = one.Value
	}
	return f.Canaries, nil
}

// Plant keeps a value under a name, and makes one when it is empty.
func (c *Canaries) Plant(name, value string) (Canary, error) {
	if value == "" {
		var err error
		if value, err = newCanary(); err != nil {
			return Canary{}, err
		}
	}
	made := Canary{Name: name, Value: value, Created: time.Now().UTC().Truncate(time.Second)}
	err := c.change(func(all []Canary) ([]Canary, error) {
		there := make(map[string]string, len(all))
		for _, one := range all {
			there[one.Name] = one.Value
		}
		if err := checkCanary(name, value, there); err != nil {
			return nil, err
		}
		if len(all) >= maxCanaries {
			return nil, fmt.Errorf("%d canaries are planted already", maxCanaries)
		}
		return append(all, made), nil
	})
	return made, err
}

// Remove forgets a value.
func (c *Canaries) Remove(name string) error {
	return c.change(func(all []Canary) ([]Canary, error) {
		for i := range all {
			if all[i].Name == name {
				return append(all[:i:i], all[i+1:]...), nil
			}
		}
		return nil, fmt.Errorf("there is no canary %q", name)
	})
}

func (c *Canaries) change(edit func([]Canary) ([]Canary, error)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	lock, err := lockFile(c.lock)
	if err != nil {
		return err
	}
	defer lock.Close()
	all, err := c.List()
	if err != nil {
		return err
	}
	if all, err = edit(all); err != nil {
		return err
	}
	content, err := json.MarshalIndent(canariesFile{canaryVersion, all}, "", "  ")
	if err != nil {
		return fmt.Errorf("writing canaries: %w", err)
	}
	if err := durable.Replace(c.path, append(content, '\n')); err != nil {
		return fmt.Errorf("writing canaries: %w", err)
	}
	return nil
}

func checkCanary(name, value string, there map[string]string) error {
	if err := checkName("canary's name", name); err != nil {
		return err
	}
	if len(value) < minCanary || len(value) > maxCanary || strings.TrimSpace(value) != value {
		return fmt.Errorf("canary %s: a value has %d to %d bytes and no space around it", name, minCanary, maxCanary)
	}
	if _, ok := there[name]; ok {
		return fmt.Errorf("there is a canary %q already", name)
	}
	return nil
}

// newCanary is 160 random bits that look like a token.
func newCanary() (string, error) {
	var b [20]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", fmt.Errorf("making a canary: %w", err)
	}
	return "tok_" + strings.ToLower(base32.StdEncoding.EncodeToString(b[:])), nil
}
