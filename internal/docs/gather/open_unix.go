//go:build unix

package gather

import "syscall"

// nonBlocking opens what might be a pipe by now without waiting for somebody to write.
const nonBlocking = syscall.O_NONBLOCK
