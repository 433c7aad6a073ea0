package audit

import (
	"fmt"
	"io"
	"os"
	"strings"

	"doorward/internal/durable"
)

// Bounds of a file with many checkpoints: what is taken every 10 s for four months.
const (
	maxCheckpoints     = 1 << 20
	maxCheckpointsFile = 1 << 30 // bytes
)

// AppendText adds a signed checkpoint to those of a file that holds many: its note,
// then an empty line.
func (c Checkpoint) AppendText(to []byte) []byte { return append(append(to, c.Note...), '\n') }

// ReadCheckpoints reads a file with one checkpoint in any of its forms, or with many
// that are signed, one after the other, an empty line after each. A last one that a
// crash cut short is left out.
func ReadCheckpoints(path string) ([]Checkpoint, error) {
	f, err := durable.Open(path, os.O_RDONLY)
	if err != nil {
		return nil, fmt.Errorf("reading checkpoints: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxCheckpointsFile+1))
	if err == nil && len(text) > maxCheckpointsFile {
		err = fmt.Errorf("it has more than %d bytes", maxCheckpointsFile)
	}
	var all []Checkpoint
	if err == nil {
		all, err = ParseCheckpoints(string(text))
	}
	if err != nil {
		return nil, fmt.Errorf("reading checkpoints of %s: %w", path, err)
	}
	return all, nil
}

// ParseCheckpoints reads what such a file holds.
func ParseCheckpoints(text string) ([]Checkpoint, error) {
	one, single := ParseCheckpoint(text)
	if single == nil {
		return []Checkpoint{one}, nil
	}
	var all []Checkpoint
	for text != "" {
		body, rest, ok := strings.Cut(text, "\n\n")
		signatures, after, whole := strings.Cut(rest, "\n\n")
		if !ok || !whole {
			break // cut short
		}
		c, err := ParseCheckpoint(body + "\n\n" + signatures + "\n")
		if err != nil {
			return nil, fmt.Errorf("checkpoint %d: %w", len(all)+1, err)
		}
		if len(all) == maxCheckpoints {
			return nil, fmt.Errorf("there are more than %d: divide the file", maxCheckpoints)
		}
		all, text = append(all, c), after
	}
	if len(all) == 0 {
		return nil, single
	}
	return all, nil
}
