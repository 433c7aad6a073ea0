package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash"
	"strconv"

	"golang.org/x/mod/sumdb/tlog"
)

// gap is a line that stands in the place of records that were pruned: their numbers
// and the hashes of their leaves. With these every root of the tree can still be
// computed, that of a checkpoint in the middle of them too.
type gap struct {
	first  uint64
	by     [32]byte // digest of all that was pruned of the segment with them, as the record that says so has it
	hashes []tlog.Hash
}

// maxGap is how many records one line stands for: 175 KiB of the 512 that a line has.
const maxGap = 4096

// A gap's line begins with what no record begins with.
const gapStart = `{"pruned":{"by":"`

var errGap = errors.New("it stands for pruned records and is not in canonical form")

func isGap(line []byte) bool { return bytes.HasPrefix(line, []byte(gapStart)) }

// last is the number of the last record.
func (g *gap) last() uint64 { return g.first + uint64(len(g.hashes)) - 1 }

// append adds the line, without a newline. Keys are sorted, as in records.
func (g *gap) append(dst []byte) []byte {
	dst = hex.AppendEncode(append(dst, gapStart...), g.by[:])
	dst = strconv.AppendUint(append(dst, `","first":`...), g.first, 10)
	dst = append(dst, `,"hashes":"`...)
	raw := make([]byte, 0, len(g.hashes)*tlog.HashSize)
	for i := range g.hashes {
		raw = append(raw, g.hashes[i][:]...)
	}
	return append(base64.RawStdEncoding.AppendEncode(dst, raw), `"}}`...)
}

// parse reads what append wrote, byte for byte.
func (g *gap) parse(line []byte) error {
	*g = gap{hashes: g.hashes[:0]}
	rest, ok := bytes.CutPrefix(line, []byte(gapStart))
	by, rest, found := bytes.Cut(rest, []byte(`","first":`))
	number, rest, more := bytes.Cut(rest, []byte(`,"hashes":"`))
	text, ends := bytes.CutSuffix(rest, []byte(`"}}`))
	if !ok || !found || !more || !ends || len(by) != hex.EncodedLen(len(g.by)) {
		return errGap
	}
	_, err := hex.Decode(g.by[:], by)
	if err == nil {
		g.first, err = strconv.ParseUint(string(number), 10, 53)
	}
	raw := make([]byte, base64.RawStdEncoding.DecodedLen(len(text)))
	n, bad := base64.RawStdEncoding.Decode(raw, text)
	if err != nil || bad != nil || g.first == 0 || n == 0 || n%tlog.HashSize != 0 || n > maxGap*tlog.HashSize {
		return errGap
	}
	for raw = raw[:n]; len(raw) > 0; raw = raw[tlog.HashSize:] {
		g.hashes = append(g.hashes, tlog.Hash(raw[:tlog.HashSize]))
	}
	if !bytes.Equal(g.append(nil), line) {
		return errGap
	}
	return nil
}

// prunedSet is the digest of records that are pruned of one segment together: SHA-256
// of a name and, of each in order, its number (8 bytes) and its leaf's hash.
type prunedSet struct {
	hash.Hash
	count       uint64
	first, last uint64
}

func newPrunedSet() *prunedSet {
	s := &prunedSet{Hash: sha256.New()}
	_, _ = s.Write([]byte("doorward audit pruned\n"))
	return s
}

func (s *prunedSet) add(seq uint64, leaf tlog.Hash) {
	var number [8]byte
	binary.BigEndian.PutUint64(number[:], seq)
	_, _ = s.Write(number[:])
	_, _ = s.Write(leaf[:])
	if s.count++; s.first == 0 {
		s.first = seq
	}
	s.last = seq
}

func (s *prunedSet) digest() (sum [32]byte) {
	s.Sum(sum[:0])
	return sum
}
