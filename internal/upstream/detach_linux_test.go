package upstream_test

import (
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// detach puts a grandchild into a session of its own, as daemons do.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }

// endLeader ends this process's first thread alone: what is left looks like a
// zombie in /proc and is the parent of its children still.
func endLeader() {
	for {
		found := make(chan bool, 1)
		go func() {
			runtime.LockOSThread()
			found <- syscall.Gettid() == os.Getpid()
			if syscall.Gettid() == os.Getpid() {
				_, _, _ = syscall.RawSyscall(syscall.SYS_EXIT, 0, 0, 0)
			}
			select {} // keeps its thread, so that the next one gets another
		}()
		if <-found {
			return
		}
	}
}
