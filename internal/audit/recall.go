package audit

import (
	"context"
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
	switch {
	case !ok:
	case l.state.seq == 0: // the mark is of a log that was moved away
		if _, err := l.people.mark(&ledgerMark{}, nil); err != nil {
			return err
		}
	case m.seq > size:
		err := l.lost(LostCheckpoint, "%s is older than it was: it has %d records, and a checkpoint had %d",
			filepath.Join(l.cfg.Dir, checkpointName), size, m.seq)
		if err != nil {
			return err
		}
	}
	if ok && l.tree.confirms(&m) {
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
	all, err := segments(l.cfg.Dir)
	if err != nil {
		return err
	}
	for _, n := range all {
		if n < first {
			continue
		}
		if err := said.readSegment(ctx, l.cfg.Dir, n, l.marked, size); err != nil {
			return err
		}
	}
	return nil
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
	m := ledgerMark{seq: size, leaf: leaf[0], owed: said.owed, holds: said.holds}
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
