package audit

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// ErrShorter means that somebody has a checkpoint of more records than the log has.
var ErrShorter = errors.New("the log has fewer records")

// Consistency shows to whoever has seen the first records of a log that the log of a
// checkpoint goes on from there: the hashes of RFC 6962, section 2.1.2. There are none
// where from is 0 or the checkpoint's own size. It may run beside the writer, and is
// checked before it is returned.
func Consistency(ctx context.Context, dir string, from uint64, to Checkpoint) (tlog.TreeProof, error) {
	var proof tlog.TreeProof
	err := reading(ctx, dir, func(t *tree, c Checkpoint) (err error) {
		if from > to.Size || to.Size > c.Size {
			return fmt.Errorf("%w: from %d to %d of %d", ErrShorter, from, to.Size, c.Size)
		}
		if t.rootText(to.Size) != to.Root {
			return fmt.Errorf("%w: the log is not that of the checkpoint of %d records", ErrUnproven, to.Size)
		}
		if from == 0 || from == to.Size {
			return nil
		}
		old := Checkpoint{Size: from, Root: t.rootText(from)}
		if proof, err = t.extends(old, to.Size); err != nil {
			return err
		}
		return checkExtends(proof, old, to)
	})
	if err != nil {
		return nil, fmt.Errorf("proving that the log goes on from record %d: %w", from, err)
	}
	return proof, nil
}

// Holds tells whether a log is the one that a checkpoint names, up to there. ErrShorter
// and ErrUnproven say that it is not.
func Holds(ctx context.Context, dir string, c Checkpoint) error {
	err := reading(ctx, dir, func(t *tree, now Checkpoint) error {
		switch {
		case c.Root == "":
			return errors.New("it has no root: a Doorward before format 6 made it")
		case c.Size > now.Size:
			return fmt.Errorf("%w: %d of %d", ErrShorter, now.Size, c.Size)
		case c.Size > 0 && t.rootText(c.Size) != c.Root:
			return fmt.Errorf("%w: its first %d records are others", ErrUnproven, c.Size)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("holding the log against a checkpoint: %w", err)
	}
	return nil
}
