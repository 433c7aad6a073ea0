package audit

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"
)

// Checkpoint names a position in the log and the head of the chain there. Kept
// away from the machine, it proves later that nothing up to it was changed or
// cut off.
type Checkpoint struct {
	Origin string    // which log: the name in its start records
	Size   uint64    // records up to here; the last one's seq
	Head   string    // SHA-256 of the last record's line, standard base64
	Time   time.Time // when it was taken, in whole seconds
}

const maxCheckpoint = 1 << 10

// Text is the checkpoint's form in files: origin, size and head on a line each,
// as in C2SP tlog-checkpoint, and then the time.
func (c Checkpoint) Text() string {
	return fmt.Sprintf("%s\n%d\n%s\n%s\n", c.Origin, c.Size, c.Head, c.Time.UTC().Format(time.RFC3339))
}

// ParseCheckpoint reads what Text wrote, byte for byte.
func ParseCheckpoint(text string) (Checkpoint, error) {
	lines := strings.Split(text, "\n")
	if len(text) > maxCheckpoint || len(lines) != 5 {
		return Checkpoint{}, errors.New("a checkpoint has four lines: origin, size, head, time")
	}
	size, err := strconv.ParseUint(lines[1], 10, 64)
	if err != nil {
		return Checkpoint{}, errors.New("the checkpoint's size is no number")
	}
	if head, err := base64.StdEncoding.Strict().DecodeString(lines[2]); err != nil || len(head) != 32 {
		return Checkpoint{}, errors.New("the checkpoint's head is no SHA-256 in base64")
	}
	when, err := time.Parse(time.RFC3339, lines[3])
	if err != nil {
		return Checkpoint{}, errors.New("the checkpoint's time is not RFC 3339")
	}
	c := Checkpoint{Origin: lines[0], Size: size, Head: lines[2], Time: when.UTC()}
	if c.Origin == "" || c.Text() != text {
		return Checkpoint{}, errors.New("the checkpoint is not in its canonical form")
	}
	return c, nil
}

// ReadCheckpoint reads a checkpoint file.
func ReadCheckpoint(path string) (Checkpoint, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|noFollow, 0)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("reading checkpoint: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxCheckpoint+1))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("reading checkpoint: %w", err)
	}
	c, err := ParseCheckpoint(string(text))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("reading checkpoint %s: %w", path, err)
	}
	return c, nil
}

// WriteCheckpoint writes a checkpoint file, whole or not at all.
func WriteCheckpoint(path string, c Checkpoint) error {
	if err := replaceFile(path, []byte(c.Text())); err != nil {
		return fmt.Errorf("writing checkpoint: %w", err)
	}
	return nil
}

// Checkpoint is the log's position now. What it covers is as durable as
// configured.
func (l *Log) Checkpoint() Checkpoint {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.at(l.state)
}

func (l *Log) at(s state) Checkpoint {
	return Checkpoint{Origin: l.origin, Size: s.seq, Head: headText(s.head), Time: time.Now().UTC().Truncate(time.Second)}
}

func headText(head [32]byte) string { return base64.StdEncoding.EncodeToString(head[:]) }

func isNotExist(err error) bool { return errors.Is(err, fs.ErrNotExist) }
