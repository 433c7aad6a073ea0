//go:build !linux

package sandbox

import (
	"errors"
	"net"
	"os/exec"
)

// errSystem says what to do where Doorward has no walls to put up.
var errSystem = errors.New("sandbox: commands are confined on Linux alone: run the server in a container or elsewhere and reach it by url, or write sandbox: {kind: none} and know that it has your rights")

// Box is one sandbox.
type Box struct{}

// Maker makes no sandboxes.
type Maker struct{}

// Close does nothing.
func (*Maker) Close() {}

// Confine refuses: nothing can be enforced here.
func (*Maker) Confine(*exec.Cmd, Plan, func(net.Listener)) (*Box, error) { return nil, errSystem }

// Started refuses.
func (*Box) Started(error) error { return errSystem }

// Ended does nothing.
func (*Box) Ended() {}

// Reports is never asked.
func (*Box) Reports() <-chan Report { return nil }

// Close does nothing.
func (*Box) Close() {}

// Init refuses.
func Init() int { return 2 }
