package delivery_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"doorward/internal/monitor/delivery"
)

// Whoever writes in the spool's directory can have nothing delivered that was not raised, and
// nothing twice; what they take away, or put back from before, is told of.
func TestASpoolThatSomebodyChanged(t *testing.T) {
	for _, tc := range []struct {
		name string
		// change does something to the spool of two alerts; earlier is a copy of it with the
		// first alone.
		change func(t *testing.T, dir, earlier string, ids []string)
		want   []int  // which of the alerts are delivered
		told   string // of the fault
	}{
		{"as it is", func(*testing.T, string, string, []string) {}, []int{0, 1}, ""},
		{"one is gone", func(t *testing.T, dir, _ string, ids []string) { remove(t, dir, ids[1]+".json") }, []int{0}, "1: alert "},
		{"one is plain", func(t *testing.T, dir, _ string, ids []string) {
			put(t, filepath.Join(dir, ids[1]+".json"), unsealed(t, filepath.Join(dir, ids[1]+".json")))
		}, []int{0}, "2: alert "},
		{"one is the other", func(t *testing.T, dir, _ string, ids []string) {
			put(t, filepath.Join(dir, ids[1]+".json"), content(t, filepath.Join(dir, ids[0]+".json")))
		}, []int{0}, "2: alert "},
		{"the index is gone", func(t *testing.T, dir, _ string, _ []string) { remove(t, dir, "index") }, []int{0, 1}, "1: the index "},
		{"the index is another file", func(t *testing.T, dir, _ string, ids []string) {
			put(t, filepath.Join(dir, "index"), content(t, filepath.Join(dir, ids[0]+".json")))
		}, []int{0, 1}, "1: the index "},
		{"the spool of before", func(t *testing.T, dir, earlier string, _ []string) {
			if err := errors.Join(os.RemoveAll(dir), os.CopyFS(dir, os.DirFS(earlier))); err != nil {
				t.Fatal(err)
			}
		}, []int{0}, "1: the index of the spool is older"},
		{"all is gone", func(t *testing.T, dir, _ string, _ []string) {
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
		}, nil, "1: the index "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			top := t.TempDir()
			dir, earlier, b := filepath.Join(top, "alerts"), filepath.Join(top, "earlier"), &book{}
			d := &desk{name: "d", fail: errDown}
			all := func() []delivery.Receiver { return []delivery.Receiver{d} }
			p := newPostWith(t, dir, b, all)
			first, second := alert(), alert()
			p.Deliver(first)
			until(t, "the first is there", func() bool { return len(spooled(t, dir)) == 1 })
			p.end()
			if err := os.CopyFS(earlier, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			p = newPostWith(t, dir, b, all)
			p.Deliver(second)
			p.end()
			ids := []string{first.ID, second.ID}
			sent := func(got []string) []string { return slices.Sorted(slices.Values(got)) } // of one millisecond, in any order
			tc.change(t, dir, earlier, ids)
			d.recover()
			p = newPostWith(t, dir, b, all)
			until(t, "what is left is taken", func() bool { return len(d.taken()) == len(tc.want) && p.Waiting() == 0 })
			p.end()
			var want []string
			for _, n := range tc.want {
				want = append(want, ids[n])
			}
			if got := d.taken(); !slices.Equal(sent(got), sent(want)) {
				t.Errorf("delivered: %q, want %q", got, want)
			}
			if got := strings.Join(p.told(), "; "); (got == "") != (tc.told == "") || !strings.HasPrefix(got, tc.told) {
				t.Errorf("told: %q, want %q", got, tc.told)
			}
			p = newPostWith(t, dir, b, all)
			p.end()
			if got := p.told(); len(got) > 0 {
				t.Errorf("told again: %q", got)
			}
		})
	}
}

// A letter that was delivered and is put back is not delivered again.
func TestADeliveredAlertIsPutBack(t *testing.T) {
	dir, b := t.TempDir(), &book{}
	d := &desk{name: "d", fail: errDown}
	all := func() []delivery.Receiver { return []delivery.Receiver{d} }
	p := newPostWith(t, dir, b, all)
	a := alert()
	p.Deliver(a)
	until(t, "it is there", func() bool { return len(spooled(t, dir)) == 1 })
	file := spooled(t, dir)[0]
	text := content(t, file)
	p.end()
	d.recover()
	p = newPostWith(t, dir, b, all)
	until(t, "it is taken", func() bool { return len(d.taken()) == 1 })
	p.end()
	put(t, file, text)
	p = newPostWith(t, dir, b, all)
	until(t, "it is left out", func() bool { return len(spooled(t, dir)) == 0 })
	p.end()
	if got := d.taken(); len(got) != 1 {
		t.Errorf("delivered: %q", got)
	}
	has(t, p.log.text(), "it was delivered")
}

// While the index cannot be written, nothing is put into the spool or taken out of it: what
// the index of before does not have would be left out as delivered, and what it has and was
// delivered would be missed.
func TestAnIndexThatCannotBeWritten(t *testing.T) {
	dir, b := t.TempDir(), &book{}
	d := &desk{name: "d", fail: errDown}
	all := func() []delivery.Receiver { return []delivery.Receiver{d} }
	p := newPostWith(t, dir, b, all)
	p.Deliver(alert())
	p.end()
	index, away := filepath.Join(dir, "index"), filepath.Join(t.TempDir(), "index")
	p = newPostWith(t, dir, b, all)
	until(t, "the first is read", func() bool { return p.Waiting() == 1 })
	if err := errors.Join(os.Rename(index, away), os.MkdirAll(filepath.Join(index, "x"), 0o700)); err != nil {
		t.Fatal(err)
	}
	p.Deliver(alert())
	p.end()
	if got := spooled(t, dir); len(got) != 1 {
		t.Errorf("in the spool: %q", got)
	}
	d.recover()
	p = newPostWith(t, dir, b, all)
	until(t, "the first is taken", func() bool { return len(d.taken()) == 1 && p.Waiting() == 0 })
	p.end()
	if got := spooled(t, dir); len(got) != 1 {
		t.Errorf("in the spool after it was taken: %q", got)
	}
	if err := errors.Join(os.RemoveAll(index), os.Rename(away, index)); err != nil {
		t.Fatal(err)
	}
	p = newPostWith(t, dir, b, all)
	until(t, "the first is taken twice rather than never", func() bool { return len(d.taken()) == 2 && p.Waiting() == 0 })
	p.end()
	if got := p.told(); len(got) > 0 || len(spooled(t, dir)) > 0 {
		t.Errorf("told: %q; in the spool: %q", got, spooled(t, dir))
	}
}

// While what is on record of the index cannot be had, alerts are taken and delivered.
func TestARecordThatHangsDelaysNoDelivery(t *testing.T) {
	dir, b, d := t.TempDir(), &book{}, &desk{name: "d"}
	p := newPostWith(t, dir, b, func() []delivery.Receiver { return []delivery.Receiver{d} })
	p.Deliver(alert())
	until(t, "the first is taken, and out of the spool", func() bool { return len(d.taken()) == 1 && len(spooled(t, dir)) == 0 })
	goOn := b.hang()
	p.Deliver(alert())
	until(t, "the index waits for the record", b.waited)
	go p.Deliver(alert())
	until(t, "the others are taken", func() bool { return len(d.taken()) == 3 })
	goOn()
	p.end()
	if got := spooled(t, dir); len(got) > 0 || p.Waiting() > 0 {
		t.Errorf("in the spool: %q, waiting: %d", got, p.Waiting())
	}
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}
