package store

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"doorward/internal/durable"
)

const (
	holdsName   = "holds.json"
	holdsLock   = "holds.lock" // of who writes the file
	holdsTurn   = "holds.turn" // of who has the turn
	holdsNext   = "holds.next" // and of who has it next
	holdVersion = 1
	holdPrefix  = "h_"
	// maxHolds bounds how many there are, and maxHoldKeys the keys of one.
	maxHolds    = 1000
	maxHoldKeys = 10_000
	maxReason   = 256 // bytes
)

// ErrNoHold means that a hold is not there.
var ErrNoHold = errors.New("there is no such hold")

// Hold is a legal hold: records of a person, or of a time, are neither pruned nor
// made unreadable as long as it lasts.
type Hold struct {
	ID string `json:"id"`
	// Keys are those of the person in the audit log, hexadecimal. They name nobody.
	Keys []string `json:"keys,omitempty"`
	// Subject is the person's name, where the log has it in clear, too.
	Subject string `json:"subject,omitempty"`
	// Since and Until are the time, the first of it and the first after it.
	Since   time.Time `json:"since,omitzero"`
	Until   time.Time `json:"until,omitzero"`
	Reason  string    `json:"reason"`
	By      string    `json:"by"`
	Created time.Time `json:"created"`
}

// Holds keeps the legal holds in the data directory. Any number of goroutines and
// processes may use it.
type Holds struct {
	path, lock, turn, next string

	mu sync.Mutex
}

// holdsFile is the content of holds.json.
type holdsFile struct {
	Version int    `json:"version"`
	Holds   []Hold `json:"holds"`
}

// NewHolds are those of a data directory, which exists. Nothing is read yet.
func NewHolds(dir string) *Holds {
	return &Holds{
		path: filepath.Join(dir, holdsName), lock: filepath.Join(dir, holdsLock),
		turn: filepath.Join(dir, holdsTurn), next: filepath.Join(dir, holdsNext),
	}
}

// List is every hold, oldest first. A file that cannot be read is an error: what is held
// would be lost.
func (h *Holds) List() ([]Hold, error) {
	content, _, err := readPrivate(h.path, 64<<20)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading legal holds: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(content))
	dec.DisallowUnknownFields()
	var f holdsFile
	if err := dec.Decode(&f); err != nil {
		return nil, fmt.Errorf("reading %s: %w", h.path, err)
	}
	if f.Version != holdVersion || len(f.Holds) > maxHolds {
		return nil, fmt.Errorf("reading %s: version %d with %d holds; this program knows version %d with at most %d", h.path, f.Version, len(f.Holds), holdVersion, maxHolds)
	}
	for i := range f.Holds {
		if err := f.Holds[i].Check(); err != nil {
			return nil, fmt.Errorf("reading %s: %w", h.path, err)
		}
	}
	return f.Holds, nil
}

// NewHoldID is the id of a hold that is about to be added.
func NewHoldID() string { return holdPrefix + newID()[len(idPrefix):] }

// Add keeps a hold, which has an id.
func (h *Holds) Add(one Hold) error {
	one.Created = one.Created.UTC().Truncate(time.Second)
	if err := one.Check(); err != nil {
		return err
	}
	return h.change(func(all []Hold) ([]Hold, error) {
		if len(all) >= maxHolds {
			return nil, fmt.Errorf("there are %d holds already", maxHolds)
		}
		if slices.ContainsFunc(all, func(o Hold) bool { return o.ID == one.ID }) {
			return nil, fmt.Errorf("there is a hold %s already", one.ID)
		}
		return append(all, one), nil
	})
}

// Release ends a hold.
func (h *Holds) Release(id string) error {
	return h.change(func(all []Hold) ([]Hold, error) {
		for i := range all {
			if all[i].ID == id {
				return slices.Delete(all, i, i+1), nil
			}
		}
		return nil, fmt.Errorf("%w: %q", ErrNoHold, id)
	})
}

// Check tells what is wrong with a hold.
func (o *Hold) Check() error {
	person, span := len(o.Keys) > 0 || o.Subject != "", !o.Since.IsZero() || !o.Until.IsZero()
	switch {
	case o.ID == "" || o.Reason == "" || len(o.Reason) > maxReason:
		return fmt.Errorf("a hold has an id, and a reason of at most %d bytes", maxReason)
	case person == span:
		return errors.New("a hold is of a person or of a time: one of them")
	case span && (o.Since.IsZero() || o.Until.IsZero() || !o.Since.Before(o.Until)):
		return errors.New("a hold of a time has its beginning and, later, its end")
	case len(o.Keys) > maxHoldKeys:
		return fmt.Errorf("a hold has at most %d keys", maxHoldKeys)
	}
	for _, key := range o.Keys {
		const size = 16 // bytes
		if raw, err := hex.DecodeString(key); err != nil || len(raw) != size {
			return fmt.Errorf("hold %s: %q is no key of a person", o.ID, key)
		}
	}
	return nil
}

func (h *Holds) change(edit func([]Hold) ([]Hold, error)) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	lock, err := lockFile(h.lock)
	if err != nil {
		return err
	}
	defer lock.Close()
	all, err := h.List()
	if err != nil {
		return err
	}
	if all, err = edit(all); err != nil {
		return err
	}
	content, err := json.MarshalIndent(holdsFile{holdVersion, all}, "", "  ")
	if err == nil {
		err = durable.Replace(h.path, append(content, '\n'))
	}
	if err != nil {
		return fmt.Errorf("writing legal holds: %w", err)
	}
	return nil
}
