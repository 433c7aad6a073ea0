//go:build !race

package issuer_test

const slowdown = 1
