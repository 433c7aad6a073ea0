package sandbox

import (
	"fmt"
	"maps"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Offsets in struct seccomp_data (seccomp(2)), of a little-endian processor.
const (
	dataNumber = 0
	dataArch   = 4
	dataArgs   = 16 // 8 bytes each, the low half first
)

// retErrno is SECCOMP_RET_ERRNO with the number in its low bits.
func retErrno(e unix.Errno) uint32 { return unix.SECCOMP_RET_ERRNO | uint32(e)&unix.SECCOMP_RET_DATA } //nolint:gosec // cut to its bits

// spaces are the flags of clone(2) that make a namespace.
const spaces = unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET |
	unix.CLONE_NEWIPC | unix.CLONE_NEWUTS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWTIME

// denied are the system calls that no server of tools needs and that kernels had
// holes in or that reach around the other walls (SBX-15). They fail with EPERM.
//
//nolint:gochecknoglobals // a table; read-only
var denied = append([]uint32{
	// Namespaces, mounts and roots.
	unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_CHROOT, unix.SYS_UNSHARE, unix.SYS_SETNS,
	unix.SYS_MOVE_MOUNT, unix.SYS_OPEN_TREE, unix.SYS_FSOPEN, unix.SYS_FSCONFIG, unix.SYS_FSMOUNT, unix.SYS_FSPICK, unix.SYS_MOUNT_SETATTR,
	// Other processes.
	unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_PIDFD_GETFD, unix.SYS_KCMP, unix.SYS_PROCESS_MADVISE,
	// What kernels were broken into with.
	unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN, unix.SYS_USERFAULTFD, unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER,
	unix.SYS_KEYCTL, unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY,
	unix.SYS_OPEN_BY_HANDLE_AT, unix.SYS_NAME_TO_HANDLE_AT, unix.SYS_FANOTIFY_INIT, unix.SYS_LOOKUP_DCOOKIE, unix.SYS_VHANGUP,
	unix.SYS_MBIND, unix.SYS_MIGRATE_PAGES, unix.SYS_MOVE_PAGES, unix.SYS_SET_MEMPOLICY,
	// Memory that no limit counts: it belongs to no process.
	unix.SYS_MEMFD_CREATE, unix.SYS_MEMFD_SECRET, unix.SYS_SHMGET, unix.SYS_SEMGET, unix.SYS_MSGGET,
	// The machine.
	unix.SYS_KEXEC_LOAD, unix.SYS_KEXEC_FILE_LOAD, unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE, unix.SYS_DELETE_MODULE,
	unix.SYS_REBOOT, unix.SYS_SWAPON, unix.SYS_SWAPOFF, unix.SYS_ACCT, unix.SYS_QUOTACTL, unix.SYS_QUOTACTL_FD, unix.SYS_SYSLOG,
	unix.SYS_SETHOSTNAME, unix.SYS_SETDOMAINNAME, unix.SYS_SETTIMEOFDAY, unix.SYS_CLOCK_SETTIME, unix.SYS_CLOCK_ADJTIME, unix.SYS_ADJTIMEX,
}, deniedHere...)

// ofOthers are the calls that change how a process is scheduled or limited, and which
// of their arguments names it; 0 is the caller.
//
//nolint:gochecknoglobals // a table; read-only
var ofOthers = map[uint32]uint32{
	unix.SYS_PRLIMIT64: 0, unix.SYS_SCHED_SETAFFINITY: 0, unix.SYS_SCHED_SETSCHEDULER: 0, unix.SYS_SCHED_SETPARAM: 0,
	unix.SYS_SCHED_SETATTR: 0, unix.SYS_SETPRIORITY: 1, unix.SYS_IOPRIO_SET: 1,
}

// modes are the calls that set the mode of a file, and which of their arguments it is;
// opens are those that make one, and which are their flags, which the mode follows.
//
//nolint:gochecknoglobals // tables; read-only
var (
	modes = join(map[uint32]uint32{unix.SYS_FCHMOD: 1, unix.SYS_FCHMODAT: 2, unix.SYS_FCHMODAT2: 2}, modesHere)
	opens = join(map[uint32]uint32{unix.SYS_OPENAT: 2}, opensHere)
)

func join(all, here map[uint32]uint32) map[uint32]uint32 {
	maps.Copy(all, here)
	return all
}

// filter is the program that the kernel runs at each system call: what is not
// denied passes, for the walls that keep a command are the namespaces; calls of
// another architecture's table are refused, as their numbers mean something else.
func filter() ([]bpf.RawInstruction, error) {
	eperm := bpf.RetConstant{Val: retErrno(unix.EPERM)}
	program := []bpf.Instruction{
		bpf.LoadAbsolute{Off: dataArch, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: auditArch, SkipTrue: 1},
		bpf.RetConstant{Val: unix.SECCOMP_RET_KILL_PROCESS},
		bpf.LoadAbsolute{Off: dataNumber, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpLessThan, Val: 0x40000000, SkipTrue: 1}, // x32 (__X32_SYSCALL_BIT)
		eperm,
		// What they are given lies in memory, where a filter cannot look; without them libraries
		// use clone and openat.
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.SYS_OPENAT2, SkipTrue: 1},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.SYS_CLONE3, SkipTrue: 1},
		bpf.RetConstant{Val: retErrno(unix.ENOSYS)},
	}
	for _, n := range denied {
		program = append(program, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: n, SkipTrue: 1}, eperm)
	}
	program = append(program, byArgument()...)
	return bpf.Assemble(append(program, bpf.RetConstant{Val: unix.SECCOMP_RET_ALLOW}))
}

