//go:build unix

package delivery

import (
	"os/exec"
	"syscall"
)

// alone gives a command a process group of its own, and ends all of it.
func alone(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
}
