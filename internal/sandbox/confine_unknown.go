//go:build !linux && !darwin && !windows

package sandbox

import (
	"errors"
	"net"
	"os/exec"
)

// errSystem says what to do where Doorward has no walls to put up.
var errSystem = errors.New("sandbox: this system has no walls for a command: confine it by sandbox: {kind: docker}, or write sandbox: {kind: none} and know that it has your rights")

// Confine refuses: nothing can be enforced here.
func (*Maker) Confine(*exec.Cmd, Plan, func(net.Listener)) (*Box, error) { return nil, errSystem }

// lacking are all layers.
func lacking() []string { return []string{Bounds, Files, Network, Landlock, Seccomp} }

// Started refuses.
func (*Box) Started(error) error { return errSystem }

// Init refuses.
func Init() int { return 2 }
