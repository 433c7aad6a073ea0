package store_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"doorward/internal/store"
)

var errUnrecorded = errors.New("nothing is recorded")

// kept is one of the lists, to be written and read.
type kept struct {
	list store.Kept
	// open returns what changes the list by one entry, and what tells whether it can be
	// read, having looked now.
	open func(t *testing.T, dir string, l *store.Ledger) (change func(name string) error, read func() error)
}

var everyList = []kept{
	{store.KeptKeys, func(t *testing.T, dir string, l *store.Ledger) (func(string) error, func() error) {
		t.Helper()
		k, err := store.Open(store.Config{Dir: dir, Ledger: l})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = k.Close() })
		return func(name string) error { _, _, err := k.Create(store.CreateOptions{Name: name}); return err }, k.Reload
	}},
	{store.KeptRevocations, func(t *testing.T, dir string, l *store.Ledger) (func(string) error, func() error) {
		t.Helper()
		open := func() (*store.Revocations, error) { return store.OpenFileRevocations(dir, l, nil) }
		return func(name string) error {
			r, err := open()
			if err != nil {
				return err
			}
			defer func() { _ = r.Close() }()
			return r.Add(t.Context(), store.Revocation{Kind: store.RevokedKey, Value: name})
		}, opens(open)
	}},
	{store.KeptIncidents, func(t *testing.T, dir string, l *store.Ledger) (func(string) error, func() error) {
		t.Helper()
		open := func() (*store.Incidents, error) { return store.OpenFileIncidents(dir, incidentKey, l, nil) }
		return func(name string) error {
			s, err := open()
			if err != nil {
				return err
			}
			defer func() { _ = s.Close() }()
			_, err = s.Open(t.Context(), suspended(t, "uid:1", principalOf(name), 0))
			return err
		}, opens(open)
	}},
}

func opens[S interface{ Close() error }](open func() (S, error)) func() error {
	return func() error {
		s, err := open()
		if err != nil {
			return err
		}
		return s.Close()
	}
}

// An older copy of a list that is put back, one that was edited, and none at all, are
// refused by who knows the newer one, at once and after a restart; the newest is read, and
// so is an older one once its loss is accepted.
func TestAnOlderListIsRefused(t *testing.T) {
	for _, k := range everyList {
		t.Run(string(k.list), func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, string(k.list))
			var said []uint64
			record := func(list store.Kept, generation uint64) error {
				if list != k.list {
					t.Errorf("%s was written", list)
				}
				said = append(said, generation)
				return nil
			}
			ledger := store.NewLedger(nil, record)
			change, read := k.open(t, dir, ledger)
			var copies [][]byte
			for _, name := range []string{"first", "second", "third"} {
				if err := change(name); err != nil {
					t.Fatal(err)
				}
				copies = append(copies, content(t, path))
			}
			if len(said) != 3 || said[2] != 3 || ledger.Least(k.list) != 3 {
				t.Errorf("on record: %d", said)
			}
			edited := bytes.Replace(copies[1], []byte(`"generation": 2`), []byte(`"generation": 9`), 1)
			for name, c := range map[string]struct {
				text  []byte // nil: no file
				stale bool
			}{
				"the first": {copies[0], true}, "the second": {copies[1], true}, "none": {nil, true}, "an empty one": {begun(t, k.list), true},
				"another generation": {edited, false}, "another MAC": {flipped(copies[2], len("{\n  \"mac\": \"")), false}, "a byte": {flipped(copies[2], len(copies[2])-2), false},
			} {
				put(t, path, c.text)
				for who, read := range map[string]func() error{"who saw it": read, "who was told": reader(t, k, dir, store.NewLedger(map[store.Kept]uint64{k.list: 3}, nil))} {
					var stale *store.StaleError
					if err := read(); err == nil || errors.As(err, &stale) != c.stale {
						t.Errorf("%s, %s: %v", name, who, err)
					}
				}
				if change("more") == nil {
					t.Errorf("%s: changed", name)
				}
				put(t, path, copies[2])
				if err := read(); err != nil {
					t.Errorf("after %s: %v", name, err)
				}
			}
			put(t, path, copies[1])
			other := reader(t, k, dir, store.NewLedger(map[store.Kept]uint64{k.list: 3}, nil)) // a process beside this one
			if err := k.list.GoOn(dir, incidentKey, ledger); err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(read(), other()); err != nil || ledger.Least(k.list) != 4 || said[len(said)-1] != 4 {
				t.Errorf("accepted: %v, known: %d, on record: %d", err, ledger.Least(k.list), said)
			}
			if err := change("fourth"); err != nil {
				t.Errorf("changed since: %v", err)
			}
			put(t, path, copies[2])
			if read() == nil {
				t.Error("the one that was lost is read again")
			}
			put(t, path, edited)
			if k.list.GoOn(dir, incidentKey, ledger) == nil || ledger.Least(k.list) != 5 {
				t.Error("it goes on with one that was edited")
			}
		})
	}
}

