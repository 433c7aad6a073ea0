//go:build !linux

package app

// beingWritten tells nothing: this system does not say who has a file open.
func beingWritten(string) bool { return false }
