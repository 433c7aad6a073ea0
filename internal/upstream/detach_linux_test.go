package upstream_test

import (
	"os/exec"
	"syscall"
)

// detach puts a grandchild into a session of its own, as daemons do.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }
