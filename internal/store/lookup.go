package store

import (
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"doorward/internal/durable"
)

// How often keys.json is looked at, and how old a look may be before a lookup
// waits for a new one: a revocation by another process holds within a second,
// also after an hour without calls.
const (
	lookEvery = 200 * time.Millisecond
	lookLimit = time.Second
	flushUse  = time.Minute
)

// Config is what Keys is made of.
type Config struct {
	Dir    string       // the data directory; made with 0700 when missing
	Ledger *Ledger      // of its lists; nil: one of its own
	Log    *slog.Logger // nil discards
}

// Keys is the store of API keys. It is safe for concurrent use, by any number
// of processes. Close it.
type Keys struct {
	dir, path string
	lineage   *lineage
	log       *slog.Logger
	macs      sync.Pool // of *mac
	sealer    cipher.AEAD
	decoy     [sha256.Size]byte // a signing secret that nobody has
	current   atomic.Pointer[snapshot]
	look      sync.Mutex // held by the one that looks at the file

	quit chan struct{}
	done chan struct{}
	once sync.Once
}

// snapshot is the file as it was read. Only used changes, in its entries.
type snapshot struct {
	keys   map[digest]*entry
	ids    map[string]*entry // the same, by their public ids
	info   fs.FileInfo       // nil when there was no file
	err    error             // why no key can be judged
	looked atomic.Int64
}

type entry struct {
	Key
	hash   digest
	secret *[sha256.Size]byte // to sign with; nil: none
	used   atomic.Int64       // Unix seconds; 0: not since it was read
}

type mac struct {
	hash hash.Hash
	text []byte
	sum  digest
}

// Open opens the store. A file that cannot be read is an error here; later it
// refuses every lookup until it can be read again. So does one that is older than the
// ledger knows, from the first lookup on: Healthy tells.
func Open(cfg Config) (*Keys, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("opening keys: %w", err)
	}
	secret, err := openPepper(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("opening keys: %w", err)
	}
	sealer, err := newSealer(secret, sealing)
	if err != nil {
		return nil, fmt.Errorf("opening keys: %w", err)
	}
	k := &Keys{
		dir: cfg.Dir, path: filepath.Join(cfg.Dir, keysName), log: cfg.Log, sealer: sealer,
		quit: make(chan struct{}), done: make(chan struct{}),
	}
	if k.lineage, err = newLineage(cfg.Dir, KeptKeys, secret, cfg.Ledger); err != nil {
		return nil, fmt.Errorf("opening keys: %w", err)
	}
	_, _ = rand.Read(k.decoy[:])
	k.macs.New = func() any {
		return &mac{hash: hmac.New(sha256.New, secret), text: make([]byte, 0, textSize)}
	}
	k.current.Store(&snapshot{})
	var stale *StaleError
	if err := k.Reload(); err != nil && !errors.As(err, &stale) {
		return nil, fmt.Errorf("opening keys: %w", err)
	}
	go k.flushUses()
	return k, nil
}

// openPepper holds the lock, so that two first starts agree on one.
func openPepper(dir string) ([]byte, error) {
	lock, err := lockFile(filepath.Join(dir, lockName))
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	durable.Drop(dir, "keys.*")
	return pepper(dir)
}

// Lookup judges a key's text. The errors are ErrUnknown, ErrExpired, ErrRevoked
// and, wrapped, ErrUnavailable; with each of them the Key is zero, but for
// expired and revoked ones, which it names for the record.
func (k *Keys) Lookup(text string) (Key, error) {
	now := time.Now()
	s := k.fresh(now)
	if s.err != nil {
		return Key{}, s.err
	}
	if len(text) != textSize || text[:len(Prefix)] != Prefix {
		return Key{}, ErrUnknown
	}
	m := k.macs.Get().(*mac) //nolint:forcetypeassert // the pool holds nothing else
	m.digest(text)
	// The map sees only a keyed hash, so its timing tells nothing about a text.
	e := s.keys[m.sum]
	found := e != nil && subtle.ConstantTimeCompare(m.sum[:], e.hash[:]) == 1
	k.macs.Put(m)
	if !found {
		return Key{}, ErrUnknown
	}
	if err := e.refusal(now); err != nil {
		return e.Key, err
	}
	e.use(now)
	return e.Key, nil
}

// Alive tells whether the key with this public id is still good: for streams that
// it once opened.
func (k *Keys) Alive(id string) bool {
	now := time.Now()
	s := k.fresh(now)
	e := s.ids[id]
	return s.err == nil && e != nil && e.refusal(now) == nil
}

