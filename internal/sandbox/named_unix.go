//go:build unix

package sandbox

import (
	"io/fs"
	"syscall"
)

// named is how many names a file has (hard links).
func named(info fs.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Nlink) //nolint:unconvert // of another width on other systems
	}
	return 1
}
