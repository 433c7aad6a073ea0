package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// ledgerMark is what a log says up to a record. It is in the file of keys, and goes with
// it: what a mark says was done was done to the keys beside it.
type ledgerMark struct {
	seq   uint64
	leaf  tlog.Hash // of that record
	owed  Owed
	holds map[string]bool
	// keys is how many people's keys were in the file then, and ids the SHA-256 of their
	// ids; by is what the installation's key says of itself.
	keys uint64
	ids  [sha256.Size]byte
	by   [blindSize]byte
}

const (
	markVersion = 4
	markFixed   = 4 + 1 + tlog.HashSize + sha256.Size + blindSize // bytes: length, version, leaf, ids, by
	// maxMark bounds a mark: room for each of 1,000 holds. A log that says more is read
	// whole at each start.
	maxMark = 64 << 10
)

var errMark = errors.New("it is no mark")

// markNumbers is how many numbers marks of earlier versions have, the first ones, by version.
func markNumbers(version byte) int {
	switch version {
	case 2:
		return 4
	case 3:
		return 9
	case markVersion:
		return 10
	}
	return 0
}

// numbers are those of a mark, in the order in which they are kept.
func (m *ledgerMark) numbers() [10]*uint64 {
	w := &m.owed.Written
	return [...]*uint64{&m.seq, &m.owed.Incidents, &m.owed.Revocations, &m.keys, &w.Incidents, &w.Revocations, &w.Keys, &w.Alerts, &m.owed.Accepted, &w.Approvals}
}

// text is the mark's form: its length (4 bytes, big-endian), a version, seq, incidents,
// revocations, keys, the generations of lists, accepted losses and the generation of approvals (8 bytes each), the leaf, ids, by, and the ids of holds, each after
// its length (2 bytes), ascending.
func (m *ledgerMark) text() []byte {
	dst := []byte{0, 0, 0, 0, markVersion}
	for _, n := range m.numbers() {
		dst = binary.BigEndian.AppendUint64(dst, *n)
	}
	dst = append(append(append(dst, m.leaf[:]...), m.ids[:]...), m.by[:]...)
	for _, id := range slices.Sorted(maps.Keys(m.holds)) {
		dst = binary.BigEndian.AppendUint16(dst, uint16(len(id))) //nolint:gosec // a text of a record
		dst = append(dst, id...)
	}
	binary.BigEndian.PutUint32(dst, uint32(len(dst))) //nolint:gosec // at most maxMark, or it is not kept
	return dst
}

// parse reads what text wrote.
func (m *ledgerMark) parse(text []byte) error {
	all := m.numbers()
	if len(text) < markFixed {
		return errMark
	}
	numbers := all[:markNumbers(text[4])]
	if len(numbers) == 0 || len(text) < markFixed+8*len(numbers) {
		return errMark
	}
	*m = ledgerMark{holds: map[string]bool{}}
	text = text[5:]
	for _, n := range numbers {
		*n, text = binary.BigEndian.Uint64(text), text[8:]
	}
	for _, to := range [][]byte{m.leaf[:], m.ids[:], m.by[:]} {
		text = text[copy(to, text):]
	}
	for len(text) > 0 {
		if len(text) < 2 || len(text)-2 < int(binary.BigEndian.Uint16(text)) {
			return errMark
		}
		n := 2 + int(binary.BigEndian.Uint16(text))
		m.holds[string(text[2:n])], text = true, text[n:]
	}
	return nil
}

// A mark lies in entries of the file of keys that are nobody's: 32 bytes of its text are
// in the place of each one's key, sealed as that is, and the id is the text's SHA-256, cut.
// So a program that knows nothing of marks keeps them, and what was torn, or is of
// another mark, is noticed.

func (s *subjects) slot(n int) [blindSize]byte {
	return s.root.blind("doorward audit mark", strconv.Itoa(n))
}

// mark keeps a mark; done is false where it must not be: a key of those that are dead is
// there, or the mark is too long.
func (s *subjects) mark(m *ledgerMark, dead map[SubjectID]bool) (done bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m.keys = s.count
	copy(m.ids[:], s.ids.Sum(nil))
	text := m.text()
	switch {
	case s.lost != nil:
		return false, s.lost
	case len(text) > maxMark:
		return false, nil
	}
	if back, err := s.among(dead); err != nil || len(back) > 0 {
		return false, err
	}
	before := s.made
	if err = s.putMark(text); err == nil {
		err = datasync(s.file)
	}
	if err == nil {
		return true, nil
	}
	for n := range maxMark / keySize {
		if s.known[s.slot(n)] >= before {
			delete(s.known, s.slot(n))
		}
	}
	s.made = before
	return false, errors.Join(fmt.Errorf("keeping a mark: %w", err), s.file.Truncate(int64(before)*entrySize))
}

// putMark writes a mark's text over the one that was there.
func (s *subjects) putMark(text []byte) error {
	sum := sha256.Sum256(text)
	for n := 0; n*keySize < len(text); n++ {
		var part [keySize]byte
		copy(part[:], text[n*keySize:])
		e := keyEntry{who: s.slot(n), made: time.Now().Unix()}
		copy(e.id[:], sum[:])
		if err := e.wrap(s.root.keys, part[:]); err != nil {
			return err
		}
		at, ok := s.known[e.who]
		if !ok {
			at = s.made
			s.known[e.who] = at
			s.made++
		}
		if _, err := s.file.WriteAt(e.append(nil), int64(at)*entrySize); err != nil {
			return err
		}
	}
	return nil
}

// marked reads the mark; ok is false where there is none that is whole.
func (s *subjects) marked() (m ledgerMark, ok bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var text, sum []byte
	length := 4
	for n := 0; n*keySize < length; n++ {
		at, ok := s.known[s.slot(n)]
		if !ok {
			return m, false, nil
		}
		part, err := s.read(at)
		switch {
		case err != nil && part == nil:
			return m, false, err
		case err != nil, n > 0 && !bytes.Equal(part.id[:], sum):
			return m, false, nil //nolint:nilerr // sealed under another root, or torn: no mark
		}
		text, sum = append(text, part.key...), part.id[:]
		if n == 0 {
			length = int(min(binary.BigEndian.Uint32(text), maxMark))
		}
	}
	if length > len(text) {
		return m, false, nil
	}
	text = text[:length]
	whole := sha256.Sum256(text)
	return m, bytes.Equal(whole[:len(sum)], sum) && m.parse(text) == nil, nil
}
