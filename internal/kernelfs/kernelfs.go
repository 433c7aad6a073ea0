// Package kernelfs tells files that a kernel makes up, as those of /proc and /sys, from files that
// somebody wrote. They look like regular ones, and hold environments, memory and keys of processes.
//
// builtin/files and docs/gather ask it of each file that they have opened, for such a file system may
// be mounted anywhere, and of the directory that they begin with.
package kernelfs

import (
	"errors"
	"os"
)

// Refuse refuses a directory that is of such a file system.
func Refuse(root *os.Root) error {
	at, err := root.Open(".")
	if err != nil {
		return err
	}
	defer at.Close()
	if Has(at) {
		return errors.New("it is of a file system of the kernel, as /proc and /sys are, with environments and memory of processes: take a directory of files")
	}
	return nil
}
