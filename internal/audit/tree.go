package audit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sort"

	"golang.org/x/mod/sumdb/tlog"

	"doorward/internal/durable"
)

// treeName is the file of the tree's hashes. It can be built again from the
// segments.
const treeName = "tree"

// maxHashes is how many bytes of new hashes are kept before they are written.
const maxHashes = 1 << 20

// errRewritten means that the log on disk is not what this process, or the one
// before it, wrote there.
var errRewritten = errors.New("the audit log on disk is not the one that was written (audit verify says where; " +
	"keep its directory as evidence: when it is moved away, a new log begins)")

// ErrPruned means that a record was removed because its time was over.
var ErrPruned = errors.New("it was pruned")

// tree is the Merkle tree over the records (RFC 6962): a leaf is the hash of a
// line without its newline. Its file holds the hashes that proofs need, 32 bytes
// each, in the order of tlog.StoredHashIndex. What its records say that stands is in
// said, nil until that was recalled. One goroutine at a time uses it.
type tree struct {
	dir     string
	file    *os.File
	size    uint64 // records in the tree
	at      place  // behind the last of them
	written int64  // hashes in the file
	added   []byte // hashes that are not in it yet
	said    *standing
}

// place is a position between two records.
type place struct {
	segment int // 0: before the first
	off     int64
	head    [32]byte // of the chain there
	pruned  bool     // the record before was pruned: nobody knows head
}

// openTree opens the tree of a log that c covers, and holds the two against each
// other. A tree that is missing or damaged is built anew, which reads the whole
// log. errRewritten means that the records which c covers are others now.
func openTree(ctx context.Context, dir string, c Checkpoint) (*tree, error) {
	f, err := durable.Open(filepath.Join(dir, treeName), os.O_RDWR|os.O_CREATE)
	if err != nil {
		return nil, fmt.Errorf("opening the tree: %w", err)
	}
	t := &tree{dir: dir, file: f}
	if err := t.resume(ctx, c); err != nil {
		f.Close()
		return nil, err
	}
	return t, nil
}

// resume keeps the hashes that c covers: those behind them may not have reached
// the disk.
func (t *tree) resume(ctx context.Context, c Checkpoint) error {
	if c.Size == 0 {
		return t.reset()
	}
	have, err := t.holds()
	if err != nil {
		return err
	}
	t.size, t.written = c.Size, tlog.StoredHashCount(int64(c.Size)) //nolint:gosec // a log's size fits
	if have < c.Size || c.Root == "" || t.rootText(c.Size) != c.Root {
		return t.again(ctx, c)
	}
	leaf, err := t.ReadHashes([]int64{tlog.StoredHashIndex(0, int64(c.Size)-1)}) //nolint:gosec // a log's size fits
	if err != nil {
		return err
	}
	line, at, err := locate(t.dir, c.Size)
	if errors.Is(err, ErrPruned) { // an earlier checkpoint was put back
		return t.again(ctx, c)
	}
	if err != nil {
		return err
	}
	if tlog.RecordHash(line) != leaf[0] {
		return fmt.Errorf("%w: record %d was changed", errRewritten, c.Size)
	}
	t.at = at
	return nil
}

// again builds the tree anew.
func (t *tree) again(ctx context.Context, c Checkpoint) error {
	if err := t.reset(); err != nil {
		return err
	}
	if err := t.extend(ctx, c.Size); err != nil {
		return err
	}
	return t.meet(c)
}

// meet holds a tree that was built anew against the checkpoint.
func (t *tree) meet(c Checkpoint) error {
	if c.Root != "" && t.rootText(c.Size) != c.Root || c.Root == "" && headText(t.at.head) != c.Head {
		return fmt.Errorf("%w: its past is not what its checkpoint of %d records names", errRewritten, c.Size)
	}
	return nil
}

func (t *tree) reset() error {
	t.size, t.at, t.written, t.added = 0, place{}, 0, t.added[:0]
	return t.file.Truncate(0)
}

// holds is how many records' hashes are in the file whole.
func (t *tree) holds() (uint64, error) {
	info, err := t.file.Stat()
	if err != nil {
		return 0, err
	}
	hashes := info.Size() / tlog.HashSize
	n := sort.Search(int(hashes), func(n int) bool { return tlog.StoredHashCount(int64(n)+1) > hashes })
	return uint64(n), nil //nolint:gosec // Search gives no negative number
}

// extend adds the records up to a size, each of which must follow the one before.
func (t *tree) extend(ctx context.Context, size uint64) error {
	for t.size < size {
		n := max(t.at.segment, 1)
		s, err := openScanner(t.dir, n, t.at.off)
		if err != nil {
			return err
		}
		err = t.read(ctx, s, size)
		s.file.Close()
		if errors.Is(err, io.EOF) {
			if t.size < size {
				t.at.segment, t.at.off = n+1, 0
			}
			continue
		}
		if err != nil {
			return err
		}
	}
	return t.flush()
}

// read adds what is left of a segment; io.EOF at its end.
func (t *tree) read(ctx context.Context, s *scanner, size uint64) error {
	for t.size < size {
		if err := cancelled(ctx, t.size); err != nil {
			return err
		}
		line, g, err := s.step()
		if err != nil {
			return err
		}
		if g != nil {
			err = t.pass(g)
		} else {
			err = t.add(line)
		}
		if err != nil {
			return err
		}
		t.at.segment, t.at.off = s.segment, s.off
	}
	return nil
}

