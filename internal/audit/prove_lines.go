package audit

import (
	"bytes"
	"context"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// ProveLines makes proofs of lines of the log, without their newlines and in the order
// of their numbers, against one checkpoint: the one beside the log. Lines that it does
// not cover yet have no proof. It may run beside the writer.
func ProveLines(ctx context.Context, dir string, lines [][]byte) (all []Proof, at Checkpoint, err error) {
	err = reading(ctx, dir, func(t *tree, c Checkpoint) error {
		all, at = make([]Proof, 0, len(lines)), c // it may be the second time
		var d decoder
		var r Record
		for n, line := range lines {
			if err := cancelled(ctx, uint64(n)); err != nil {
				return err
			}
			if err := d.decode(line, &r); err != nil {
				return err
			}
			if r.Seq > c.Size {
				return nil
			}
			p := Proof{Line: bytes.Clone(line), Seq: r.Seq, Checkpoint: c}
			if p.Hashes, err = tlog.ProveRecord(int64(c.Size), int64(r.Seq)-1, t); err != nil { //nolint:gosec // a log's size fits
				return err
			}
			if err := p.Check(); err != nil {
				return err
			}
			all = append(all, p)
		}
		return nil
	})
	if err != nil {
		return nil, Checkpoint{}, fmt.Errorf("proving %d records: %w", len(lines), err)
	}
	return all, at, nil
}