// byArgument refuses calls by what they are given.
func byArgument() (program []bpf.Instruction) {
	// call looks at one argument of a system call; judge ends in a verdict or falls
	// through, which passes.
	call := func(number uint32, argument uint32, judge ...bpf.Instruction) {
		judge = append(judge, bpf.RetConstant{Val: unix.SECCOMP_RET_ALLOW})
		past := uint8(len(judge) + 1) //nolint:gosec // a handful
		program = append(program, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: number, SkipTrue: past},
			bpf.LoadAbsolute{Off: dataArgs + 8*argument, Size: 4})
		program = append(program, judge...)
	}
	eperm := bpf.RetConstant{Val: retErrno(unix.EPERM)}
	call(unix.SYS_CLONE, 0, bpf.JumpIf{Cond: bpf.JumpBitsNotSet, Val: spaces, SkipTrue: 1}, eperm)
	// A terminal's input and its virtual console's (TIOCSTI: CVE-2017-5226).
	call(unix.SYS_IOCTL, 1,
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.TIOCSTI, SkipTrue: 1}, eperm,
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: tioclinux, SkipTrue: 1}, eperm)
	// Asking which personality one has is harmless, as is having the common one.
	call(unix.SYS_PERSONALITY, 0,
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0, SkipTrue: 2},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0xffffffff, SkipTrue: 1}, eperm)
	// Process 1 has the command's user, and could be kept from its watch by limits, a
	// scheduler or a niceness that the command sets: all of these are for oneself alone.
	for number, argument := range ofOthers {
		call(number, argument, bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0, SkipTrue: 1}, eperm)
	}
	// Landlock does not see MPTCP as TCP; who asks for it takes TCP then (RFC 8684).
	program = append(program,
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.SYS_SOCKET, SkipTrue: 4},
		bpf.LoadAbsolute{Off: dataArgs + 8*2, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.IPPROTO_MPTCP, SkipTrue: 1},
		bpf.RetConstant{Val: retErrno(unix.EPROTONOSUPPORT)},
		bpf.LoadAbsolute{Off: dataNumber, Size: 4})
	// Memory that is shared without a file belongs to no process, and nor do huge pages: no
	// limit would count it.
	call(unix.SYS_MMAP, 3,
		bpf.JumpIf{Cond: bpf.JumpBitsNotSet, Val: unix.MAP_HUGETLB, SkipTrue: 1}, eperm,
		bpf.JumpIf{Cond: bpf.JumpBitsNotSet, Val: unix.MAP_ANONYMOUS, SkipTrue: 2},
		bpf.JumpIf{Cond: bpf.JumpBitsNotSet, Val: unix.MAP_SHARED, SkipTrue: 1}, eperm) // MAP_SHARED_VALIDATE has the bit, too
	// Sockets of the kernel's, of other machines' (vsock) and of old protocols.
	call(unix.SYS_SOCKET, 0,
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.AF_UNIX, SkipTrue: 3},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.AF_INET, SkipTrue: 2},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.AF_INET6, SkipTrue: 1}, eperm)
	// The rights of a file's owner: others on this system would have Doorward's by a file that
	// was left where the command may write.
	rights := []bpf.Instruction{bpf.JumpIf{Cond: bpf.JumpBitsNotSet, Val: unix.S_ISUID | unix.S_ISGID, SkipTrue: 1}, eperm}
	for number, argument := range modes {
		call(number, argument, rights...)
	}
	for number, flags := range opens {
		call(number, flags, append([]bpf.Instruction{ // a mode without one of these means nothing
			bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: unix.O_CREAT | unix.O_TMPFILE&^unix.O_DIRECTORY, SkipTrue: 1},
			bpf.RetConstant{Val: unix.SECCOMP_RET_ALLOW},
			bpf.LoadAbsolute{Off: dataArgs + 8*(flags+1), Size: 4},
		}, rights...)...)
	}
	call(unix.SYS_MKNODAT, 2, append(rights,
		bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: unix.S_IFMT},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.S_IFCHR, SkipTrue: 1},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.S_IFBLK, SkipTrue: 1}, eperm)...)
	return program
}

// tioclinux is TIOCLINUX of ioctl_console(2).
const tioclinux = 0x541c

// lacksFilter is the error of a kernel that filters no system calls.
func lacksFilter() error {
	action := uint32(unix.SECCOMP_RET_ERRNO)
	if _, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_GET_ACTION_AVAIL, 0, uintptr(unsafe.Pointer(&action))); errno != 0 { //nolint:gosec // the kernel reads it
		return fmt.Errorf("%w: no filter of system calls: %w", errLacking, errno)
	}
	return nil
}

// restrictCalls installs the filter for the calling thread and all that it starts.
// The thread must have no_new_privs.
func restrictCalls() error {
	if err := lacksFilter(); err != nil {
		return err
	}
	raw, err := filter()
	if err != nil {
		return fmt.Errorf("assembling the filter of system calls: %w", err)
	}
	program := make([]unix.SockFilter, len(raw))
	for i, in := range raw {
		program[i] = unix.SockFilter{Code: in.Op, Jt: in.Jt, Jf: in.Jf, K: in.K}
	}
	given := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}                                                             //nolint:gosec // some hundred
	if _, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&given))); errno != 0 { //nolint:gosec // the kernel reads it
		return fmt.Errorf("installing the filter of system calls: %w", errno)
	}
	return nil
}