// reader is what reads the list with a ledger; opening is a part of it.
func reader(t *testing.T, k kept, dir string, l *store.Ledger) func() error {
	t.Helper()
	if k.list == store.KeptKeys {
		return func() error {
			keys, err := store.Open(store.Config{Dir: dir, Ledger: l})
			if err != nil {
				return err
			}
			return errors.Join(keys.Healthy(), keys.Close())
		}
	}
	_, read := k.open(t, dir, l)
	return read
}

// A list whose change cannot be put on record is not read until it can.
func TestAListThatIsNotOnRecord(t *testing.T) {
	for _, k := range everyList {
		t.Run(string(k.list), func(t *testing.T) {
			dir := t.TempDir()
			fails := true
			l := store.NewLedger(nil, func(store.Kept, uint64) error {
				if fails {
					return errUnrecorded
				}
				return nil
			})
			change, read := k.open(t, dir, l)
			if err := change("first"); !errors.Is(err, errUnrecorded) {
				t.Errorf("changed: %v", err)
			}
			if err := read(); !errors.Is(err, errUnrecorded) {
				t.Errorf("read: %v", err)
			}
			fails = false
			if err := read(); err != nil || l.Least(k.list) != 1 {
				t.Errorf("once it is: %v", err)
			}
		})
	}
}

// Uses of a key are no change that is counted, and the file holds all the same.
func TestUsesAreNotCounted(t *testing.T) {
	dir := t.TempDir()
	l := store.NewLedger(nil, nil)
	k, err := store.Open(store.Config{Dir: dir, Ledger: l})
	if err != nil {
		t.Fatal(err)
	}
	text, _, err := k.Create(store.CreateOptions{Name: "alice"})
	if err == nil {
		_, err = k.Lookup(text)
	}
	if err = errors.Join(err, k.Close()); err != nil {
		t.Fatal(err)
	}
	if all, err := k.List(); err != nil || all[0].LastUsed.IsZero() || l.Least(store.KeptKeys) != 1 {
		t.Errorf("%+v, %v; changed %d times", all, err, l.Least(store.KeptKeys))
	}
}

func begun(t *testing.T, list store.Kept) []byte {
	t.Helper()
	dir := t.TempDir()
	if err := list.Begin(dir); err != nil {
		t.Fatal(err)
	}
	return content(t, filepath.Join(dir, string(list)))
}

func content(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// put puts a file in place as a backup does: whole.
func put(t *testing.T, path string, text []byte) {
	t.Helper()
	if text == nil {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		return
	}
	beside := path + "." + strings.ToLower(rand.Text())
	if err := errors.Join(os.WriteFile(beside, text, 0o600), os.Rename(beside, path)); err != nil {
		t.Fatal(err)
	}
}

func flipped(text []byte, at int) []byte {
	text = bytes.Clone(text)
	text[at] ^= 3
	return text
}
