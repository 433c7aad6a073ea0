//go:build !linux

package kernelfs

import "os"

// Has tells whether an open file is of such a file system. Where there is no Linux there is none with
// regular files: macOS's /dev has devices, which nobody takes for files.
func Has(*os.File) bool { return false }
