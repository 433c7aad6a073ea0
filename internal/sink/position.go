package sink

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"doorward/internal/durable"
)

// position is how far a sink has come: the next record, and the digest of the one
// before it, in hex; empty before the first.
type position struct {
	next uint64
	head string
}

const maxPosition = 128 // bytes of its file

// load reads a position; the first record where there is none yet. One that cannot
// be read is an error: to begin anew could send years of records.
func load(path string) (position, error) {
	f, err := durable.Open(path, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return position{next: 1}, nil
	}
	if err != nil {
		return position{}, fmt.Errorf("reading a sink's position: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxPosition+1))
	if err != nil {
		return position{}, fmt.Errorf("reading a sink's position: %w", err)
	}
	number, head, _ := strings.Cut(strings.TrimSuffix(string(text), "\n"), " ")
	next, err := strconv.ParseUint(number, 10, 64)
	p := position{next: next, head: head}
	sum, bad := hex.DecodeString(head)
	if err != nil || next == 0 || p.text() != string(text) || next > 1 && (bad != nil || len(sum) != sha256.Size) {
		return position{}, fmt.Errorf("%s is no position of a sink: remove it, and every record is sent again", path)
	}
	return p, nil
}

func (p position) text() string {
	return strconv.FormatUint(p.next, 10) + " " + p.head + "\n"
}

// save writes it whole or not at all, and durably.
func (p position) save(path string) error {
	if err := durable.Replace(path, []byte(p.text())); err != nil {
		return fmt.Errorf("writing a sink's position: %w", err)
	}
	return nil
}

// Next is the first record that a sink does not have, of those whose positions are in a
// directory (SetConfig.Dir); the first of the log where it has none.
func Next(dir, name string) (uint64, error) {
	p, err := load(file(dir, name))
	return p.next, err
}
