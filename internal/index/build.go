package index

import (
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"slices"

	"doorward/internal/audit"
)

// part is a part with all that a search asks it.
type part struct {
	head
	all         []block
	exact, text []posting
}

// builder makes a part of lines of a log.
type builder struct {
	part
	open    block // that is being filled; without records: none is
	sum     hash.Hash
	said    map[string]struct{} // texts of the open block
	mark    int                 // in text, where the postings of the open block begin
	segment int
}

func newBuilder(first uint64) *builder {
	return &builder{part: part{head: head{first: first, next: first}}, sum: sha256.New(), said: map[string]struct{}{}}
}

// job is a part to be made: of the records from one number on up to another (exclusive),
// as many as one segment and one part hold.
type job struct {
	dir      string
	from, to uint64
	full     int                         // records of a full part
	rest     func(context.Context) error // is called after each block
}

func (j *job) build(ctx context.Context) (_ *part, err error) {
	lines, err := audit.OpenLines(j.dir, j.from)
	if err != nil {
		return nil, err
	}
	defer func() { _ = lines.Close() }() // it was read only
	b := newBuilder(j.from)
	for b.records < j.full && len(b.exact)+len(b.text) < partPostings {
		line, ok, err := lines.Next()
		if err != nil {
			return nil, err
		}
		at := lines.Place()
		if ok && at.Seq >= j.to { // what is before it was pruned
			b.next = j.to
			break
		}
		if !ok || b.segment != 0 && at.Segment != b.segment {
			break
		}
		closed, err := b.take(line, at)
		if err != nil {
			return nil, err
		}
		if b.next = lines.Seq(); closed {
			if err := j.rest(ctx); err != nil {
				return nil, err
			}
		}
	}
	b.close()
	return &b.part, ctx.Err()
}

// take adds a line; closed says that a block ended before it.
func (b *builder) take(line []byte, at audit.Place) (closed bool, err error) {
	r, err := audit.ParseRecord(line)
	if err != nil {
		return false, fmt.Errorf("record %d: %w", at.Seq, err)
	}
	size := int64(len(line)) + 1
	if o := &b.open; o.records == blockRecords || o.records > 0 && (o.Len >= blockBytes || at.Off+size-o.Off > audit.MaxRun) {
		b.close()
		closed = true
	}
	o := &b.open
	when := nanos(r.Time)
	if o.records == 0 {
		*o = block{seq: at.Seq, start: b.records, oldest: when, newest: when}
		o.Segment, o.Off = at.Segment, at.Off
	}
	o.records++
	o.Len = at.Off + size - o.Off
	o.oldest, o.newest = min(o.oldest, when), max(o.newest, when)
	_, _ = b.sum.Write(line)
	_, _ = b.sum.Write([]byte{'\n'})
	termsOf(&r, func(t term) { b.exact = append(b.exact, postingOf(t, b.records)) })
	for text := range r.Texts {
		if _, ok := b.said[text]; !ok {
			b.said[text] = struct{}{}
			grams(text, func(t term) { b.text = append(b.text, postingOf(t, len(b.all))) })
		}
	}
	b.records++
	b.last, b.segment = at, at.Segment
	return closed, nil
}

// close ends the open block.
func (b *builder) close() {
	o := &b.open
	if o.records == 0 {
		return
	}
	b.sum.Sum(o.Sum[:0])
	b.sum.Reset()
	clear(b.said)
	slices.Sort(b.text[b.mark:])
	b.text = b.text[:b.mark+len(slices.Compact(b.text[b.mark:]))]
	b.mark = len(b.text)
	if b.blocks == 0 {
		b.oldest, b.newest = o.oldest, o.newest
	}
	b.oldest, b.newest = min(b.oldest, o.oldest), max(b.newest, o.newest)
	b.all = append(b.all, *o)
	b.blocks++
	*o = block{}
}
