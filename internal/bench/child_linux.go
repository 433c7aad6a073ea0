package main

import "syscall"

// attributes put a child into a group of its own, so that Ctrl-C reaches this
// program alone, which then ends its children in order; and they have the
// kernel kill the child when this program is killed itself.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
