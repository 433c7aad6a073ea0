package cli

import "golang.org/x/sys/unix"

// leaveNoCore has the kernel make no core file of this process, which holds every secret, and start
// no handler of one: for that the limit must be 1 byte and not 0 (core(5), fs/coredump.c). Only the
// soft limit is lowered, so nothing has to be allowed for it; where the hard one is 0 there is no file.
func leaveNoCore() {
	var is unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_CORE, &is) == nil {
		is.Cur = min(1, is.Max)
		_ = unix.Setrlimit(unix.RLIMIT_CORE, &is) // it is lower than it was
	}
}
