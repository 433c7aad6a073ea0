package lacking

import (
	"fmt"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Namespaces is a system that lets nobody make user namespaces; the other layers have
// the names that package sandbox gives them.
const Namespaces = "namespaces"

// From takes a layer from this process.
func From(layer string) error {
	program, err := bpf.Assemble(filter(layer))
	if err != nil {
		return fmt.Errorf("taking %s away: %w", layer, err)
	}
	filters := make([]unix.SockFilter, len(program))
	for i, in := range program {
		filters[i] = unix.SockFilter{Code: in.Op, Jt: in.Jt, Jf: in.Jf, K: in.K}
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("taking %s away: %w", layer, err)
	}
	given := unix.SockFprog{Len: uint16(len(filters)), Filter: &filters[0]}                                                                                          //nolint:gosec // a handful
	if _, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&given))); errno != 0 { //nolint:gosec // the kernel reads it
		return fmt.Errorf("taking %s away: %w", layer, errno)
	}
	return nil
}

// filter answers the calls that a layer is asked for with.
func filter(layer string) []bpf.Instruction {
	answer := func(e unix.Errno) bpf.Instruction {
		return bpf.RetConstant{Val: unix.SECCOMP_RET_ERRNO | uint32(e)} //nolint:gosec // below 4096
	}
	number := bpf.LoadAbsolute{Off: 0, Size: 4}
	allow := bpf.RetConstant{Val: unix.SECCOMP_RET_ALLOW}
	missing := func(call uint32) []bpf.Instruction {
		return []bpf.Instruction{number, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: call, SkipTrue: 1}, answer(unix.ENOSYS), allow}
	}
	switch layer {
	case "landlock":
		return missing(unix.SYS_LANDLOCK_CREATE_RULESET)
	case "seccomp":
		return missing(unix.SYS_SECCOMP)
	case Namespaces:
		return []bpf.Instruction{
			number,
			bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.SYS_CLONE3, SkipTrue: 1},
			answer(unix.ENOSYS),
			bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.SYS_CLONE, SkipTrue: 3},
			bpf.LoadAbsolute{Off: 16, Size: 4}, // the flags
			bpf.JumpIf{Cond: bpf.JumpBitsNotSet, Val: unix.CLONE_NEWUSER, SkipTrue: 1},
			answer(unix.EPERM),
			allow,
		}
	}
	return []bpf.Instruction{bpf.RetConstant{Val: unix.SECCOMP_RET_KILL_PROCESS}} // a test that asks for nothing that there is
}
