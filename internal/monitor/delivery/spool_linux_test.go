package delivery_test

import (
	"log/slog"
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"doorward/internal/monitor/delivery"
)

// A spool whose files cannot be listed misses none of its alerts: nobody is told that they are
// gone, and the next look has them.
func TestASpoolThatCannotBeListed(t *testing.T) {
	dir, b := t.TempDir(), &book{}
	d := &desk{name: "d", fail: errDown}
	all := func() []delivery.Receiver { return []delivery.Receiver{d} }
	p := newPostWith(t, dir, b, all)
	p.Deliver(alert())
	p.end()
	var told []error
	again, err := delivery.New(sealedWith(delivery.Config{
		Receivers: all, Dir: dir, Failed: func(string) {}, Log: slog.New(slog.DiscardHandler),
	}, b, func(_ int, first error) { told = append(told, first) }))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o300); err != nil {
		t.Fatal(err)
	}
	asPlainUser(t, func() {
		if got, err := again.Alerts(); err == nil {
			t.Errorf("read although nothing can be listed: %v", got)
		}
	})
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if got, err := again.Alerts(); err != nil || len(got) != 1 {
		t.Errorf("waiting: %v, %v", got, err)
	}
	if len(told) > 0 {
		t.Errorf("told: %v", told)
	}
}

// asPlainUser does something without what lets root read everything. The thread ends with it.
func asPlainUser(t *testing.T, do func()) {
	t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: its capabilities are gone for good
		header, none := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, [2]unix.CapUserData{}
		err := unix.Capset(&header, &none[0])
		if err == nil {
			do()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}
