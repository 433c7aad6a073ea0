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

// signalGroup kills the child itself.
func signalGroup(cmd *exec.Cmd, _ syscall.Signal) error { return cmd.Process.Kill() }
