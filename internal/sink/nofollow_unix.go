//go:build unix

package sink

import "syscall"

// noFollow refuses a symbolic link in a file's place.
const noFollow = syscall.O_NOFOLLOW
