//go:build unix

package files

import "os"

// synced has the names in an open directory on the disk.
func synced(dir *os.File) error { return dir.Sync() }
