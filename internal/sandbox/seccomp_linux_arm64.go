package sandbox

import "golang.org/x/sys/unix"

const auditArch = unix.AUDIT_ARCH_AARCH64

// deniedHere are the calls that only this architecture has.
//
//nolint:gochecknoglobals // a table; read-only
var deniedHere = []uint32{unix.SYS_NFSSERVCTL}

// modesHere and opensHere are those of modes and opens that only this architecture has:
// none.
//
//nolint:gochecknoglobals // tables; read-only
var modesHere, opensHere map[uint32]uint32
