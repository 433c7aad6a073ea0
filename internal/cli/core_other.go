//go:build !linux

package cli

// leaveNoCore does nothing: Go's programs leave no core file here unless GOTRACEBACK says so.
func leaveNoCore() {}
