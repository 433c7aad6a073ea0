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

	"golang.org/x/mod/sumdb/note"

	"doorward/internal/durable"
)

// Checkpoint names a position in the log and the hash of everything before it.
// Kept away from the machine, it proves later that nothing up to it was changed or
// cut off.
type Checkpoint struct {
	Origin string // which log: the name in its start records
	Size   uint64 // records up to here; the last one's seq
	Root   string // of the Merkle tree over them (RFC 6962), standard base64
	// Note is the checkpoint as it is in files, with its signatures; empty for one
	// that nobody signed.
	Note string

	// Head and Time are of checkpoints from before format 6, which have no Root: the
	// SHA-256 of the last record's line, and when it was taken.
	Head string
	Time time.Time
}

const maxCheckpoint = 16 << 10 // with more cosignatures than a log has witnesses

// Text is the checkpoint's form in files: with its signatures a signed note as in
// C2SP tlog-checkpoint; without any, the three lines of its body.
func (c Checkpoint) Text() string {
	switch {
	case c.Note != "":
		return c.Note
	case c.Root == "":
		return fmt.Sprintf("%s\n%d\n%s\n%s\n", c.Origin, c.Size, c.Head, c.Time.UTC().Format(time.RFC3339))
	}
	return c.body()
}

func (c Checkpoint) body() string { return fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.Size, c.Root) }

// ParseCheckpoint reads what Text wrote, byte for byte. It does not look at the
// signatures: Verify does, which knows the keys.
func ParseCheckpoint(text string) (Checkpoint, error) {
	if len(text) > maxCheckpoint {
		return Checkpoint{}, fmt.Errorf("a checkpoint has at most %d bytes", maxCheckpoint)
	}
	body, signatures, signed := strings.Cut(text, "\n\n")
	if signed {
		body += "\n"
	}
	lines := strings.Split(body, "\n")
	if len(lines) != 4 && (len(lines) != 5 || signed) || lines[len(lines)-1] != "" {
		return Checkpoint{}, errors.New("a checkpoint has three lines: origin, size, root; then, if it is signed, an empty one and the signatures")
	}
	size, err := strconv.ParseUint(lines[1], 10, 53)
	if err != nil {
		return Checkpoint{}, errors.New("the second line of a checkpoint is a number of records")
	}
	hash, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(hash) != 32 {
		return Checkpoint{}, errors.New("the third line of a checkpoint is a SHA-256 in base64")
	}
	c := Checkpoint{Origin: lines[0], Size: size, Root: lines[2]}
	switch {
	case signed && !signatureLines(signatures):
		return Checkpoint{}, errors.New("what follows the empty line of a checkpoint are signatures, a line each")
	case signed:
		c.Note = text
	case len(lines) == 5:
		if c, err = chained(lines, size); err != nil {
			return Checkpoint{}, err
		}
	}
	if c.Origin == "" || signed && c.body() != body || !signed && c.Text() != text {
		return Checkpoint{}, errors.New("the checkpoint is not in its canonical form")
	}
	return c, nil
}

// signatureLines tells whether a text is what a signed note ends in: a dash, a name,
// and base64 of four bytes of the key's hash and a signature, a line each.
func signatureLines(text string) bool {
	lines := strings.Split(text, "\n")
	for _, line := range lines[:len(lines)-1] {
		name, sig, ok := strings.Cut(strings.TrimPrefix(line, "\u2014 "), " ")
		raw, err := base64.StdEncoding.DecodeString(sig)
		if !ok || name == "" || !strings.HasPrefix(line, "\u2014 ") || err != nil || len(raw) < 5 {
			return false
		}
	}
	return len(lines) > 1 && lines[len(lines)-1] == ""
}

// chained is a checkpoint of a log before format 6.
func chained(lines []string, size uint64) (Checkpoint, error) {
	when, err := time.Parse(time.RFC3339, lines[3])
	if err != nil {
		return Checkpoint{}, errors.New("the fourth line of a checkpoint without a signature is a time")
	}
	return Checkpoint{Origin: lines[0], Size: size, Head: lines[2], Time: when.UTC()}, nil
}

// SignedBy tells which of the keys signed the checkpoint, by their names and
// hashes as in signatures; none when nobody did.
func (c Checkpoint) SignedBy(keys []note.Verifier) []note.Signature {
	n, err := note.Open([]byte(c.Note), note.VerifierList(keys...))
	if err != nil {
		return nil
	}
	return n.Sigs
}

// ReadCheckpoint reads a checkpoint file.
func ReadCheckpoint(path string) (Checkpoint, error) {
	f, err := durable.Open(path, os.O_RDONLY)
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
	if err := durable.Replace(path, []byte(c.Text())); err != nil {
		return fmt.Errorf("writing checkpoint: %w", err)
	}
	return nil
}

func headText(head [32]byte) string { return base64.StdEncoding.EncodeToString(head[:]) }

func isNotExist(err error) bool { return errors.Is(err, fs.ErrNotExist) }
