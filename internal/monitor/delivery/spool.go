package delivery

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"doorward/internal/durable"
	"doorward/internal/envelope"
	"doorward/internal/monitor"
)

// maxLetters bounds the spool: alerts that wait for a receiver.
const maxLetters = 1000

// letter is an alert that is owed to receivers.
type letter struct {
	Alert monitor.Alert `json:"alert"`
	Owed  []string      `json:"owed"` // keys of the places that have not taken it

	refused map[string]int // by key: how often the receiver did not want it
}

// spool is a directory with a sealed file for each letter, and an index. One goroutine at a
// time uses it.
type spool struct {
	dir string
	key [envelope.KeySize]byte
}

// open makes the directory, and removes what a crash left of a write.
func (s spool) open() error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return fmt.Errorf("opening the spool: %w", err)
	}
	durable.Drop(s.dir, "*"+suffix)
	durable.Drop(s.dir, indexName)
	return nil
}

const suffix = ".json"

// isID tells what is the id of an alert, and so what may be a file's name.
func isID(id string) bool { return regexp.MustCompile(`^al_[0-9a-f]{12}[a-z2-7]{26}$`).MatchString(id) }

func (s spool) path(id string) string { return filepath.Join(s.dir, id+suffix) }

// list returns the ids of the files that may be letters, the oldest first.
func (s spool) list() ([]string, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, fmt.Errorf("reading the spool: %w", err)
	}
	var ids []string
	for _, e := range entries {
		if id, ok := strings.CutSuffix(e.Name(), suffix); ok && isID(id) && e.Type().IsRegular() {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids, nil
}

// read returns the letters that have these ids, at most maxLetters of the latest. Files that
// are none are removed, and reported. An error says that some of those are there still.
func (s spool) read(ids []string) (all []*letter, faults []error, err error) {
	var stay []error
	for n, id := range ids {
		l, err := s.letter(id)
		if len(ids)-n > maxLetters {
			err = fmt.Errorf("more than %d wait", maxLetters)
		}
		if err == nil {
			all = append(all, l)
			continue
		}
		faults = append(faults, fmt.Errorf("alert %s: %w", id, err))
		if err := s.remove(id); err != nil {
			stay = append(stay, fmt.Errorf("alert %s: %w", id, err))
		}
	}
	return all, faults, errors.Join(stay...)
}

func (s spool) letter(id string) (*letter, error) {
	var l letter
	if err := s.unseal(s.path(id), id, &l); err != nil {
		return nil, err
	}
	if l.Alert.ID != id || len(l.Owed) == 0 {
		return nil, errors.New("it is another alert, or owed to nobody")
	}
	return &l, nil
}

// write keeps a letter, whole and durably.
func (s spool) write(id string, content []byte) error { return durable.Replace(s.path(id), content) }

// remove forgets a letter; one that is not there is forgotten already.
func (s spool) remove(id string) error {
	if err := os.Remove(s.path(id)); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	return durable.SyncDir(s.dir)
}
