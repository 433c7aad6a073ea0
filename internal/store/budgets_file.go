package store

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"doorward/internal/durable"
	"doorward/internal/gate"
)

// The files in the data directory.
const (
	quotasFileName = "quotas.json"
	quotasLockName = "quotas.lock"
)

const (
	quotasVersion = 1
	maxQuotasFile = 64 << 20    // bytes; 65,536 quotas of a usual kind are 20 MB
	saveEvery     = time.Second // what a crash makes forgotten at most
)

// FileBudgets is MemoryBudgets whose quotas outlive the process: what was taken of them
// is written down each second and at the end, under keyed hashes. Several processes may
// keep the same file: each adds what it has given out, and learns what the others have.
type FileBudgets struct {
	*MemoryBudgets
	dir string
	log *slog.Logger

	saving sync.Mutex
}

// quotasContent is the content of quotas.json.
type quotasContent struct {
	Version int           `json:"version"`
	Quotas  []quotaOnDisk `json:"quotas"`
}

// quotaOnDisk is what was taken of one quota.
type quotaOnDisk struct {
	ID    string     `json:"id"`
	Width int64      `json:"width"` // of a part of the span, in nanoseconds
	Taken [][2]int64 `json:"taken"` // parts, counted from the epoch, and what was taken in each
}

// OpenFileBudgets opens the budgets of one gateway. What cannot be read is an error: who
// has spent what would be unknown.
func OpenFileBudgets(dir string, log *slog.Logger) (*FileBudgets, error) {
	f, err := openFileBudgets(dir, log)
	if err != nil {
		return nil, fmt.Errorf("opening quotas: %w", err)
	}
	return f, nil
}

func openFileBudgets(dir string, log *slog.Logger) (*FileBudgets, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	secret, err := openPepper(dir)
	if err != nil {
		return nil, err
	}
	blind, err := newBlinder(secret, budgetNaming)
	if err != nil {
		return nil, err
	}
	f := &FileBudgets{MemoryBudgets: NewMemoryBudgets(), dir: dir, log: log}
	f.lasts = func(b *gate.Budget) (name cellName) {
		_, _ = hex.Decode(name[:], []byte(budgetName(blind, b))) // 32 digits
		return name
	}
	lock, err := lockFile(filepath.Join(dir, quotasLockName))
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	durable.Drop(dir, quotasFileName)
	all, err := f.read()
	if err == nil {
		f.absorb(all)
	}
	return f, err
}

// Run saves until ctx ends, and once more then.
func (f *FileBudgets) Run(ctx context.Context) {
	tick := time.NewTicker(saveEvery)
	defer tick.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			if err := f.Save(); err != nil {
				f.log.Error("quotas are not kept", "error", err)
			}
			return
		case <-tick.C:
		}
		err := f.Save()
		if err != nil && !failing {
			f.log.Error("quotas are not kept; they are counted until this process ends", "error", err)
		}
		failing = err != nil
	}
}

// Save writes what was taken since the last time, and learns what others have written.
// Without anything to write it does nothing.
func (f *FileBudgets) Save() error {
	f.saving.Lock()
	defer f.saving.Unlock()
	news := f.harvest()
	if len(news) == 0 {
		return nil
	}
	err := f.merge(news)
	if err != nil {
		f.giveBack(news)
		return fmt.Errorf("saving quotas: %w", err)
	}
	return nil
}

// quotaTaken is what was taken of a quota, by part.
type quotaTaken struct {
	width int64
	taken map[int64]int64
}

// harvest takes out what is not in the file yet.
func (f *FileBudgets) harvest() map[cellName]quotaTaken {
	f.mu.Lock()
	defer f.mu.Unlock()
	news := map[cellName]quotaTaken{}
	for name, c := range f.cells[1] {
		if c.fresh == nil || *c.fresh == [ring]int64{} {
			continue
		}
		q := quotaTaken{c.width, map[int64]int64{}}
		for slot := max(c.slot-spanSlots, 0); slot <= c.slot; slot++ {
			if n := c.fresh[slot%ring]; n != 0 {
				q.taken[slot] = n
			}
		}
		*c.fresh = [ring]int64{}
		news[name] = q
	}
	return news
}

// giveBack makes what could not be written fresh again.
func (f *FileBudgets) giveBack(news map[cellName]quotaTaken) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for name, q := range news {
		c := f.cells[1][name]
		if c == nil || c.fresh == nil {
			continue
		}
		for slot, n := range q.taken {
			if slot > c.slot-ring && slot <= c.slot {
				c.fresh[slot%ring] += n
			}
		}
	}
}

