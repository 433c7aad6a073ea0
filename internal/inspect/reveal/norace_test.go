//go:build !race

package reveal_test

// slowdown is how much longer work takes under the race detector.
const slowdown = 1