// Gone tells whether the key with this public id was revoked, or is no more: for
// sessions that it once began. A key that has only expired is not gone, and nothing is
// while the keys are unknown.
func (k *Keys) Gone(id string) bool {
	s := k.fresh(time.Now())
	e := s.ids[id]
	return s.err == nil && (e == nil || !e.Revoked.IsZero())
}

func (m *mac) digest(text string) {
	m.text = append(m.text[:0], text...)
	m.hash.Reset()
	m.hash.Write(m.text)
	m.hash.Sum(m.sum[:0])
	clear(m.text)
}

func (k *Keys) hashOf(text string) digest {
	m := k.macs.Get().(*mac) //nolint:forcetypeassert // the pool holds nothing else
	defer k.macs.Put(m)
	m.digest(text)
	return m.sum
}

// fresh is the snapshot to judge by. One caller looks at the file; the others
// go on with what they have unless it is too old to trust.
func (k *Keys) fresh(now time.Time) *snapshot {
	s := k.current.Load()
	age := time.Duration(now.UnixNano() - s.looked.Load())
	if age >= 0 && age < lookEvery {
		return s
	}
	if age >= 0 && age < lookLimit {
		if !k.look.TryLock() {
			return s
		}
	} else {
		k.look.Lock()
	}
	defer k.look.Unlock()
	if s := k.current.Load(); s.looked.Load() >= now.UnixNano() {
		return s // another looked while this one waited
	}
	k.refresh(false)
	return k.current.Load()
}

// Reload reads the file now.
func (k *Keys) Reload() error {
	k.look.Lock()
	defer k.look.Unlock()
	k.refresh(true)
	return k.current.Load().err
}

// Healthy tells whether keys can be judged, for readiness.
func (k *Keys) Healthy() error { return k.fresh(time.Now()).err }

// refresh reads the file if it is another than the one that was read. Its
// caller holds k.look.
func (k *Keys) refresh(force bool) {
	old := k.current.Load()
	looked := time.Now().UnixNano()
	info, err := os.Stat(k.path)
	gone := errors.Is(err, fs.ErrNotExist)
	if !force && old.err == nil && (err == nil && same(old.info, info) || gone && old.info == nil) {
		old.looked.Store(looked)
		return
	}
	next := k.load(old)
	next.looked.Store(looked)
	if next.err != nil && old.err == nil {
		k.log.Error("keys cannot be read; every key is refused", "error", next.err)
	}
	k.current.Store(next)
}

func same(a, b fs.FileInfo) bool {
	return a != nil && os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

func (k *Keys) load(old *snapshot) *snapshot {
	f, info, err := k.read()
	if errors.Is(err, fs.ErrNotExist) && old.info == nil && old.err == nil {
		return &snapshot{} // nobody has made a key yet
	}
	if err != nil {
		return &snapshot{info: old.info, err: fmt.Errorf("%w: %w", ErrUnavailable, err)}
	}
	s := &snapshot{keys: make(map[digest]*entry, len(f.Keys)), ids: make(map[string]*entry, len(f.Keys)), info: info}
	for i := range f.Keys {
		e := &entry{Key: f.Keys[i].key(), hash: f.Keys[i].Hash, secret: f.Keys[i].secret}
		if before := old.keys[e.hash]; before != nil {
			e.used.Store(before.used.Load())
		}
		s.keys[e.hash], s.ids[e.ID] = e, e
	}
	return s
}

// flushUses writes the times of last use, once a minute. It belongs to Keys;
// Close waits for it.
func (k *Keys) flushUses() {
	defer close(k.done)
	ticker := time.NewTicker(flushUse)
	defer ticker.Stop()
	for {
		select {
		case <-k.quit:
			k.flush()
			return
		case <-ticker.C:
			k.flush()
		}
	}
}

func (k *Keys) flush() {
	s := k.current.Load()
	uses := map[digest]time.Time{}
	for h, e := range s.keys {
		if sec := e.used.Load(); sec > 0 && sec > e.LastUsed.Unix() {
			uses[h] = time.Unix(sec, 0).UTC()
		}
	}
	if len(uses) == 0 {
		return
	}
	err := k.replace(func(f *keysFile) error { // no change of who may come in
		for i := range f.Keys {
			if at := uses[f.Keys[i].Hash]; at.After(f.Keys[i].LastUsed) {
				f.Keys[i].LastUsed = at
			}
		}
		return nil
	})
	if err != nil {
		k.log.Warn("last use of keys not written", "error", err)
	}
}

// Close writes the times of last use and ends. Lookups after it still judge.
func (k *Keys) Close() error {
	k.once.Do(func() { close(k.quit) })
	<-k.done
	return nil
}
