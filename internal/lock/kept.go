package lock

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"doorward/internal/gate"
)

// kept is the newest signed lock that was believed here: its number and what it
// said. It is in the data directory, so that whoever can write the lock file, and
// has an older one that was signed, cannot put that one back.
type kept struct {
	sequence uint64
	sum      gate.Digest
}

// maxKept bounds lock.sequence, in bytes.
const maxKept = 4 << 10

type keptFile struct {
	Sequence uint64 `json:"sequence"`
	Digest   string `json:"digest"`
}

// kept reads it; one that cannot be read is an error, or a damaged file would
// allow what it is there to refuse. It is read before the lock file: who writes
// both writes the lock file first.
func (s *Signing) kept() (kept, error) {
	if !s.asks() || s.Kept == "" {
		return kept{}, nil
	}
	data, err := read(s.Kept, maxKept)
	if errors.Is(err, fs.ErrNotExist) {
		return kept{}, nil
	}
	if err != nil {
		return kept{}, fmt.Errorf("reading which lock was in force: %w", err)
	}
	var f keptFile
	err = json.Unmarshal(data, &f)
	var k kept
	if err == nil {
		k.sequence = f.Sequence
		k.sum, err = gate.ParseDigest(f.Digest)
	}
	if err != nil {
		return kept{}, fmt.Errorf("reading which lock was in force from %s: %w", s.Kept, err)
	}
	return k, nil
}

// keep writes down that a lock is believed.
func (s *Signing) keep(l *Lock) error {
	if !s.asks() || s.Kept == "" || l.signature == nil {
		return nil
	}
	k := kept{l.sequence, l.sum()}
	if now, err := s.kept(); err != nil || now == k || now.sequence > k.sequence {
		return err
	}
	data, err := json.Marshal(keptFile{k.sequence, k.sum.String()})
	if err != nil {
		return fmt.Errorf("writing which lock is in force: %w", err)
	}
	if err := replace(s.Kept, append(data, '\n'), 0o600, nil); err != nil {
		return fmt.Errorf("writing which lock is in force: %w", err)
	}
	return nil
}
