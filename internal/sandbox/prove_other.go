//go:build !linux

package sandbox

import (
	"context"
	"errors"
	"os/exec"
	"slices"
)

// Probes tells whether a probe tries a plan from inside before a command starts under it.
const Probes = false

// Prove refuses: a probe is for Linux, where one program can be process 1 and probe.
func (*Maker) Prove(context.Context, Plan, []string, func(*exec.Cmd) error) (Proof, error) {
	return Proof{}, errors.New("sandbox: walls are tried from inside on Linux alone")
}

// Keepers is nothing: whether there are limits is the layer's that allow_weaker names.
func Keepers() []Kept { return nil }

// Lacks says of a layer that it is missing.
func Lacks(layer string) error {
	if slices.Contains(lacking(), layer) {
		return errLacking
	}
	return nil
}
