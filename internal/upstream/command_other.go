//go:build !unix

package upstream

import (
	"os/exec"
	"syscall"

	"doorward/internal/sandbox"
)

// dress makes cmd run the image; there are no process groups.
func dress(cmd *exec.Cmd, image *sandbox.Image, _ bool) {
	cmd.Path, cmd.Args = image.Path, image.Args
}

// endGroup has nothing that it could end: a command that is not confined has no job object, and
// what it leaves behind goes on.
func endGroup(*exec.Cmd) error { return nil }

// signalGroup kills the child itself.
func signalGroup(cmd *exec.Cmd, _ syscall.Signal) error { return cmd.Process.Kill() }
