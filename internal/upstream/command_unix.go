//go:build unix && !linux

package upstream

import (
	"errors"
	"os/exec"
	"syscall"

	"doorward/internal/sandbox"
)

// dress makes cmd a process group of its own.
func dress(cmd *exec.Cmd, image *sandbox.Image, _ bool) {
	cmd.Path, cmd.Args = image.Path, image.Args
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}

// signalGroup sends sig to the group of the started cmd; a group that is gone is fine.
func signalGroup(cmd *exec.Cmd, sig syscall.Signal) error {
	if err := syscall.Kill(-cmd.Process.Pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil
}
