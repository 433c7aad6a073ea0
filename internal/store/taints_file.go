package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"doorward/internal/durable"
)

// The files in the data directory.
const (
	taintsFileName = "taints.json"
	taintsLockName = "taints.lock"
)

const (
	taintsVersion = 1
	maxTaintsFile = 64 << 20 // bytes; 20,000 usual records are 10 MB
)

// taintsContent is the content of taints.json.
type taintsContent struct {
	Version int           `json:"version"`
	Taints  []taintOnDisk `json:"taints"`
}

type taintOnDisk struct {
	ID     string `json:"id"`
	Until  int64  `json:"until"` // Unix milliseconds
	Sealed []byte `json:"sealed"`
}

// taintsFile keeps taints.json: replaced whole, by one at a time, as approvals.json
// is. Several processes may do so.
type taintsFile struct {
	path, lockPath string

	mu   sync.Mutex
	set  taintSet
	info fs.FileInfo // of what was read last; nil: nobody has written yet
}

// OpenFileTaints opens the taints in the data directory, which is made with 0700
// when missing. Their seals are made with the key that signing secrets are sealed
// with. What cannot be read is an error here, and later refuses everything.
func OpenFileTaints(dir string) (*Taints, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("opening taints: %w", err)
	}
	secret, err := openPepper(dir)
	if err != nil {
		return nil, fmt.Errorf("opening taints: %w", err)
	}
	f := &taintsFile{path: filepath.Join(dir, taintsFileName), lockPath: filepath.Join(dir, taintsLockName), set: taintSet{}}
	if err := f.tidy(dir); err != nil {
		return nil, fmt.Errorf("opening taints: %w", err)
	}
	t, err := newTaints(f, secret, taintSealing)
	if err != nil {
		return nil, fmt.Errorf("opening taints: %w", err)
	}
	return t, nil
}

// tidy removes what a crash left, and reads what there is.
func (f *taintsFile) tidy(dir string) error {
	lock, err := lockFile(f.lockPath)
	if err != nil {
		return err
	}
	defer lock.Close()
	durable.Drop(dir, taintsFileName)
	return f.look()
}

// look reads the file when it is another than before. Its caller holds f.mu, or is
// alone.
func (f *taintsFile) look() error {
	info, err := os.Stat(f.path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && f.info == nil:
		return nil // nobody has written yet
	case err != nil:
		return err
	case same(f.info, info) && f.info.Mode() == info.Mode():
		return nil
	}
	content, info, err := readPrivate(f.path, maxTaintsFile)
	if err != nil {
		return err
	}
	set, err := parseTaints(content)
	if err != nil {
		return fmt.Errorf("%s: %w", f.path, err)
	}
	f.set, f.info = set, info
	return nil
}

// parseTaints reads the records of taints.json.
func parseTaints(content []byte) (taintSet, error) {
	var c taintsContent
	if err := json.Unmarshal(content, &c, json.RejectUnknownMembers(true)); err != nil {
		return nil, err
	}
	if c.Version != taintsVersion {
		return nil, fmt.Errorf("version %d, this program knows version %d", c.Version, taintsVersion)
	}
	if len(c.Taints) > maxTaints {
		return nil, fmt.Errorf("more than %d taints", maxTaints)
	}
	set := make(taintSet, len(c.Taints))
	for i, r := range c.Taints {
		if _, doubled := set[r.ID]; doubled || !isHash(r.ID) || len(r.Sealed) > maxTaintSize {
			return nil, fmt.Errorf("taint %d: its id is wrong or doubled, or it is too large", i+1)
		}
		set[r.ID] = keptTaint{id: r.ID, until: r.Until, sealed: string(r.Sealed)}
	}
	return set, nil
}

func (f *taintsFile) get(_ context.Context, ids []string) ([]keptTaint, time.Time, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.look(); err != nil {
		return nil, time.Time{}, err
	}
	return f.set.find(ids), time.Time{}, nil
}

func (f *taintsFile) put(_ context.Context, records []keptTaint) error {
	return f.edit(func(next taintSet) error { return next.put(records) })
}

func (f *taintsFile) drop(_ context.Context, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	return f.edit(func(next taintSet) error {
		next.drop(ids)
		return nil
	})
}

// edit replaces the file under the lock.
func (f *taintsFile) edit(do func(next taintSet) error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	lock, err := lockFile(f.lockPath)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := f.look(); err != nil {
		return err
	}
	next := maps.Clone(f.set)
	next.sweep(time.Now())
	if err := do(next); err != nil {
		return err
	}
	c := taintsContent{Version: taintsVersion, Taints: make([]taintOnDisk, 0, len(next))}
	for id, r := range next {
		c.Taints = append(c.Taints, taintOnDisk{ID: id, Until: r.until, Sealed: []byte(r.sealed)})
	}
	slices.SortFunc(c.Taints, func(a, b taintOnDisk) int { return cmp.Compare(a.ID, b.ID) })
	content, err := json.Marshal(c, jsontext.WithIndent("  "))
	if err != nil {
		return err
	}
	if len(content) >= maxTaintsFile {
		return errTaintsFull
	}
	if err := durable.Replace(f.path, append(content, '\n')); err != nil {
		return err
	}
	info, err := os.Stat(f.path) // ours: others wait for the lock
	if err != nil {
		return err
	}
	f.set, f.info = next, info
	return nil
}

func (f *taintsFile) healthy(context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.look()
}
