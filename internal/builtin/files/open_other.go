//go:build !unix

package files

// nonBlocking is nothing where no file in a directory is a pipe.
const nonBlocking = 0
