//go:build !race

package embedded_test

// slower is how many times as long SQLite takes without the race detector.
const slower = 1
