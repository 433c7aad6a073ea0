//go:build unix

package secret

import (
	"io/fs"
	"os"
	"syscall"
)

// openTo are the permission bits that a secret's file must not have.
const openTo fs.FileMode = 0o077

// dontWait keeps the opening of a pipe from waiting for its writer.
const dontWait = syscall.O_NONBLOCK

// ours tells whether a file belongs to the user that Doorward runs as, or to
// root, who can write to any file.
func ours(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && (st.Uid == 0 || int64(st.Uid) == int64(os.Geteuid()))
}
