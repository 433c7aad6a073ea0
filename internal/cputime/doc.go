// Package cputime measures what a piece of work costs on the processor, for tests
// that hold it to a bound: what else the machine does meanwhile is no fault of the
// work.
package cputime

import (
	"runtime"
	"testing"
	"time"
)

// Of runs work, on one thread, and tells the time that it had on a processor. What
// the work leaves to other goroutines is not in it.
func Of(t testing.TB, work func()) time.Duration {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	start := now(t)
	work()
	return now(t) - start
}
