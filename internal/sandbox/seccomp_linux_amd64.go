package sandbox

import "golang.org/x/sys/unix"

const auditArch = unix.AUDIT_ARCH_X86_64

// deniedHere are the calls that only this architecture has.
//
//nolint:gochecknoglobals // a table; read-only
var deniedHere = []uint32{unix.SYS_IOPL, unix.SYS_IOPERM, unix.SYS_MODIFY_LDT, unix.SYS_USELIB, unix.SYS_MKNOD, unix.SYS__SYSCTL, unix.SYS_CREATE_MODULE, unix.SYS_NFSSERVCTL}

// modesHere and opensHere are those of modes and opens that only this architecture has.
//
//nolint:gochecknoglobals // tables; read-only
var (
	modesHere = map[uint32]uint32{unix.SYS_CHMOD: 1, unix.SYS_CREAT: 1}
	opensHere = map[uint32]uint32{unix.SYS_OPEN: 1}
)
