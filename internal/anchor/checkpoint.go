package anchor

import (
	"context"
	"strings"
)

// Checkpoint is a signed note about what the log holds (C2SP tlog-checkpoint).
type Checkpoint struct {
	Origin string // which log
	Size   uint64 // records
	Root   string // of the tree over them, base64
	Note   string // with its signatures
}

// text is what is signed: origin, size, root.
func (c *Checkpoint) text() string {
	text, _, _ := strings.Cut(c.Note, "\n\n")
	return text + "\n"
}

// same tells whether two checkpoints say the same.
func (c *Checkpoint) same(other *Checkpoint) bool { return c.Note != "" && c.text() == other.text() }

// Log is the log whose checkpoints are taken outside.
type Log interface {
	// Newest makes a checkpoint of everything that is on record now.
	Newest(ctx context.Context) (Checkpoint, error)
	// Consistency shows that the log of a checkpoint goes on from its first records:
	// at most 63 hashes, base64.
	Consistency(ctx context.Context, from uint64, to Checkpoint) ([]string, error)
	// Compare holds the log against a note of it from elsewhere: the records that the
	// note names, and whether the log has them.
	Compare(ctx context.Context, note string) (size uint64, holds bool, err error)
}

// Place keeps checkpoints.
type Place interface {
	// Take keeps one. It must be durable then.
	Take(ctx context.Context, c Checkpoint) error
	// Last is the newest note of a log that it keeps; empty where there is none, or
	// the place does not tell.
	Last(ctx context.Context, origin string) (string, error)
}
