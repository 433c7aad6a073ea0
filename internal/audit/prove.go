package audit

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"doorward/internal/durable"
)

// ErrUnproven means that a proof does not show what it says.
var ErrUnproven = errors.New("the proof does not hold")

// Proof shows that one record is in the log that a checkpoint names.
type Proof struct {
	Line       []byte // the record, without its newline
	Seq        uint64
	Hashes     tlog.RecordProof
	Checkpoint Checkpoint
}

// maxProof bounds the text of a proof: a record in base64, 63 hashes, a checkpoint.
const maxProof = 2 * maxLine

const proofHeader = "c2sp.org/tlog-proof@v1"

// Prove makes a proof of a record that the checkpoint beside the log covers. It
// may run beside the writer. When the tree's file is missing or is not that
// checkpoint's, the hashes are computed from the whole log.
func Prove(ctx context.Context, dir string, seq uint64) (Proof, error) {
	p := Proof{Seq: seq}
	err := reading(ctx, dir, func(t *tree, c Checkpoint) (err error) {
		if seq == 0 || seq > c.Size {
			return fmt.Errorf("the checkpoint covers records 1 to %d, and there is no proof of %d", c.Size, seq)
		}
		p.Checkpoint = c
		if p.Line, _, err = locate(dir, seq); err != nil {
			return err
		}
		if p.Hashes, err = tlog.ProveRecord(int64(c.Size), int64(seq)-1, t); err != nil { //nolint:gosec // a log's size fits
			return err
		}
		return p.Check()
	})
	if err != nil {
		return Proof{}, fmt.Errorf("proving record %d: %w", seq, err)
	}
	return p, nil
}

// Check holds the proof against its own checkpoint: the record is number Seq of
// that log. Who signed the checkpoint is told by SignedBy.
func (p *Proof) Check() error {
	root, err := tlog.ParseHash(p.Checkpoint.Root)
	if err != nil {
		return fmt.Errorf("%w: the checkpoint has no root", ErrUnproven)
	}
	var d decoder
	var r Record
	if err := d.decode(p.Line, &r); err != nil {
		return fmt.Errorf("%w: the record: %w", ErrUnproven, err)
	}
	if r.Seq != p.Seq || p.Seq == 0 || p.Seq > p.Checkpoint.Size {
		return fmt.Errorf("%w: the record is number %d, the proof is of %d", ErrUnproven, r.Seq, p.Seq)
	}
	err = tlog.CheckRecord(p.Hashes, int64(p.Checkpoint.Size), root, int64(p.Seq)-1, tlog.RecordHash(p.Line)) //nolint:gosec // ParseCheckpoint bounds it
	if err != nil {
		return fmt.Errorf("%w: the record is not in the log that the checkpoint names", ErrUnproven)
	}
	return nil
}

// Text is the proof's form in files, C2SP tlog-proof. Its extra data is the record.
func (p *Proof) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\nextra %s\nindex %d\n", proofHeader, base64.StdEncoding.EncodeToString(p.Line), p.Seq-1)
	for _, h := range p.Hashes {
		b.WriteString(headText(h) + "\n")
	}
	return b.String() + "\n" + p.Checkpoint.Text()
}

// ParseProof reads what Text wrote. It does not check it.
func ParseProof(text string) (Proof, error) {
	head, checkpoint, ok := strings.Cut(text, "\n\n")
	lines := strings.Split(head, "\n")
	if !ok || len(text) > maxProof || len(lines) < 3 || lines[0] != proofHeader {
		return Proof{}, errors.New("this is no proof: it begins with " + proofHeader + ", extra and index, and ends in a checkpoint")
	}
	var p Proof
	var err error
	if p.Checkpoint, err = ParseCheckpoint(checkpoint); err != nil {
		return Proof{}, err
	}
	extra, ok := strings.CutPrefix(lines[1], "extra ")
	if p.Line, err = base64.StdEncoding.DecodeString(extra); !ok || err != nil {
		return Proof{}, errors.New("the second line of a proof is extra and the record in base64")
	}
	index, ok := strings.CutPrefix(lines[2], "index ")
	n, err := strconv.ParseUint(index, 10, 53)
	if !ok || err != nil {
		return Proof{}, errors.New("the third line of a proof is index and a number")
	}
	p.Seq = n + 1
	for _, line := range lines[3:] {
		h, err := tlog.ParseHash(line)
		if err != nil {
			return Proof{}, errors.New("a line of a proof is no SHA-256 in base64")
		}
		p.Hashes = append(p.Hashes, h)
	}
	if p.Text() != text {
		return Proof{}, errors.New("the proof is not in its canonical form")
	}
	return p, nil
}

