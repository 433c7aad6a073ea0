//go:build !unix

package gather

// nonBlocking is nothing where no file in a directory is a pipe.
const nonBlocking = 0
