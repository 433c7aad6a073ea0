package upstream

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"syscall"

	"doorward/internal/sandbox"
	"doorward/internal/supervise"
)

// dress makes cmd, which runs the image, a group of its own that dies with Doorward.
// Supervised, it runs below this same binary (see supervise.Run), which gets SIGTERM when
// Doorward dies; otherwise the child itself is killed.
func dress(cmd *exec.Cmd, image *sandbox.Image, supervised bool) {
	cmd.Path, cmd.Args = image.Path, image.Args
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if supervised {
		cmd.ExtraFiles = []*os.File{image.File()}
		cmd.Args = slices.Concat([]string{supervise.Name, fmt.Sprintf("/proc/self/fd/%d", supervise.Handed)}, image.Args)
		// The running image, even when the file has been replaced since.
		cmd.Path = "/proc/self/exe"
		cmd.SysProcAttr.Pdeathsig = syscall.SIGTERM
	}
}

// endGroup has nothing to do: the supervisor of a command, which ends when it does, ends all
// that it started.
func endGroup(*exec.Cmd) error { return nil }

// signalGroup sends sig to the group of the started cmd; a group that is gone is fine.
func signalGroup(cmd *exec.Cmd, sig syscall.Signal) error {
	if err := syscall.Kill(-cmd.Process.Pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil
}
