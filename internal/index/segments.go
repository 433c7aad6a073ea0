package index

import (
	"context"
	"math"
	"os"

	"doorward/internal/audit"
)

// segment is a segment's file as somebody saw it.
type segment struct {
	number        int
	size, changed int64 // bytes, Unix nanoseconds
	last          bool  // records are added to it
}

// others are the segments that are not the files that their parts were held against. The
// last, to which records are added only, is not held against them; where it was once, it
// was not the last, and the log is another.
func others(ctx context.Context, db reads, dir string) (out []segment, err error) {
	all, err := audit.Segments(dir)
	if err != nil {
		return nil, err
	}
	was, err := held(ctx, db)
	if err != nil {
		return nil, err
	}
	for i, s := range all {
		info, err := os.Stat(s.Path)
		if err != nil {
			return nil, err
		}
		is := segment{number: s.Number, size: info.Size(), changed: info.ModTime().UnixNano()}
		old, ok := was[s.Number]
		last := i == len(all)-1
		if ok && old == is || !ok && last {
			continue
		}
		is.last = last
		out = append(out, is)
	}
	return out, nil
}

// held are the segments that parts were held against, as they were then.
func held(ctx context.Context, db reads) (map[int]segment, error) {
	rows, err := db.QueryContext(ctx, "SELECT number, size, changed FROM segments")
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // Err has told what went wrong
	all := map[int]segment{}
	for rows.Next() {
		var s segment
		if err := rows.Scan(&s.number, &s.size, &s.changed); err != nil {
			return nil, err
		}
		all[s.number] = s
	}
	return all, rows.Err()
}

// holed tells whether records of a part were pruned.
func (h *head) holed() bool { return uint64(h.records) != h.next-h.first } //nolint:gosec // no head has less than none

// reaches tells whether what was pruned of a part may have stood in a segment: it did in
// those from that of the record before the part up to its own last one.
func reaches(parts []head, i, number int) bool {
	from, to := 0, math.MaxInt
	for j := i - 1; j >= 0 && from == 0; j-- {
		from = parts[j].last.Segment
	}
	for j := i; j < len(parts); j++ {
		if parts[j].last.Segment > 0 {
			to = parts[j].last.Segment
			break
		}
	}
	return parts[i].holed() && from <= number && number <= to
}
