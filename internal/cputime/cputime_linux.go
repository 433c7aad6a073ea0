package cputime

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// now is the time that this thread has had on a processor.
func now(t testing.TB) time.Duration {
	t.Helper()
	var spent unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &spent); err != nil {
		t.Fatal(err)
	}
	return time.Duration(spent.Nano())
}
