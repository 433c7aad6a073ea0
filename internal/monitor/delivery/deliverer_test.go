package delivery_test

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/monitor"
	"doorward/internal/monitor/delivery"
)

// ALR-03: a receiver that is down for an hour gets each alert once, in order, after it
// is back; the tries meanwhile are few; and who is up waits for nobody.
func TestALR03AnHourDown(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		down, up := &desk{name: "down", fail: errDown}, &desk{name: "up"}
		p := newPost(t, dir, down, up)
		var want []string
		for range 20 {
			a := alert()
			want = append(want, a.ID)
			p.Deliver(a)
			time.Sleep(3 * time.Minute) // of the bubble's clock
			synctest.Wait()
			if n := len(up.taken()); n != len(want) {
				t.Fatalf("who is up has %d of %d", n, len(want))
			}
		}
		if n := down.tried(); n < 8 || n > 20 {
			t.Errorf("%d tries in an hour", n)
		}
		if n := len(spooled(t, dir)); n != 20 || p.Waiting() != 20 {
			t.Errorf("%d in the spool, %d wait", n, p.Waiting())
		}
		down.recover()
		time.Sleep(13 * time.Minute)
		synctest.Wait()
		if diff := cmp.Diff(want, down.taken()); diff != "" {
			t.Errorf("taken (-want +got):\n%s", diff)
		}
		time.Sleep(24 * time.Hour)
		p.end()
		if len(down.taken()) != 20 || len(up.taken()) != 20 || p.Waiting() != 0 || len(spooled(t, dir)) != 0 {
			t.Errorf("%d and %d taken, %d wait, spool %v", len(down.taken()), len(up.taken()), p.Waiting(), spooled(t, dir))
		}
		if n := strings.Count(p.log.text(), "level=WARN"); n != 1 {
			t.Errorf("%d warnings about one receiver that is down:\n%s", n, p.log.text())
		}
	})
}

// ALR-03: what was not taken outlives the process, and is owed to whom it was owed.
func TestALR03Restart(t *testing.T) {
	dir := t.TempDir()
	a, b := &desk{name: "a"}, &desk{name: "b", fail: errDown}
	p := newPost(t, dir, a, b)
	one := alert()
	p.Deliver(one)
	until(t, "a has it", func() bool { return len(a.taken()) == 1 && b.tried() == 1 })
	p.end()
	if n := len(spooled(t, dir)); n != 1 {
		t.Fatalf("%d in the spool", n)
	}
	b.recover()
	c := &desk{name: "c"} // is new
	p = newPost(t, dir, a, b, c)
	until(t, "b has it", func() bool { return len(b.taken()) == 1 })
	until(t, "the spool is empty", func() bool { return len(spooled(t, dir)) == 0 })
	p.end()
	if diff := cmp.Diff([]string{one.ID}, b.taken()); diff != "" || len(a.taken()) != 1 || len(c.taken()) != 0 {
		t.Errorf("b: %s; a has %d, c %d", diff, len(a.taken()), len(c.taken()))
	}
}

// A receiver that hangs holds up nobody else, and not the end.
func TestALR04AReceiverThatHangs(t *testing.T) {
	dir := t.TempDir()
	stuck, up := &desk{name: "stuck", hang: make(chan struct{})}, &desk{name: "up"}
	p := newPost(t, dir, stuck, up)
	for range 10 {
		p.Deliver(alert())
	}
	until(t, "the other has all", func() bool { return len(up.taken()) == 10 })
	p.end()
	if len(stuck.taken()) != 0 || stuck.tried() != 1 || len(spooled(t, dir)) != 10 {
		t.Errorf("%d taken, %d tries, %d in the spool", len(stuck.taken()), stuck.tried(), len(spooled(t, dir)))
	}
}

// An alert that a receiver does not want does not stop those after it.
func TestAnAlertThatIsNotWanted(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		d := &desk{name: "d", fail: unwanted{}}
		p := newPost(t, dir, d)
		p.Deliver(alert())
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if d.tried() != 5 || p.Waiting() != 0 {
			t.Errorf("%d tries, %d wait", d.tried(), p.Waiting())
		}
		d.recover()
		p.Deliver(alert())
		time.Sleep(11 * time.Minute)
		synctest.Wait()
		p.end()
		if len(d.taken()) != 1 {
			t.Errorf("%d taken", len(d.taken()))
		}
		has(t, p.log.text(), "given_up=true")
	})
}

