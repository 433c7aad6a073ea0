//go:build !unix

package durable

const (
	noFollow    = 0
	nonBlocking = 0
)
