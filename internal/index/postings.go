package index

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"slices"
)

// The lists of a part are in buckets by the first bits of their terms: a search reads one
// bucket for a term, of about a page of SQLite.
const (
	bucketBits = 6
	buckets    = 1 << bucketBits
	bucketLow  = 32 - bucketBits
)

var errDamaged = errors.New("the index is damaged")

// A posting is a term and where it is: the number of a record of the part, or of a block.
type posting uint64

func postingOf(t term, at int) posting { return posting(t)<<32 | posting(at) } //nolint:gosec // at is below 2^15

func (p posting) term() term { return term(p >> 32) }
func (p posting) at() uint32 { return uint32(p) } //nolint:gosec // the lower half

// packed sorts postings and packs each bucket: for each term what its number is above
// the one before, the length of its list, and the list, as differences of varints.
func packed(all []posting) (out [buckets][]byte) {
	slices.Sort(all)
	all = slices.Compact(all)
	var list []byte
	before := uint64(0)
	for len(all) > 0 {
		t := all[0].term()
		n := slices.IndexFunc(all, func(p posting) bool { return p.term() != t })
		if n < 0 {
			n = len(all)
		}
		list = list[:0]
		last := uint32(0)
		for _, p := range all[:n] {
			list = binary.AppendUvarint(list, uint64(p.at()-last))
			last = p.at()
		}
		b := t >> bucketLow
		if out[b] == nil {
			before = uint64(b) << bucketLow
		}
		out[b] = binary.AppendUvarint(out[b], uint64(t)-before)
		out[b] = binary.AppendUvarint(out[b], uint64(len(list)))
		out[b] = append(out[b], list...)
		before = uint64(t)
		all = all[n:]
	}
	return out
}

// listed adds where a term is to a set; it finds nothing when no bucket is where the term
// would be.
func listed(bucket []byte, t term, in set) error {
	at := uint64(t>>bucketLow) << bucketLow
	for len(bucket) > 0 {
		step, n := binary.Uvarint(bucket)
		length, m := binary.Uvarint(bucket[max(n, 0):])
		if n <= 0 || m <= 0 || length > uint64(len(bucket)-n-m) { //nolint:gosec // both were read from it
			return errDamaged
		}
		list := bucket[n+m : n+m+int(length)] //nolint:gosec // no longer than the bucket
		bucket = bucket[n+m+int(length):]     //nolint:gosec // the same
		if at += step; at < uint64(t) {
			continue
		}
		if at > uint64(t) {
			return nil
		}
		return in.add(list)
	}
	return nil
}

// set is numbers from 0 to a bound.
type set []uint64

func newSet(bound int) set { return make(set, (bound+63)/64) }

// full is the set of all.
func full(bound int) set {
	s := newSet(bound)
	for i := range bound {
		s[i/64] |= 1 << (i % 64)
	}
	return s
}

func (s set) has(n int) bool { return s[n/64]&(1<<(n%64)) != 0 }

func (s set) empty() bool {
	return !slices.ContainsFunc(s, func(w uint64) bool { return w != 0 })
}

// any tells whether one of the numbers from one to another (exclusive) is in it.
func (s set) any(from, to int) bool {
	for n := from; n < to; n++ {
		if s.has(n) {
			return true
		}
	}
	return false
}

func (s set) and(other set) {
	for i := range s {
		s[i] &= other[i]
	}
}

// add adds the numbers of a list.
func (s set) add(list []byte) error {
	for at := uint64(0); len(list) > 0; {
		step, n := binary.Uvarint(list)
		if n <= 0 {
			return errDamaged
		}
		if at += step; at >= uint64(len(s))*64 || step > uint64(len(s))*64 {
			return errDamaged
		}
		s[at/64] |= 1 << (at % 64)
		list = list[n:]
	}
	return nil
}

// sealed adds a checksum to what lies under an id: what was damaged, or lies under
// another, does not fit it.
func sealed(id int64, data []byte) []byte {
	return binary.LittleEndian.AppendUint32(data, checksum(id, data))
}

func unsealed(id int64, data []byte) ([]byte, error) {
	n := len(data) - 4
	if n < 0 || binary.LittleEndian.Uint32(data[n:]) != checksum(id, data[:n]) {
		return nil, errDamaged
	}
	return data[:n], nil
}

func checksum(id int64, data []byte) uint32 {
	key := binary.LittleEndian.AppendUint64(nil, uint64(id)) //nolint:gosec // its bits
	castagnoli := crc32.MakeTable(crc32.Castagnoli)          // made once
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, data)
}
