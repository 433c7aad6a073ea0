package audit

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"sync"
	"time"

	"doorward/internal/durable"
)

// ErrErased means that the key of what was sealed is gone.
var ErrErased = errors.New("the key of this record's person was destroyed")

const (
	blindSize   = 16
	wrappedSize = 12 + keySize + 16 // nonce, key, tag
	entrySize   = 128
	// maxSubjects bounds the keys of one log: 128 MiB. Whoever comes later shares the
	// key of strangers of that day.
	maxSubjects = 1 << 20
	// maxReady bounds the keys that are ready to seal.
	maxReady = 4096
)

// person is a data subject: the same subject of the same realm and tenant, however
// it was proved. The zero person is a stranger: nobody proved who it is.
type person struct{ realm, tenant, subject string }

// entry of the file of keys, 128 bytes: who it is, as keyed blind indexes (HMAC-SHA256,
// cut to 16 bytes) of the person and of the bare subject; the key's id; the key,
// sealed under the root key; when it was made, Unix seconds; zeros.
type keyEntry struct {
	who, name [blindSize]byte
	id        SubjectID
	wrapped   [wrappedSize]byte
	made      int64
}

func (e *keyEntry) append(dst []byte) []byte {
	from := len(dst)
	dst = append(append(append(append(dst, e.who[:]...), e.name[:]...), e.id[:]...), e.wrapped[:]...)
	dst = binary.BigEndian.AppendUint64(dst, uint64(e.made)) //nolint:gosec // a time of ours
	return append(dst, make([]byte, entrySize-(len(dst)-from))...)
}

func parseEntry(raw []byte) (e keyEntry) {
	for _, to := range [][]byte{e.who[:], e.name[:], e.id[:], e.wrapped[:]} {
		raw = raw[copy(to, raw):]
	}
	e.made = int64(binary.BigEndian.Uint64(raw)) //nolint:gosec // as it was written
	return e
}

// subjects gives every data subject of a log a key of its own. Its file is the
// log's name and ".subjects"; the root key that seals the keys in it is in ".root".
// The log's lock is its lock. It is safe for concurrent use.
type subjects struct {
	path string
	root root

	mu    sync.Mutex
	file  *os.File
	made  int                      // entries in the file
	slots map[[blindSize]byte]bool // the first indexes of those that are nobody's
	count uint64                   // of keys, and ids is the SHA-256 of theirs
	ids   hash.Hash
	known map[[blindSize]byte]int // by who: number of the entry
	ready map[person]*subject
	lost  error // the file could not be read again: no key can be kept
}

func openSubjects(base string) (*subjects, error) {
	s := &subjects{path: base + ".subjects", ready: map[person]*subject{}}
	var err error
	s.root, err = readRoot(base + ".root")
	if isNotExist(err) {
		if info, err := os.Stat(s.path); err == nil && info.Size() > 0 {
			return nil, fmt.Errorf("%s.root is gone, and %s.subjects is sealed under it: restore it, or move that file away and lose what it opens (doorward audit accept-loss persons)", base, base)
		}
		s.root, err = makeRoot(base + ".root")
	}
	if err != nil {
		return nil, err
	}
	s.slots = make(map[[blindSize]byte]bool, maxMark/keySize)
	for n := range maxMark / keySize {
		s.slots[s.slot(n)] = true
	}
	if s.root.keys.Changing() {
		if err := s.rewrap(nil); err != nil {
			return nil, err
		}
	}
	return s, s.load()
}

// load reads the file and goes on with it. What a crash left of a last entry is
// dropped: no record can name it.
func (s *subjects) load() error {
	f, err := durable.Open(s.path, os.O_RDWR|os.O_CREATE)
	if err != nil {
		return err
	}
	made, known := 0, map[[blindSize]byte]int{}
	s.count, s.ids = 0, sha256.New()
	err = eachEntry(f, func(e keyEntry) error {
		known[e.who] = made
		made++
		s.counted(&e)
		return nil
	})
	if err == nil {
		err = f.Truncate(int64(made) * entrySize)
	}
	if err != nil {
		f.Close()
		return fmt.Errorf("reading the keys of subjects: %w", err)
	}
	s.file, s.made, s.known = f, made, known
	return nil
}

// counted takes note of a key; not of what is nobody's.
func (s *subjects) counted(e *keyEntry) {
	if !s.slots[e.who] {
		s.count++
		_, _ = s.ids.Write(e.id[:])
	}
}

