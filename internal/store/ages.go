package store

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"sync"
	"time"

	"doorward/internal/durable"
)

// agesName is the file in the data directory, {"version":1,"seen":{NAME:{…}}}.
const agesName = "ages.json"

// Bounds of what it holds.
const (
	maxAges     = 4096
	maxAgesFile = 1 << 20
)

// checkSize is how much of a value's MAC is kept, in bytes: as of the check value of a
// key (ANSI X9.24), enough to see that it is another one, and too little for who has
// the MAC's key to tell which of many guesses it was. One change in 16 million is not
// seen, and the new value then counts as old as the one before.
const checkSize = 3

// Ages knows since when each secret has had the value that it has: over restarts, and
// where its file was only touched or came back from a backup. Any number of
// goroutines may use it.
type Ages struct {
	path string
	key  []byte

	mu   sync.Mutex // guards the rest
	seen map[string]firstSeen
}

// firstSeen is one value.
type firstSeen struct {
	Check string    `json:"check"` // hex
	Since time.Time `json:"since"`
	Told  time.Time `json:"told,omitzero"` // when somebody was last told that it is old
}

// OpenAges reads what was seen before. key is for this alone. keep is whether what is
// seen is written down: one process on a data directory does.
func OpenAges(dir string, key []byte, keep bool) (*Ages, error) {
	a := &Ages{key: key, seen: map[string]firstSeen{}}
	path := filepath.Join(dir, agesName)
	if keep {
		a.path = path
	}
	content, _, err := readPrivate(path, maxAgesFile)
	if errors.Is(err, fs.ErrNotExist) {
		return a, nil
	}
	if err == nil {
		a.seen, err = parseAges(content)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the ages of secrets: %w", err)
	}
	return a, nil
}

// agesFile is the content of the file.
type agesFile struct {
	Version int                  `json:"version"`
	Seen    map[string]firstSeen `json:"seen"`
}

func parseAges(content []byte) (map[string]firstSeen, error) {
	var f agesFile
	if err := json.Unmarshal(content, &f); err != nil {
		return nil, fmt.Errorf("%s: %w", agesName, err)
	}
	if f.Version != 1 || len(f.Seen) > maxAges {
		return nil, fmt.Errorf("%s: version %d with %d values, this program knows version 1 with at most %d", agesName, f.Version, len(f.Seen), maxAges)
	}
	if f.Seen == nil {
		f.Seen = map[string]firstSeen{}
	}
	return f.Seen, nil
}

// Since is since when name has had this value: since it was first seen, or since its
// file was changed where that is earlier. changed is zero for what is in no file.
func (a *Ages) Since(name, value string, changed, now time.Time) (time.Time, error) {
	if changed.IsZero() || changed.After(now) {
		changed = now
	}
	check := a.check(name, value)
	a.mu.Lock()
	defer a.mu.Unlock()
	known, ok := a.seen[name]
	if ok && known.Check == check && !changed.Before(known.Since) {
		return known.Since, nil
	}
	if !ok && len(a.seen) >= maxAges {
		return time.Time{}, fmt.Errorf("the ages of more than %d secrets", maxAges)
	}
	before := maps.Clone(a.seen)
	a.seen[name] = firstSeen{Check: check, Since: changed.UTC().Truncate(time.Second)}
	if err := a.save(); err != nil {
		a.seen = before
		return time.Time{}, err
	}
	return a.seen[name].Since, nil
}

// check depends on the name, too: two secrets of one value have nothing in common.
func (a *Ages) check(name, value string) string {
	mac := hmac.New(sha256.New, a.key)
	_, _ = io.WriteString(mac, name+"\x00"+value) // a name has no NUL
	return hex.EncodeToString(mac.Sum(nil)[:checkSize])
}

// Told is when somebody was last told that the value is old that a name has now; zero: never.
func (a *Ages) Told(name string) time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.seen[name].Told
}

// Tell notes that somebody was told. A name that was never seen is no fault: it has no age.
func (a *Ages) Tell(name string, now time.Time) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	was, ok := a.seen[name]
	if !ok {
		return nil
	}
	is := was
	is.Told = now.UTC().Truncate(time.Second)
	a.seen[name] = is
	if err := a.save(); err != nil {
		a.seen[name] = was
		return err
	}
	return nil
}

// Forget leaves what has none of the names.
func (a *Ages) Forget(keep map[string]bool) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	before := maps.Clone(a.seen)
	maps.DeleteFunc(a.seen, func(name string, _ firstSeen) bool { return !keep[name] })
	if len(before) == len(a.seen) {
		return nil
	}
	if err := a.save(); err != nil {
		a.seen = before
		return err
	}
	return nil
}

func (a *Ages) save() error {
	if a.path == "" {
		return nil
	}
	content, err := json.MarshalIndent(agesFile{Version: 1, Seen: a.seen}, "", "  ")
	if err == nil {
		err = durable.Replace(a.path, append(content, '\n'))
	}
	if err != nil {
		return fmt.Errorf("keeping the ages of secrets: %w", err)
	}
	return nil
}
