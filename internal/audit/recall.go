package audit

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"maps"
	"path/filepath"

	"golang.org/x/mod/sumdb/tlog"
)

// markEvery is after how many records another mark is kept: a start reads no more of a
// log than those, and what came since the last checkpoint.
const markEvery = 1 << 14

// recall makes out what the log says up to where its tree is: from the mark in the file
// of keys, where the log confirms it, or from the first record on. A file of keys that
// comes from a backup has an earlier mark, or none: what was said since is read.
func (l *Log) recall(ctx context.Context) error {
	said, size := newStanding(), l.tree.size
	m, ok, err := l.people.marked()
	if err != nil {
		return err
	}
	if ok {
		if ok, err = l.fits(&m); err != nil {
			return err
		}
	}
	if ok {
		said.holds, said.owed, l.marked = m.holds, m.owed, m.seq
	}
	l.tree.said = said
	if l.marked == size {
		return nil
	}
	first := 1
	if l.marked > 0 {
		if first, _, err = segmentOf(l.cfg.Dir, l.marked+1); err != nil {
			return err
		}
	}
	return l.readAll(ctx, said, first, l.marked, size)
}

// fits tells whether a mark is of this log, and of the keys that are there; what it shows to
// be lost is an error.
func (l *Log) fits(m *ledgerMark) (ok bool, err error) {
	if l.state.seq == 0 { // it is of a log that was moved away
		_, err := l.people.mark(&ledgerMark{by: l.self}, nil)
		return false, err
	}
	if m.by != l.self {
		err = l.lost(LostArguments, "%s is another key than it was", l.cfg.KeyFile)
	}
	if err == nil && m.seq > 0 && l.signer.made { // whoever writes marks has a signer
		l.made = append(l.made, l.signer.path)
		err = l.lost(LostSigner, "%s is gone, and no record names it", l.signer.path)
	}
	if err == nil && m.seq > l.tree.size {
		err = l.lost(LostCheckpoint, "%s is older than it was: it has %d records, and a checkpoint had %d",
			filepath.Join(l.cfg.Dir, checkpointName), l.tree.size, m.seq)
	}
	if err != nil || !l.tree.confirms(m) {
		return false, err
	}
	return l.people.has(m.keys, m.ids)
}

// readAll takes the records from a segment on, those after one number up to another.
func (l *Log) readAll(ctx context.Context, said *standing, first int, after, upTo uint64) error {
	all, err := segments(l.cfg.Dir)
	if err != nil {
		return err
	}
	for _, n := range all {
		if n < first {
			continue
		}
		if err := said.readSegment(ctx, l.cfg.Dir, n, after, upTo); err != nil {
			return err
		}
	}
	return nil
}

// account holds the keys of people against what records name: each must be in the file,
// and open, or have been destroyed. Keys that no mark accounts for are named in the records
// that were read, for a key is durable before the first of its records.
func (l *Log) account(ctx context.Context) error {
	missing, err := l.people.missing(l.tree.said)
	if err == nil && missing > 0 && l.marked > 0 { // the record that says why may be before the mark
		said := newStanding()
		if err = l.readAll(ctx, said, 1, 0, l.tree.size); err == nil {
			missing, err = l.people.missing(said)
		}
	}
	l.tree.said.named = nil
	if err != nil || missing == 0 {
		return err
	}
	return l.lost(LostPersons, "%s does not open %d of the keys that records name, and no record says that they were destroyed: "+
		"what they seal is unreadable, and an erasure or an export would miss it", l.people.path, missing)
}

// missing counts the keys that a log names and that are neither there nor destroyed.
func (s *subjects) missing(said *standing) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	left := maps.Clone(said.named)
	maps.DeleteFunc(left, func(id SubjectID, _ bool) bool { return said.dead[id] })
	if len(left) == 0 {
		return 0, nil
	}
	err = eachEntry(io.NewSectionReader(s.file, 0, int64(s.made)*entrySize), func(e keyEntry) error {
		if left[e.id] {
			if _, err := s.root.unwrap(&e); err == nil {
				delete(left, e.id)
			}
		}
		return nil
	})
	return len(left), err
}

// has tells whether the first so many keys of the file are those with these ids.
func (s *subjects) has(keys uint64, ids [sha256.Size]byte) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sum, n := sha256.New(), uint64(0)
	err := eachEntry(io.NewSectionReader(s.file, 0, int64(s.made)*entrySize), func(e keyEntry) error {
		if n < keys && !s.slots[e.who] {
			_, _ = sum.Write(e.id[:])
			n++
		}
		return nil
	})
	return n == keys && [sha256.Size]byte(sum.Sum(nil)) == ids, err
}

// readSegment takes the lines of a segment.
func (s *standing) readSegment(ctx context.Context, dir string, n int, after, upTo uint64) error {
	in, err := openScanner(dir, n, 0)
	if err != nil {
		return err
	}
	defer in.file.Close()
	for n := uint64(0); ; n++ {
		if err := cancelled(ctx, n); err != nil {
			return err
		}
		line, err := in.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		s.take(line, after, upTo)
	}
}

// confirms tells whether the record of a mark is in the tree, by a proof against its
// root: the tree's own file may say anything of a single leaf.
func (t *tree) confirms(m *ledgerMark) bool {
	if m.seq == 0 || m.seq > t.size {
		return false
	}
	root, err := t.root(t.size)
	if err != nil {
		return false
	}
	size, at := int64(t.size), int64(m.seq)-1 //nolint:gosec // a log's size fits
	proof, err := tlog.ProveRecord(size, at, t)
	return err == nil && tlog.CheckRecord(proof, size, root, at, m.leaf) == nil
}

// remember keeps a mark of what the log says up to a checkpoint. It needs Log.marking.
// Where a key is still there that a tombstone names, the next start must see that one.
func (l *Log) remember(size uint64, every uint64) error {
	said := l.tree.said
	if size == 0 || size-l.marked < every && !said.news {
		return nil
	}
	leaf, err := l.tree.ReadHashes([]int64{tlog.StoredHashIndex(0, int64(size)-1)}) //nolint:gosec // a log's size fits
	if err != nil {
		return err
	}
	m := ledgerMark{seq: size, leaf: leaf[0], owed: said.owed, holds: said.holds, by: l.self}
	done, err := l.people.mark(&m, said.dead)
	if err != nil || !done {
		return err
	}
	l.marked, said.news = size, false
	clear(said.dead)
	return nil
}

// recalled gives what was made out to those who ask while the log is written.
func (l *Log) recalled() {
	l.owed = l.tree.said.owed
	l.mu.Lock()
	l.holds = maps.Clone(l.tree.said.holds)
	l.mu.Unlock()
}
