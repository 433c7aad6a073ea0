//go:build !linux

package supervise

// Run exists on Linux alone; elsewhere children are started directly, in
// a process group of their own where there is such a thing.
func Run([]string) int { return exitCannotRun }
