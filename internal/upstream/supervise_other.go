//go:build !linux

package upstream

// Supervise exists on Linux alone; elsewhere children are started directly, in
// a process group of their own where there is such a thing.
func Supervise([]string) int { return exitCannotRun }
