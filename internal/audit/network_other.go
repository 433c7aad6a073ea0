//go:build !linux

package audit

// keeps finds fault with no file system: which one it is is told on Linux alone.
func keeps(string) error { return nil }
