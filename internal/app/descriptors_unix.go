//go:build unix

package app

import (
	"math"

	"golang.org/x/sys/unix"
)

// descriptors is how many files and connections this process may have open. The runtime has raised what
// it started with to the most that it may have. Zero: that is not known.
func descriptors() int {
	var most unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &most); err != nil {
		return 0
	}
	return int(min(uint64(most.Cur), math.MaxInt32)) //nolint:unconvert // int64 on some systems
}