// merge adds to the file, under its lock, and takes over what it has.
func (f *FileBudgets) merge(news map[cellName]quotaTaken) error {
	lock, err := lockFile(filepath.Join(f.dir, quotasLockName))
	if err != nil {
		return err
	}
	defer lock.Close()
	all, err := f.read()
	if err != nil {
		return err
	}
	for name, q := range news {
		there, known := all[name]
		if !known {
			there = quotaTaken{q.width, map[int64]int64{}}
			all[name] = there
		}
		for slot, n := range q.taken {
			there.taken[slot] += n
		}
	}
	if err := f.write(all); err != nil {
		return err
	}
	f.absorb(all)
	return nil
}

// absorb has the memory count what the file has, and what was taken since.
func (f *FileBudgets) absorb(all map[cellName]quotaTaken) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	for name, q := range all {
		c := f.cells[1][name]
		if c == nil {
			if len(f.cells[1]) >= maxCells {
				continue
			}
			c = &cell{width: q.width, slot: now / q.width, fresh: new([ring]int64)}
			f.cells[1][name] = c
		}
		c.advance(now)
		if c.fresh == nil || c.width != q.width {
			continue
		}
		c.taken = *c.fresh
		for slot, n := range q.taken {
			if slot = min(slot, c.slot); slot > c.slot-ring { // a clock went back
				c.taken[slot%ring] += n
			}
		}
		c.total = 0
		for _, n := range c.taken {
			c.total += n
		}
	}
}

// read is the file; empty where nobody has written yet. Its caller holds the lock.
func (f *FileBudgets) read() (map[cellName]quotaTaken, error) {
	path := filepath.Join(f.dir, quotasFileName)
	content, _, err := readPrivate(path, maxQuotasFile)
	if errors.Is(err, fs.ErrNotExist) {
		return map[cellName]quotaTaken{}, nil
	}
	if err != nil {
		return nil, err
	}
	all, err := parseQuotas(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return all, nil
}

func parseQuotas(content []byte) (map[cellName]quotaTaken, error) {
	var c quotasContent
	if err := json.Unmarshal(content, &c, json.RejectUnknownMembers(true)); err != nil {
		return nil, err
	}
	if c.Version != quotasVersion || len(c.Quotas) > maxCells {
		return nil, fmt.Errorf("version %d with %d quotas, this program knows version %d with at most %d", c.Version, len(c.Quotas), quotasVersion, maxCells)
	}
	all := make(map[cellName]quotaTaken, len(c.Quotas))
	for i, q := range c.Quotas {
		id, err := hex.DecodeString(q.ID)
		if err != nil || len(id) != len(cellName{}) || q.Width < 1 || len(q.Taken) > ring {
			return nil, fmt.Errorf("quota %d: its id or its parts are wrong", i+1)
		}
		one := quotaTaken{q.Width, map[int64]int64{}}
		for _, part := range q.Taken {
			if part[0] < 0 || part[1] < 0 {
				return nil, fmt.Errorf("quota %d: a part is below zero", i+1)
			}
			one.taken[part[0]] = part[1]
		}
		all[cellName(id)] = one
	}
	return all, nil
}

// write replaces the file, without what is over.
func (f *FileBudgets) write(all map[cellName]quotaTaken) error {
	now := f.now()
	c := quotasContent{Version: quotasVersion, Quotas: []quotaOnDisk{}}
	for name, q := range all {
		one := quotaOnDisk{ID: hex.EncodeToString(name[:]), Width: q.width}
		for slot, n := range q.taken {
			if slot > now/q.width-ring {
				one.Taken = append(one.Taken, [2]int64{slot, n})
			}
		}
		slices.SortFunc(one.Taken, func(a, b [2]int64) int { return cmp.Compare(a[0], b[0]) })
		one.Taken = one.Taken[max(len(one.Taken)-ring, 0):]
		if len(one.Taken) > 0 {
			c.Quotas = append(c.Quotas, one)
		}
	}
	if len(c.Quotas) > maxCells {
		return fmt.Errorf("more than %d quotas", maxCells)
	}
	slices.SortFunc(c.Quotas, func(a, b quotaOnDisk) int { return cmp.Compare(a.ID, b.ID) })
	content, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return durable.Replace(filepath.Join(f.dir, quotasFileName), append(content, '\n'))
}
