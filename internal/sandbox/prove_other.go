//go:build !linux

package sandbox

import (
	"context"
	"os/exec"
)

// Prove refuses: nothing can be enforced here.
func (*Maker) Prove(context.Context, Plan, []string, func(*exec.Cmd) error) (Proof, error) {
	return Proof{}, errSystem
}

// Lacks says of every layer that it is missing.
func Lacks(string) error { return errSystem }
