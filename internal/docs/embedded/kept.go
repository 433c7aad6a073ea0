package embedded

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// maxKept bounds the vectors that an index keeps in memory, in bytes: 42,000 of 384
// dimensions. Beyond it sqlite-vec reads them from the file for each search.
const maxKept = 64 << 20

// kept are the vectors of a generation as the file has them in one state, in memory. It is
// never changed: searches that are under way may hold one that was followed by another.
type kept struct {
	state      string
	dimensions int
	passages   []int64         // their numbers
	documents  []int64         // that of each passage
	of         map[int64]int64 // the same, by the passages' numbers
	vectors    []float32       // of length 1, one after the other
}

// errDamaged is that of a table of vectors that is not as sqlite-vec has them.
var errDamaged = errors.New("the vectors in the file of the documents are damaged: remove it and ingest again")

// vectors are those of the generation as the transaction sees it: the kept ones if they are
// of the same state, or those of the file, which are kept from then on. Nil: they are more
// than may be kept, another search is reading them, or the file has just changed: while it
// is written to, to read them all for one search each would cost more than it saves.
func (x *Index) vectors(ctx context.Context, tx *sql.Tx, g *generation) (*kept, error) {
	old := x.kept.Load()
	if old != nil && old.state == g.state {
		return old, nil
	}
	if !x.loading.TryLock() {
		return nil, nil
	}
	defer x.loading.Unlock()
	if old != nil && x.seen != g.state {
		x.seen = g.state
		return nil, nil
	}
	x.kept.Store(nil) // not two of them, but for searches under way
	var most int64
	if err := tx.QueryRowContext(ctx, fmt.Sprintf("SELECT coalesce(sum(size), 0) FROM vectors_%d_chunks", g.number)).Scan(&most); err != nil {
		return nil, err
	}
	const numbers = 64 // bytes, of a passage and its document, there and back: a map takes some 48
	if most < 0 {
		return nil, errDamaged
	}
	if most > x.room/int64(4*g.reports+numbers) {
		return nil, nil
	}
	k, err := load(ctx, tx, g, int(most))
	if err != nil {
		return nil, err
	}
	x.kept.Store(k)
	return k, nil
}

// load reads the vectors of a generation, of which there are so many at most. It takes them
// from the tables in which sqlite-vec has many together: its own gives one at a time.
func load(ctx context.Context, tx *sql.Tx, g *generation, most int) (*kept, error) {
	documents, err := documentsOf(ctx, tx, g.number, most)
	if err != nil {
		return nil, err
	}
	k := &kept{
		state: g.state, dimensions: g.reports, of: documents,
		passages: make([]int64, 0, len(documents)), documents: make([]int64, 0, len(documents)), vectors: make([]float32, 0, len(documents)*g.reports),
	}
	rows, err := tx.QueryContext(ctx, fmt.Sprintf("SELECT c.size, c.validity, c.rowids, v.vectors FROM vectors_%[1]d_chunks AS c JOIN vectors_%[1]d_vector_chunks00 AS v ON v._rowid_ = c.chunk_id", g.number))
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // Err has told what went wrong
	for rows.Next() {
		var c chunk
		if err := rows.Scan(&c.size, &c.valid, &c.passages, &c.vectors); err != nil {
			return nil, err
		}
		if err := k.add(&c, documents); err != nil {
			return nil, err
		}
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	if len(k.passages) != len(documents) {
		return nil, errDamaged
	}
	return k, nil
}

// documentsOf are the documents of all passages, by the passages' numbers. There are so many
// at most: one for each vector.
func documentsOf(ctx context.Context, tx *sql.Tx, number int64, most int) (map[int64]int64, error) {
	rows, err := tx.QueryContext(ctx, fmt.Sprintf("SELECT id, document FROM passages_%d LIMIT ?", number), most+1) // one more tells that there are more
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // Err has told what went wrong
	of := make(map[int64]int64, min(most, 1<<16))
	for rows.Next() {
		var passage, document int64
		if err := rows.Scan(&passage, &document); err != nil {
			return nil, err
		}
		of[passage] = document
	}
	return of, rows.Err()
}

// chunk is a row of vectors that lie together.
type chunk struct {
	size                     int
	valid, passages, vectors sql.RawBytes // a bit for each that is there; int64; float32
}

// add adds the vectors of a chunk that are there.
func (k *kept) add(c *chunk, documents map[int64]int64) error {
	wide := 4 * k.dimensions
	if c.size < 0 || c.size%8 != 0 || len(c.valid) != c.size/8 || len(c.passages) != 8*c.size || len(c.vectors) != wide*c.size {
		return errDamaged
	}
	for i := range c.size {
		if c.valid[i/8]>>(i%8)&1 == 0 {
			continue
		}
		passage := int64(binary.NativeEndian.Uint64(c.passages[8*i:])) //nolint:gosec // written as one
		document, ok := documents[passage]
		if !ok || len(k.passages) == cap(k.passages) || !k.addVector(c.vectors[wide*i:wide*(i+1)]) {
			return errDamaged
		}
		k.passages, k.documents = append(k.passages, passage), append(k.documents, document)
	}
	return nil
}

// addVector adds a vector, as floats made it. It is false for one that has no direction.
func (k *kept) addVector(b []byte) bool {
	from := len(k.vectors)
	k.vectors = k.vectors[:from+k.dimensions]
	v := k.vectors[from:]
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return unit(v)
}

// unit gives a vector the length 1. It is false for one that has no direction.
func unit(v []float32) bool {
	sum := float64(dot(v, v))
	if !(sum > 0 && sum <= math.MaxFloat32) { // also NaN
		return false
	}
	by := float32(1 / math.Sqrt(sum))
	for i := range v {
		v[i] *= by
	}
	return true
}
