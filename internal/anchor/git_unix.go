//go:build unix

package anchor

import (
	"os/exec"
	"syscall"
)

// alone gives a command a session of its own, without a terminal that it could ask, and
// ends all of it.
func alone(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
}
