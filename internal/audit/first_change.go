package audit

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/tlog"

	"doorward/internal/durable"
)

// pastError is that of a log which a checkpoint contradicts.
type pastError struct{ checkpoint Checkpoint }

func (e *pastError) Error() string {
	return fmt.Sprintf("the log is not the one that a checkpoint of %d records names: its past was rewritten", e.checkpoint.Size)
}

// firstChange finds the first record that is not as it was when a checkpoint was made, by
// the hashes in DIR/tree, and nil where they do not tell: they are not there, or are not
// those that the checkpoint's root is made of. Whoever rewrites the log can rewrite them,
// but not so that they have this root.
func firstChange(ctx context.Context, dir string, past *pastError) *Fault {
	f, err := durable.Open(filepath.Join(dir, treeName), os.O_RDONLY)
	if err != nil {
		return nil // the fault is told without it
	}
	defer f.Close()
	c := comparison{size: past.checkpoint.Size, leaves: leafReader{in: bufio.NewReaderSize(f, 256<<10)}}
	all, err := keptSegments(dir)
	for i := 0; err == nil && c.found == nil && i < len(all); i++ {
		err = c.segment(ctx, dir, all[i])
	}
	for err == nil && c.was.size < c.size {
		if _, err = c.next(); err == nil {
			err = cancelled(ctx, c.was.size)
		}
	}
	if err != nil || c.found == nil || headText(c.was.root()) != past.checkpoint.Root {
		return nil
	}
	c.found.What = past.Error() + ", from this record on, as the tree beside the log shows"
	return c.found
}

// comparison holds the first so many records of a log against the leaves of its tree.
type comparison struct {
	size   uint64
	leaves leafReader
	was    edge   // of the leaves so far
	found  *Fault // the first that differs
}

// next is the next leaf of the tree.
func (c *comparison) next() (tlog.Hash, error) {
	leaf, err := c.leaves.next()
	if err == nil {
		c.was.add(leaf)
	}
	return leaf, err
}

// segment compares the records of a segment, up to one that differs.
func (c *comparison) segment(ctx context.Context, dir string, n int) error {
	s, err := openKept(dir, n)
	if err != nil {
		return err
	}
	defer s.file.Close()
	for c.was.size < c.size && c.found == nil {
		if err := cancelled(ctx, c.was.size); err != nil {
			return err
		}
		line, g, err := s.step()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		hashes := []tlog.Hash{tlog.RecordHash(line)}
		if g != nil {
			hashes = g.hashes
		}
		if err := c.compare(s, hashes); err != nil {
			return err
		}
	}
	return nil
}

func (c *comparison) compare(s *scanner, hashes []tlog.Hash) error {
	for _, is := range hashes {
		was, err := c.next()
		if err != nil {
			return err
		}
		if is != was {
			c.found = &Fault{Segment: segmentName(s.segment), Line: s.line, Seq: c.was.size}
			return nil
		}
	}
	return nil
}

// leafReader reads the leaves of a tree's file, one after the other.
type leafReader struct {
	in      *bufio.Reader
	n, read int64 // leaves, and hashes of any kind
}

func (r *leafReader) next() (leaf tlog.Hash, err error) {
	skip := tlog.StoredHashIndex(0, r.n) - r.read
	if _, err := r.in.Discard(int(skip) * tlog.HashSize); err != nil {
		return leaf, err
	}
	_, err = io.ReadFull(r.in, leaf[:])
	r.n++
	r.read += skip + 1
	return leaf, err
}