// eachEntry yields the whole entries of a file.
func eachEntry(r io.Reader, yield func(keyEntry) error) error {
	buf := make([]byte, entrySize<<9)
	for {
		n, err := io.ReadFull(r, buf)
		for raw := buf[:n]; len(raw) >= entrySize; raw = raw[entrySize:] {
			if err := yield(parseEntry(raw)); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// of is the subject of a person, made when it is a new one. An error means that
// its key cannot be kept, and nothing of the person may be written.
func (s *subjects) of(p person, now time.Time) (*subject, error) {
	if p == (person{}) {
		p.subject = now.UTC().Format(time.DateOnly)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lost != nil {
		return nil, s.lost
	}
	if one := s.ready[p]; one != nil {
		return one, nil
	}
	who := s.root.blind(p.realm, p.tenant, p.subject)
	at, ok := s.known[who]
	if !ok && s.made >= maxSubjects && p.realm != "" {
		p = person{subject: now.UTC().Format(time.DateOnly)}
		who = s.root.blind("", "", p.subject)
		at, ok = s.known[who]
	}
	one, err := &subject{}, error(nil)
	if ok {
		one, err = s.read(at)
	} else {
		one, err = s.add(who, p.subject, now)
	}
	if err != nil {
		return nil, fmt.Errorf("the key of a subject: %w", err)
	}
	if len(s.ready) >= maxReady {
		clear(s.ready)
	}
	s.ready[p] = one
	return one, nil
}

func (s *subjects) read(at int) (*subject, error) {
	raw := make([]byte, entrySize)
	if _, err := s.file.ReadAt(raw, int64(at)*entrySize); err != nil {
		return nil, err
	}
	e := parseEntry(raw)
	key, err := s.root.unwrap(&e)
	return &subject{id: e.id, key: key}, err
}

// add makes a key durable before anything is sealed with it.
func (s *subjects) add(who [blindSize]byte, name string, now time.Time) (*subject, error) {
	key := make([]byte, keySize)
	e := keyEntry{who: who, name: s.root.blind(name), made: now.Unix()}
	_, _ = rand.Read(key)     // never fails (crypto/rand)
	_, _ = rand.Read(e.id[:]) // never fails (crypto/rand)
	if err := e.wrap(s.root.keys, key); err != nil {
		return nil, err
	}
	_, err := s.file.WriteAt(e.append(nil), int64(s.made)*entrySize)
	if err == nil {
		err = datasync(s.file)
	}
	if err != nil {
		return nil, errors.Join(err, s.file.Truncate(int64(s.made)*entrySize))
	}
	s.known[who] = s.made
	s.made++
	s.counted(&e)
	return &subject{id: e.id, key: key}, nil
}

// erase destroys the keys of these ids and takes a new root key, so that a copy of
// the file that somebody kept opens nothing with the root that is there then. gone
// is how many there were.
func (s *subjects) erase(ids []SubjectID) (gone int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	drop := make(map[SubjectID]bool, len(ids))
	for _, id := range ids {
		drop[id] = true
	}
	before := s.made
	if !s.root.keys.Changing() { // else it was tried before, and the file may be sealed under it
		if err := s.root.prepare(); err != nil {
			return 0, err
		}
	}
	err = s.rewrap(drop)
	// Whether it went well or not: the file may be another one now.
	clear(s.ready)
	old := s.file
	s.lost = s.load()
	if s.lost == nil {
		err = errors.Join(err, old.Close())
	}
	return before - s.made, errors.Join(err, s.lost)
}

// rewrap seals every key under the next root, but those to drop, and makes that the
// root. After a crash in between, openSubjects does it again.
func (s *subjects) rewrap(drop map[SubjectID]bool) error {
	var out []byte
	f, err := durable.Open(s.path, os.O_RDONLY)
	if err != nil && !isNotExist(err) {
		return err
	}
	if err == nil {
		err = eachEntry(f, func(e keyEntry) error {
			if drop[e.id] {
				return nil
			}
			key, err := s.root.unwrap(&e)
			if err == nil {
				err = e.wrap(s.root.keys, key)
			}
			if err != nil {
				return err
			}
			out = e.append(out)
			return nil
		})
		f.Close()
		if err == nil {
			err = durable.Replace(s.path, out)
		}
		if err != nil {
			return fmt.Errorf("sealing the keys of subjects anew: %w", err)
		}
	}
	return s.root.finish()
}

// present are those of the ids whose keys are there.
func (s *subjects) present(ids map[SubjectID]bool) (there []SubjectID, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.among(ids)
}

// among is present for a caller that holds s.mu.
func (s *subjects) among(ids map[SubjectID]bool) (there []SubjectID, err error) {
	if len(ids) == 0 {
		return nil, nil
	}
	err = eachEntry(io.NewSectionReader(s.file, 0, int64(s.made)*entrySize), func(e keyEntry) error {
		if ids[e.id] {
			there = append(there, e.id)
		}
		return nil
	})
	return there, err
}

func (s *subjects) close() error { return s.file.Close() }