// Alerts are kept for three days, and a thousand of them.
func TestBoundsOfTheSpool(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		d := &desk{name: "d", fail: errDown}
		p := newPost(t, dir, d)
		for range 1100 {
			p.Deliver(alert())
		}
		synctest.Wait()
		if n := p.Waiting(); n != 1000 {
			t.Errorf("%d wait", n)
		}
		has(t, p.log.text(), "too many wait")
		time.Sleep(73 * time.Hour)
		synctest.Wait()
		p.end()
		if p.Waiting() != 0 || len(spooled(t, dir)) != 0 {
			t.Errorf("%d wait, %d in the spool, after three days", p.Waiting(), len(spooled(t, dir)))
		}
	})
}

// A receiver that a reload takes out is owed nothing any more, and one that it brings
// in gets what comes from then on.
func TestOtherReceivers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := &desk{name: "a", fail: errDown}, &desk{name: "b"}
		now := []delivery.Receiver{a}
		p := newPostTo(t, "", func() []delivery.Receiver { return now })
		p.Deliver(alert())
		synctest.Wait()
		now = []delivery.Receiver{b}
		second := alert()
		p.Deliver(second)
		time.Sleep(time.Minute)
		synctest.Wait()
		p.end()
		if diff := cmp.Diff([]string{second.ID}, b.taken()); diff != "" || p.Waiting() != 0 {
			t.Errorf("%s; %d wait", diff, p.Waiting())
		}
	})
}

// Files that are no alerts are removed and reported; others are not touched.
func TestASpoolWithOtherFiles(t *testing.T) {
	dir := t.TempDir()
	broken := "al_0123456789ab" + strings.Repeat("a", 26) + ".json"
	for name, text := range map[string]string{broken: `{"alert":{"id":"another"},"owed":["x"]}`, "notes.json": "mine", "al_x.json": "mine too"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := newPost(t, dir, &desk{name: "d"})
	until(t, "the broken one is gone", func() bool { return len(spooled(t, dir)) == 2 })
	p.end()
	has(t, p.log.text(), "alerts of before are lost")
}

// The spool says nothing of where alerts go, and keeps all that they say.
func TestWhatIsInTheSpool(t *testing.T) {
	dir := t.TempDir()
	p := newPost(t, dir, &desk{name: "CANARY-of-the-URL", fail: errDown})
	a := alert()
	p.Deliver(a)
	until(t, "it is there", func() bool { return len(spooled(t, dir)) == 1 })
	text := unsealed(t, spooled(t, dir)[0])
	if raw := content(t, spooled(t, dir)[0]); strings.Contains(raw, "alice") || strings.Contains(raw, "denied_calls") {
		t.Errorf("it is not sealed: %s", raw)
	}
	info, err := os.Stat(spooled(t, dir)[0])
	p.end()
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if strings.Contains(text, "CANARY") {
		t.Errorf("the spool tells where: %s", text)
	}
	has(t, text, a.ID, `"window":"1m0s"`, `"ex1"`)
}

func TestTry(t *testing.T) {
	good, bad := &desk{name: "good"}, &desk{name: "bad", fail: errDown}
	a := monitor.Test(time.Now())
	got := delivery.Try(t.Context(), []delivery.Receiver{good, bad}, &a)
	if len(got) != 2 || got[0].Err != nil || got[1].Err == nil || got[0].Place.Name != "good" {
		t.Errorf("%+v", got)
	}
}

// FuzzSpool: whatever a file of the spool holds, what is left of it is an alert that
// is taken, or nothing.
func FuzzSpool(f *testing.F) {
	f.Add([]byte(`{"alert":{"id":"al_0123456789abaaaaaaaaaaaaaaaaaaaaaaaaaa","rule":"denied_calls","subject":{"kind":"principal"},"count":1,"window":"1m0s","first":"2026-11-27T00:00:00Z","last":"2026-11-27T00:00:00Z"},"owed":["0011223344556677"]}`))
	f.Add([]byte(`{`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, text []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "al_0123456789ab"+strings.Repeat("a", 26)+".json"), text, 0o600); err != nil {
			t.Fatal(err)
		}
		p := newPost(t, dir)
		until(t, "it is gone, for nobody is there to take it", func() bool { return len(spooled(t, dir)) == 0 })
		p.end()
	})
}