func (t *tree) add(line []byte) error {
	if !t.at.pruned && !follows(line, t.at.head) {
		return fmt.Errorf("%w: record %d does not follow the one before", errRewritten, t.size+1)
	}
	if err := t.leaf(tlog.RecordHash(line)); err != nil {
		return err
	}
	t.at.head, t.at.pruned = sha256.Sum256(line), false
	if t.said != nil {
		t.said.take(line, 0, math.MaxUint64)
	}
	return nil
}

// pass adds records that were pruned.
func (t *tree) pass(g *gap) error {
	if g.first != t.size+1 {
		return fmt.Errorf("%w: pruned records begin with %d in the place of %d", errRewritten, g.first, t.size+1)
	}
	for _, hash := range g.hashes {
		if err := t.leaf(hash); err != nil {
			return err
		}
	}
	t.at.head, t.at.pruned = [32]byte{}, true
	return nil
}

func (t *tree) leaf(hash tlog.Hash) error {
	hashes, err := tlog.StoredHashesForRecordHash(int64(t.size), hash, t) //nolint:gosec // a log's size fits
	if err != nil {
		return err
	}
	for i := range hashes {
		t.added = append(t.added, hashes[i][:]...)
	}
	t.size++
	if len(t.added) < maxHashes {
		return nil
	}
	return t.flush()
}

// follows tells whether a line names the head of the chain before it. A quote
// inside of a text is escaped, so the key is found nowhere else.
func follows(line []byte, head [32]byte) bool {
	const key = `"prev":"`
	at := bytes.Index(line, []byte(key))
	if at < 0 || len(line) < at+len(key)+hex.EncodedLen(len(head)) {
		return false
	}
	var named [32]byte
	_, err := hex.Decode(named[:], line[at+len(key):at+len(key)+hex.EncodedLen(len(head))])
	return err == nil && named == head
}

// flush writes the new hashes behind those in the file.
func (t *tree) flush() error {
	if len(t.added) == 0 {
		return nil
	}
	if _, err := t.file.WriteAt(t.added, t.written*tlog.HashSize); err != nil {
		return fmt.Errorf("writing the tree: %w", err)
	}
	t.written += int64(len(t.added) / tlog.HashSize)
	t.added = t.added[:0]
	return nil
}

// ReadHashes makes the tree a tlog.HashReader.
func (t *tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		if index >= t.written {
			from := int(index-t.written) * tlog.HashSize
			if from+tlog.HashSize > len(t.added) {
				return nil, fmt.Errorf("the tree has no hash %d", index)
			}
			copy(out[i][:], t.added[from:])
			continue
		}
		if _, err := t.file.ReadAt(out[i][:], index*tlog.HashSize); err != nil {
			return nil, fmt.Errorf("reading the tree: %w", err)
		}
	}
	return out, nil
}

// root is the hash of the tree of the first so many records.
func (t *tree) root(size uint64) (tlog.Hash, error) {
	if size == 0 {
		return tlog.Hash{}, nil
	}
	return tlog.TreeHash(int64(size), t) //nolint:gosec // a log's size fits
}

// rootText is the root as checkpoints have it; empty when it cannot be read.
func (t *tree) rootText(size uint64) string {
	root, err := t.root(size)
	if err != nil {
		return ""
	}
	return headText(root)
}

func (t *tree) close() error { return t.file.Close() }

// locate finds a record's line, and the place behind it.
func locate(dir string, seq uint64) (line []byte, behind place, err error) {
	n, first, err := segmentOf(dir, seq)
	if err != nil {
		return nil, place{}, err
	}
	s, err := openScanner(dir, n, 0)
	if err != nil {
		return nil, place{}, err
	}
	defer s.file.Close()
	for first <= seq {
		line, g, err := s.step()
		switch {
		case err != nil:
			return nil, place{}, fmt.Errorf("%w: there is no record %d", errRewritten, seq)
		case g != nil && seq <= g.last():
			return nil, place{}, fmt.Errorf("record %d: %w", seq, ErrPruned)
		case g != nil:
			first = g.last()
		case first == seq:
			return bytes.Clone(line), place{segment: n, off: s.off, head: sha256.Sum256(line)}, nil
		}
		first++
	}
	return nil, place{}, fmt.Errorf("%w: there is no record %d", errRewritten, seq)
}

// segmentOf finds the segment of a record, and the number of that segment's first.
func segmentOf(dir string, seq uint64) (segment int, first uint64, err error) {
	all, err := segments(dir)
	if err != nil {
		return 0, 0, err
	}
	var d decoder
	for _, n := range slices.Backward(all) {
		s, err := openScanner(dir, n, 0)
		if err != nil {
			return 0, 0, err
		}
		line, err := s.next()
		var r Record
		if err == nil {
			err = d.decode(line, &r)
		}
		s.file.Close()
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, errPartial): // begun, and nothing in it
		case err != nil:
			return 0, 0, s.fault(0, err)
		case r.Seq <= seq:
			return n, r.Seq, nil
		}
	}
	return 0, 0, fmt.Errorf("%w: there is no record %d", errRewritten, seq)
}
