package upstream

import (
	"errors"
	"os/exec"
	"slices"
	"syscall"
)

// dress makes cmd a group of its own that dies with Doorward. Supervised, it
// runs below this same binary (see Supervise), which gets SIGTERM when Doorward
// dies; otherwise the child itself is killed.
func dress(cmd *exec.Cmd, supervised bool) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if supervised {
		cmd.Args = slices.Concat([]string{SupervisorName, cmd.Path}, cmd.Args)
		// The running image, even when the file has been replaced since.
		cmd.Path = "/proc/self/exe"
		cmd.SysProcAttr.Pdeathsig = syscall.SIGTERM
	}
}

// signalGroup sends sig to the group of the started cmd; a group that is gone is fine.
func signalGroup(cmd *exec.Cmd, sig syscall.Signal) error {
	if err := syscall.Kill(-cmd.Process.Pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil
}
