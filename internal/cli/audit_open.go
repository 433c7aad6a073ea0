package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"doorward/internal/admin"
	"doorward/internal/audit"
)

// opening prints records with what is sealed in them, when that is asked for.
type opening struct {
	run     *run
	op      admin.Operator // nil: nothing is opened
	actor   string
	dir     string
	batch   int // lines that are opened at once; more is less on record
	waiting []string
	bytes   int
}

// Bounds of one batch: its request must fit the API's.
const (
	maxBatchLines = 256
	maxBatchBytes = 4 << 20
)

// withOpening runs do with a printer of records that opens them, if open says so:
// through the gateway, which puts it on record first.
func (r *run) withOpening(ctx context.Context, open bool, dir string, do func(ctx context.Context, o *opening) error) error {
	switch {
	case !open:
		return do(ctx, &opening{run: r})
	case dir != "":
		return errors.New("--open needs the keys of the configuration's data_dir, and --dir names another log")
	}
	return r.operate(ctx, func(ctx context.Context, op admin.Operator, actor string) error {
		return do(ctx, &opening{run: r, op: op, actor: actor, batch: maxBatchLines})
	})
}

// put prints a record, or keeps it until the batch is full.
func (o *opening) put(ctx context.Context, rec *audit.Record) error {
	if o.op == nil {
		return o.run.putRecord(rec)
	}
	line := string(rec.AppendJSON(nil))
	o.waiting = append(o.waiting, line)
	if o.bytes += len(line); len(o.waiting) < o.batch && o.bytes < maxBatchBytes {
		return nil
	}
	return o.flush(ctx)
}

// flush opens and prints what waits.
func (o *opening) flush(ctx context.Context) error {
	if len(o.waiting) == 0 {
		return nil
	}
	lines, err := o.op.Reveal(ctx, o.actor, admin.Sealed{Log: filepath.Base(o.dir), Lines: o.waiting})
	if err != nil {
		return err
	}
	o.waiting, o.bytes = nil, 0
	for _, line := range lines {
		rec, err := audit.ParseRecord([]byte(line))
		if err != nil {
			return fmt.Errorf("the gateway's answer: %w", err)
		}
		if err := o.run.putRecord(&rec); err != nil {
			return err
		}
	}
	return nil
}

// keysOf finds the keys of whoever has a subject, so that sealed records of them are
// found, too. Of a copy of a log nobody but its gateway knows them.
func (r *run) keysOf(ctx context.Context, subject, dir string) (ids []audit.SubjectID, err error) {
	switch {
	case subject == "":
		return nil, nil
	case dir != "":
		r.warn("of --dir, records in which the name is sealed are not found: name the key (--key), which search on the gateway shows")
		return nil, nil
	}
	err = r.operate(ctx, func(ctx context.Context, op admin.Operator, actor string) error {
		keys, err := op.KeysOf(ctx, actor, admin.Person{Subject: subject})
		if err != nil {
			return err
		}
		for _, key := range keys {
			id, err := audit.ParseSubjectID(key)
			if err != nil {
				return err
			}
			ids = append(ids, id)
		}
		return nil
	})
	return ids, err
}
