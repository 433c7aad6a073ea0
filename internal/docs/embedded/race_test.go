//go:build race

package embedded_test

// slower is how many times as long SQLite takes under the race detector, at the most.
const slower = 10
