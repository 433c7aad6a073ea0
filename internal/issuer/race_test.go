//go:build race

package issuer_test

// slowdown is how much longer work takes under the race detector.
const slowdown = 10
