package evidence

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"doorward/internal/admin"
	"doorward/internal/audit"
)

// Trace is the records of an incident, as they are in their logs.
type Trace struct{ Logs []LogTrace }

// LogTrace is those of one log.
type LogTrace struct {
	Name  string
	Dir   string
	Lines [][]byte // in the order of their numbers, without newlines
	// Opened are the same lines with what was sealed; nil where that was not asked for.
	Opened [][]byte
	own    map[uint64]bool
}

// ReadTrace reads the lines that the gateway named. dir finds a log by its name.
func ReadTrace(ctx context.Context, found *admin.IncidentRecords, dir func(log string) (string, error)) (*Trace, error) {
	t := &Trace{}
	total := 0
	for i := range found.Logs {
		named := &found.Logs[i]
		path, err := dir(named.Log)
		if err != nil {
			return nil, err
		}
		l := LogTrace{Name: named.Log, Dir: path, own: map[uint64]bool{}}
		for _, seq := range named.Own {
			l.own[seq] = true
		}
		seqs := slices.Concat(named.Own, named.Calls)
		slices.Sort(seqs)
		if err := l.read(ctx, seqs, &total); err != nil {
			return nil, err
		}
		t.Logs = append(t.Logs, l)
	}
	return t, nil
}

func (l *LogTrace) read(ctx context.Context, seqs []uint64, total *int) error {
	err := audit.Read(ctx, l.Dir, audit.Query{}, func(r *audit.Record) error {
		if len(seqs) == 0 {
			return audit.ErrStop
		}
		if r.Seq < seqs[0] {
			return nil
		}
		if r.Seq > seqs[0] {
			return fmt.Errorf("record %d of %s is gone: ask again", seqs[0], l.Name)
		}
		seqs = seqs[1:]
		line := r.AppendJSON(nil)
		if *total += len(line); *total > maxFile {
			return ErrTooLarge
		}
		l.Lines = append(l.Lines, line)
		return nil
	})
	if err == nil && len(seqs) > 0 {
		err = errors.New("the log ends before the records that the gateway named")
	}
	return err
}

// each yields the records, opened where they are, log by log.
func (t *Trace) each(yield func(l *LogTrace, r *audit.Record) error) error {
	for i := range t.Logs {
		l := &t.Logs[i]
		lines := l.Lines
		if l.Opened != nil {
			lines = l.Opened
		}
		for _, line := range lines {
			r, err := audit.ParseRecord(line)
			if err == nil {
				err = yield(l, &r)
			}
			if err != nil {
				return fmt.Errorf("record of %s: %w", l.Name, err)
			}
		}
	}
	return nil
}
