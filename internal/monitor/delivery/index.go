package delivery

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"doorward/internal/durable"
)

// Book is what is on record of a spool's index.
type Book interface {
	// Least is the newest generation that is on record; 0: there was no index yet.
	Least() uint64
	// Saw puts a generation on record.
	Saw(generation uint64) error
}

// indexName is the file of the index.
const indexName = "index"

// index says which letters there are. It is written before they are, and before they go.
type index struct {
	Generation uint64   `json:"generation"`        // how often it was written
	Waiting    []string `json:"waiting"`           // ids
	Partial    bool     `json:"partial,omitempty"` // there may be letters that could not be read
}

// index reads it. trusted is false where it is not the newest one: why says so, but for a
// spool that never had one.
func (s spool) index(least uint64) (i index, trusted bool, why error) {
	err := s.unseal(filepath.Join(s.dir, indexName), indexName, &i)
	switch {
	case errors.Is(err, fs.ErrNotExist) && least == 0:
		return index{}, false, nil
	case err != nil:
		return index{}, false, fmt.Errorf("the index of the spool: %w", err)
	case i.Generation < least:
		return i, false, fmt.Errorf("the index of the spool is older than it was: it was written %d times, and this is what it was after %d", least, i.Generation)
	}
	return i, true, nil
}

// held holds letters against an index that is trusted: one that it does not have was
// delivered, and is there again. missing are those that are gone.
func (i *index) held(all []*letter) (still, again []*letter, missing []error) {
	for _, l := range all {
		if i.Partial || slices.Contains(i.Waiting, l.Alert.ID) {
			still = append(still, l)
		} else {
			again = append(again, l)
		}
	}
	for _, id := range i.Waiting {
		if !slices.ContainsFunc(all, func(l *letter) bool { return l.Alert.ID == id }) {
			missing = append(missing, fmt.Errorf("alert %s: it is gone, or was not sealed here", id))
		}
	}
	return still, again, missing
}

// enter writes the index as the spool is going to be. written is whether it is there, be it
// that it could not be put on record. Its caller holds spooling.
func (d *Deliverer) enter(s spool) (written bool, err error) {
	least := d.cfg.Book.Least() // which may wait for the disk, as no delivery may
	d.mu.Lock()
	i := index{Generation: max(d.generation, least) + 1, Waiting: make([]string, 0, len(d.letters)), Partial: !d.loaded}
	for _, l := range d.letters {
		i.Waiting = append(i.Waiting, l.Alert.ID)
	}
	d.mu.Unlock()
	content, err := s.seal(indexName, i)
	if err == nil {
		err = durable.Replace(filepath.Join(s.dir, indexName), content)
	}
	if err != nil {
		return false, fmt.Errorf("the index of the spool: %w", err)
	}
	d.generation = i.Generation
	return true, d.cfg.Book.Saw(i.Generation)
}
