package clients

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// Uninstall takes Doorward out of a client's file. Where the file is still what
// install wrote, what was there before comes back byte for byte; where somebody
// has changed it since, Doorward's entry goes, the servers that install took out
// come back, and everything else stays.
func Uninstall(q Request) (*Result, error) {
	p, err := q.Client.place(q.Env, q.Scope)
	if err != nil {
		return nil, err
	}
	f, err := load(p.Path)
	if err != nil {
		return nil, err
	}
	rec, err := readRecord(p.Path)
	if err != nil {
		return nil, err
	}
	res := &Result{State: StateNotInstalled, Client: q.Client.Name, Scope: q.Scope, File: p.Path, Link: f.linked()}
	in := rec.of(p.Root)
	if f.absent {
		if in == nil || q.Print {
			return res, nil
		}
		return res, rec.put(p.Root, nil)
	}
	if in != nil && !in.Changed && digest(f.data) == in.Written {
		if original, ok := in.original(p.Path); ok {
			res.State, res.PutBack = StateRestored, in.Removed
			return res, q.restore(f, rec, in, original)
		}
	}
	return res, q.takeOut(f, p, rec, res)
}

// original is the file before the install, nil where there was none; false when
// the backup is not there or not what it was.
func (in *installed) original(path string) ([]byte, bool) {
	if in.Absent {
		return nil, true
	}
	if len(in.Backups) != 1 {
		return nil, false
	}
	data, err := readFile(filepath.Join(filepath.Dir(path), in.Backups[0]))
	return data, err == nil && digest(data) == in.Original
}

// restore puts the original back, and takes away what install left beside it.
func (q *Request) restore(f *file, rec *record, in *installed, original []byte) error {
	if q.Print {
		return nil
	}
	if in.Absent {
		if err := errors.Join(f.unchanged(), os.Remove(f.target)); err != nil {
			return err
		}
		return rec.put(in.Root, nil)
	}
	if err := f.write(original); err != nil {
		return fmt.Errorf("writing %s: %w", f.target, err)
	}
	backup := filepath.Join(filepath.Dir(f.path), in.Backups[0])
	if err := rec.put(in.Root, nil); err != nil {
		return err
	}
	return os.Remove(backup)
}

// takeOut removes the entry alone and puts the removed servers back, from the
// newest backup that has them.
func (q *Request) takeOut(f *file, p Place, rec *record, res *Result) error {
	out, err := change(q.Client.format, f.data, edit{root: p.Root})
	if err != nil {
		return fmt.Errorf("%s: %w", p.Path, err)
	}
	in := rec.of(p.Root)
	if in != nil {
		for _, name := range slices.Backward(in.Backups) {
			path := filepath.Join(filepath.Dir(p.Path), name)
			if out, err = q.putBack(out, p, in.Removed, path, res); err != nil {
				return err
			}
			res.Backup = path
		}
		if len(in.Backups) == 0 && len(in.Removed) > 0 {
			res.Advice = append(res.Advice, "the record names no backup, so the servers that were removed are not put back")
		}
	}
	if bytes.Equal(out, f.data) {
		if in == nil || q.Print {
			return nil
		}
		return rec.put(p.Root, nil)
	}
	res.State, res.Changed = StateRemoved, in != nil
	if q.Print {
		return nil
	}
	if err := f.write(out); err != nil {
		return fmt.Errorf("writing %s: %w", f.target, err)
	}
	if in == nil {
		return nil
	}
	return rec.put(p.Root, nil)
}

// putBack puts servers back from one backup.
func (q *Request) putBack(data []byte, p Place, names []string, backup string, res *Result) ([]byte, error) {
	original, err := readFile(backup)
	if errors.Is(err, fs.ErrNotExist) {
		res.Advice = append(res.Advice, "the backup "+backup+" is gone: servers that were removed may be missing")
		return data, nil
	}
	if err != nil {
		return nil, err
	}
	tree, err := decode(q.Client.format, original)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", backup, err)
	}
	have, err := decode(q.Client.format, data)
	if err != nil {
		return nil, err
	}
	e := edit{root: p.Root}
	for _, name := range names {
		if at(tree, p.Root)[name] != nil && at(have, p.Root)[name] == nil {
			e.back = append(e.back, name)
		}
	}
	if len(e.back) == 0 {
		return data, nil
	}
	if e.from, err = open(q.Client.format, original); err != nil {
		return nil, err
	}
	out, err := change(q.Client.format, data, e)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.Path, err)
	}
	res.PutBack = append(res.PutBack, e.back...)
	return out, nil
}
