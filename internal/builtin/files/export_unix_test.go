//go:build linux || darwin

package files

// Renames of file systems that have none to a name that must be free.
var (
	RenamePlainly  = renamePlainly
	RenameReserved = renameReserved
)
