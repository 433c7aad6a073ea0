//go:build unix

package durable

import "syscall"

const (
	noFollow    = syscall.O_NOFOLLOW // refuses a symbolic link in a file's place
	nonBlocking = syscall.O_NONBLOCK // a pipe in its place does not hold us up
)
