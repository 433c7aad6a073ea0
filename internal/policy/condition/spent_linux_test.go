package condition_test

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// spent is the time that this thread has had on a processor.
func spent(t *testing.T) time.Duration {
	t.Helper()
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &now); err != nil {
		t.Fatal(err)
	}
	return time.Duration(now.Nano())
}
