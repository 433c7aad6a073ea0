//go:build !unix

package sandbox

import "io/fs"

// named is how many names a file has; here that is not asked, and one is taken for granted.
func named(fs.FileInfo) uint64 { return 1 }
