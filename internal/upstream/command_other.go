//go:build !unix

package upstream

import (
	"os/exec"
	"syscall"
)

// dress has nothing to do where there are no process groups.
func dress(*exec.Cmd, bool) {}

// signalGroup kills the child itself.
func signalGroup(cmd *exec.Cmd, _ syscall.Signal) error { return cmd.Process.Kill() }
