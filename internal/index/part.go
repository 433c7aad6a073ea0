package index

import (
	"encoding/binary"
	"math"
	"time"

	"doorward/internal/audit"
)

// Bounds of a part and of its blocks. A part of 16,384 records takes about 0.1 s to make,
// and to scan where it is not made yet; a block of 64 is 45 KB of a usual log, which is
// read whole for each candidate in it.
const (
	partRecords  = 1 << 14
	blockRecords = 64
	blockBytes   = audit.MaxRun / 2
	// partPostings bounds the memory of a part that is being made: 8 bytes each, twice.
	partPostings = 1 << 20
)

// head is a part: the records of numbers from first to next (exclusive) but for those
// that were pruned, all of one segment. last is where the last of them stands.
type head struct {
	first, next    uint64
	last           audit.Place // of the zero value when all were pruned
	oldest, newest int64       // Unix nanoseconds
	records        int
	blocks         int
}

// block is a run of a part's records.
type block struct {
	audit.Run
	seq            uint64 // of its first record
	end            uint64 // that of the block after it, or of what follows the part
	start, records int    // where it begins in the part, and how many it has
	oldest, newest int64
}

// nanos is a time in Unix nanoseconds; of one that these do not reach (before 1678, after
// 2261) it is the end that is next to it.
func nanos(t time.Time) int64 {
	const reach = math.MaxInt64 / int64(time.Second) // in seconds
	switch s := t.Unix(); {
	case s >= reach:
		return math.MaxInt64
	case s <= -reach:
		return math.MinInt64
	}
	return t.UnixNano()
}

func (h *head) append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, h.next)
	dst = binary.AppendUvarint(dst, h.last.Seq)
	for _, n := range [...]int64{int64(h.last.Segment), h.last.Off, h.oldest, h.newest, int64(h.records), int64(h.blocks)} {
		dst = binary.AppendVarint(dst, n)
	}
	return dst
}

// reader takes numbers off a text; bad says that one was missing.
type reader struct {
	data []byte
	bad  bool
}

func (r *reader) unsigned() uint64 {
	v, n := binary.Uvarint(r.data)
	r.took(n)
	return v
}

func (r *reader) signed() int64 {
	v, n := binary.Varint(r.data)
	r.took(n)
	return v
}

func (r *reader) took(n int) {
	if n <= 0 {
		r.bad, r.data = true, nil
		return
	}
	r.data = r.data[n:]
}

func parseHead(first uint64, data []byte) (head, error) {
	r := reader{data: data}
	h := head{first: first, next: r.unsigned()}
	h.last.Seq = r.unsigned()
	segment := r.signed()
	h.last.Off, h.oldest, h.newest = r.signed(), r.signed(), r.signed()
	records, blocks := r.signed(), r.signed()
	if r.bad || len(r.data) > 0 || h.next <= h.first || segment < 0 || records < 0 || records > partRecords || blocks < 0 || blocks > records || (blocks == 0) != (records == 0) {
		return head{}, errDamaged
	}
	h.last.Segment, h.records, h.blocks = int(segment), int(records), int(blocks)
	return h, nil
}

func appendBlocks(dst []byte, all []block) []byte {
	for i := range all {
		b := &all[i]
		dst = binary.AppendUvarint(dst, b.seq)
		for _, n := range [...]int64{b.Off, b.Len, int64(b.records), b.oldest, b.newest - b.oldest} {
			dst = binary.AppendVarint(dst, n)
		}
		dst = append(dst, b.Sum[:]...)
	}
	return dst
}

func (h *head) parseBlocks(data []byte) ([]block, error) {
	r := reader{data: data}
	all := make([]block, 0, h.blocks)
	start := 0
	for i := range h.blocks {
		b := block{seq: r.unsigned(), start: start}
		b.Segment, b.Off, b.Len = h.last.Segment, r.signed(), r.signed()
		records := r.signed()
		b.oldest = r.signed()
		b.newest = b.oldest + r.signed()
		if r.bad || len(r.data) < len(b.Sum) || records <= 0 || records > blockRecords {
			return nil, errDamaged
		}
		b.records = int(records)
		copy(b.Sum[:], r.data)
		r.data = r.data[len(b.Sum):]
		start += b.records
		b.end = h.next
		if i > 0 {
			all[i-1].end = b.seq
		}
		all = append(all, b)
	}
	if len(r.data) > 0 || start != h.records {
		return nil, errDamaged
	}
	return all, nil
}