// ReadProof reads a proof from a file. It does not check it.
func ReadProof(path string) (Proof, error) {
	f, err := durable.OpenNamed(path)
	if err != nil {
		return Proof{}, fmt.Errorf("reading proof: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxProof+1))
	if err != nil {
		return Proof{}, fmt.Errorf("reading proof: %w", err)
	}
	p, err := ParseProof(string(text))
	if err != nil {
		return Proof{}, fmt.Errorf("reading proof %s: %w", path, err)
	}
	return p, nil
}

// Extends shows that the log of a later checkpoint goes on from an earlier one: the
// hashes of RFC 6962, section 2.1.2. It is checked before it is returned.
func Extends(ctx context.Context, dir string, old Checkpoint) (tlog.TreeProof, Checkpoint, error) {
	var proof tlog.TreeProof
	var now Checkpoint
	err := reading(ctx, dir, func(t *tree, c Checkpoint) (err error) {
		now = c
		if proof, err = t.extends(old, c.Size); err != nil {
			return err
		}
		return checkExtends(proof, old, c)
	})
	if err != nil {
		return nil, Checkpoint{}, fmt.Errorf("proving that the log goes on from record %d: %w", old.Size, err)
	}
	return proof, now, nil
}

func (t *tree) extends(old Checkpoint, size uint64) (tlog.TreeProof, error) {
	if old.Size == 0 || old.Size > size {
		return nil, fmt.Errorf("%w: the checkpoint of %d records is no earlier one than that of %d", ErrUnproven, old.Size, size)
	}
	return tlog.ProveTree(int64(size), int64(old.Size), t) //nolint:gosec // a log's size fits
}

func checkExtends(proof tlog.TreeProof, old, now Checkpoint) error {
	before, err := tlog.ParseHash(old.Root)
	if err != nil {
		return fmt.Errorf("%w: the earlier checkpoint has no root", ErrUnproven)
	}
	after, err := tlog.ParseHash(now.Root)
	if err == nil {
		err = tlog.CheckTree(proof, int64(now.Size), after, int64(old.Size), before) //nolint:gosec // a log's size fits
	}
	if err != nil {
		return fmt.Errorf("%w: the log of %d records does not go on from that of %d: its past was rewritten", ErrUnproven, now.Size, old.Size)
	}
	return nil
}

// reading hands out the tree of a log that another process may be writing, and the
// checkpoint that it is of. When what use made of the tree's file does not hold,
// the file is not believed and use gets a tree that was computed.
func reading(ctx context.Context, dir string, use func(*tree, Checkpoint) error) error {
	c, err := ReadCheckpoint(filepath.Join(dir, checkpointName))
	if err != nil {
		return err
	}
	f, err := durable.Open(filepath.Join(dir, treeName), os.O_RDONLY)
	if err == nil {
		defer f.Close()
		t := &tree{dir: dir, file: f, size: c.Size, written: tlog.StoredHashCount(int64(c.Size))} //nolint:gosec // a log's size fits
		if c.Root != "" && t.rootText(c.Size) == c.Root {
			if err := use(t, c); !errors.Is(err, ErrUnproven) {
				return err
			}
		}
	}
	t, err := computed(ctx, dir, c)
	if err != nil {
		return err
	}
	return errors.Join(use(t, c), t.close())
}

// computed is a tree in a file that has no name and goes when it is closed.
func computed(ctx context.Context, dir string, c Checkpoint) (*tree, error) {
	f, err := os.CreateTemp("", "doorward-tree-*")
	if err != nil {
		return nil, err
	}
	t := &tree{dir: dir, file: f}
	err = errors.Join(os.Remove(f.Name()), t.extend(ctx, c.Size))
	if err == nil {
		err = t.meet(c)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return t, nil
}
