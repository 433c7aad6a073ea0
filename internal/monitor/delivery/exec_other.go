//go:build !unix

package delivery

import "os/exec"

// alone does nothing: there are no process groups here, and the command itself is
// ended.
func alone(*exec.Cmd) {}
