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

// endGroup ends what a command that has ended leaves in its group: there is no supervisor that
// would. What has moved to a group of its own goes on.
func endGroup(cmd *exec.Cmd) error { return signalGroup(cmd, syscall.SIGKILL) }

// signalGroup sends sig to the group of the started cmd; a group that is gone is fine.
func signalGroup(cmd *exec.Cmd, sig syscall.Signal) error {
	if err := syscall.Kill(-cmd.Process.Pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil
}