// A name that is no UTF-8, as a certificate may have it, stops nothing.
func TestANameThatIsNoUTF8(t *testing.T) {
	dir := t.TempDir()
	d := &desk{name: "d", fail: errDown}
	p := newPost(t, dir, d)
	a := alert()
	a.Subject.Value = "\xff\xfe"
	p.Deliver(a)
	until(t, "it is in the spool", func() bool { return len(spooled(t, dir)) == 1 && d.tried() == 1 })
	p.end()
	d.recover()
	p = newPost(t, dir, d)
	until(t, "it is taken", func() bool { return len(d.taken()) == 1 })
	p.end()
}

// Whoever is to be forgotten is in no alert, on disk either, and a write that failed is
// made up for the next time (GDP-03).
func TestForgottenInTheSpool(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := newPost(t, dir, &desk{name: "down", fail: errDown})
	a := alert()
	a.Subject, a.Address, a.Credential = monitor.Subject{Kind: monitor.OfPrincipal, Value: "alice"}, "192.0.2.7", "k_0123456789"
	p.Deliver(a)
	p.end()
	d, err := delivery.New(sealedWith(delivery.Config{
		Receivers: func() []delivery.Receiver { return nil }, Failed: func(string) {}, Dir: dir, Log: slog.New(slog.DiscardHandler),
	}, &book{}, func(int, error) {}))
	if err != nil {
		t.Fatal(err)
	}
	if all, err := d.Alerts(); err != nil || len(all) != 1 || all[0].Subject.Value != "alice" {
		t.Fatalf("waiting: %+v, %v", all, err)
	}
	file := spooled(t, dir)[0]
	if err := errors.Join(os.Remove(file), os.MkdirAll(filepath.Join(file, "in the way"), 0o700)); err != nil {
		t.Fatal(err)
	}
	hers := func(a *monitor.Alert) bool { return a.Subject.Value == "alice" }
	if n, err := d.Forget(hers); n != 1 || err == nil {
		t.Errorf("without a disk: %d, %v", n, err)
	}
	if err := os.RemoveAll(file); err != nil {
		t.Fatal(err)
	}
	if n, err := d.Forget(hers); n != 0 || err != nil {
		t.Errorf("again: %d, %v", n, err)
	}
	left := unsealed(t, file)
	if strings.Contains(left, "alice") || strings.Contains(left, "192.0.2.7") || strings.Contains(left, a.Credential) {
		t.Errorf("on disk: %s", left)
	}
}

// A spool that cannot be read may name whoever is to be forgotten: it is an error, until
// it can be read again, and then it is done (GDP-03).
func TestForgottenInASpoolThatCannotBeRead(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "alerts")
	p := newPost(t, dir, &desk{name: "down", fail: errDown})
	a := alert()
	a.Subject = monitor.Subject{Kind: monitor.OfPrincipal, Value: "alice"}
	p.Deliver(a)
	p.end()
	away := dir + "-away"
	if err := errors.Join(os.Rename(dir, away), os.WriteFile(dir, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	p = newPost(t, dir, &desk{name: "down", fail: errDown})
	defer p.end()
	hers := func(a *monitor.Alert) bool { return a.Subject.Value == "alice" }
	if n, err := p.Forget(hers); n != 0 || err == nil {
		t.Errorf("forgotten in %d, %v", n, err)
	}
	if all, err := p.Alerts(); err == nil {
		t.Errorf("waiting: %+v", all)
	}
	until(t, "Run has tried, too", func() bool { return strings.Contains(p.log.text(), "alerts of before cannot be read") })
	if err := errors.Join(os.Remove(dir), os.Rename(away, dir)); err != nil {
		t.Fatal(err)
	}
	if n, err := p.Forget(hers); n != 1 || err != nil {
		t.Errorf("when it can be read: %d, %v", n, err)
	}
	for _, file := range spooled(t, dir) {
		if left := unsealed(t, file); strings.Contains(left, "alice") {
			t.Errorf("on disk: %s", left)
		}
	}
}
