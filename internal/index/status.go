package index

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"doorward/internal/audit"
)

// Status is how an index is doing.
type Status struct {
	Path    string `json:"path"`
	State   string `json:"state"`   // none, usable, or unusable, which Error explains
	Records uint64 `json:"records"` // that it finds
	// Through is the last record of those without a gap from the first on that it covers,
	// and Log the last one of the log. What is between them is scanned.
	Through uint64 `json:"through"`
	Log     uint64 `json:"log"`
	Bytes   int64  `json:"bytes"` // of the file
	Error   string `json:"error,omitempty"`
}

// Inspect looks at the index of a log, beside the process that keeps it or without one.
func Inspect(ctx context.Context, dir string) (Status, error) {
	s := Status{Path: Path(dir), State: "none"}
	err := audit.Tail(ctx, dir, 1, false, func(r *audit.Record) error {
		s.Log = r.Seq
		return nil
	})
	if err != nil {
		return s, err
	}
	info, err := os.Lstat(s.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, err
	}
	s.Bytes = info.Size()
	if err := s.look(ctx, dir); err != nil {
		if ctx.Err() != nil {
			return s, ctx.Err()
		}
		s.State, s.Error = "unusable", err.Error()
		return s, nil
	}
	s.State = "usable"
	return s, nil
}

// look reads what the index covers.
func (s *Status) look(ctx context.Context, dir string) error {
	first, err := audit.FirstLine(dir)
	if err != nil {
		return err
	}
	db, err := openToRead(ctx, s.Path, first)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }() // it was read only
	all, damaged, err := heads(ctx, db)
	if err == nil && damaged {
		err = errDamaged
	}
	for i := range all {
		s.Records += uint64(all[i].records) //nolint:gosec // no head has less than none
		if all[i].first == s.Through+1 {
			s.Through = all[i].next - 1
		}
	}
	return err
}
