package sandbox

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// kernel compares the kernel that answers with this system's.
func (q *question) kernel() error {
	raw, err := os.ReadFile("/proc/version")
	if err != nil {
		return err
	}
	if string(raw) == q.Kernel {
		return errors.New("it is this system's")
	}
	return nil
}

// privileges reads what the kernel says of this process (proc_pid_status(5)). In gVisor the
// process is user 0, and older releases say nothing of no_new_privs and of ambient capabilities.
func (q *question) privileges() error {
	raw, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	inGVisor := q.Kernel != ""
	for _, want := range []string{"NoNewPrivs:\t1", "CapInh:\t0000000000000000", "CapPrm:\t0000000000000000", "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "CapAmb:\t0000000000000000"} {
		name, _, _ := strings.Cut(want, ":")
		if inGVisor && !strings.Contains(string(raw), "\n"+name+":") && (name == "NoNewPrivs" || name == "CapAmb") {
			continue
		}
		if !strings.Contains(string(raw), "\n"+want+"\n") {
			return fmt.Errorf("%s is not as it should be", name)
		}
	}
	if !inGVisor && unix.Setuid(0) == nil && os.Getuid() == 0 {
		return errors.New("it could become root")
	}
	return nil
}

// namespaces tries to make one, which the filter refuses and this namespace's own limit.
func namespaces() error {
	raw, err := os.ReadFile("/proc/sys/user/max_user_namespaces")
	if err != nil {
		return err
	}
	if limit := strings.TrimSpace(string(raw)); limit != "0" {
		return fmt.Errorf("%s user namespaces may be made", limit)
	}
	if unix.Unshare(unix.CLONE_NEWUSER) == nil {
		return errors.New("one was made")
	}
	return nil
}

// perLinux32 is PER_LINUX32 of personality(2).
const perLinux32 = 8

// all is an argument that no system call does anything with.
const all = ^uintptr(0)

// trialCall is a system call that has to fail in one way.
type trialCall struct {
	name    string
	want    unix.Errno
	number  uintptr
	a, b, c uintptr
}

// refusedCalls makes every system call that the filter refuses, with arguments that
// have no effect where it does not.
func refusedCalls() error {
	for _, n := range denied {
		c := trialCall{fmt.Sprintf("system call %d", n), unix.EPERM, uintptr(n), all, all, all}
		if err := c.refused(); err != nil {
			return err
		}
	}
	zero := uintptr(unsafe.Pointer(new(uint64))) //nolint:gosec // the kernel would read it
	for _, c := range []trialCall{
		{"clone3", unix.ENOSYS, unix.SYS_CLONE3, 0, 0, 0},
		// With CLONE_FS no kernel makes it.
		{"clone of a user namespace", unix.EPERM, unix.SYS_CLONE, unix.CLONE_NEWUSER | unix.CLONE_FS, 0, 0},
		{"personality", unix.EPERM, unix.SYS_PERSONALITY, perLinux32, 0, 0},
		{"TIOCSTI", unix.EPERM, unix.SYS_IOCTL, 0, unix.TIOCSTI, zero},
		{"a netlink socket", unix.EPERM, unix.SYS_SOCKET, unix.AF_NETLINK, unix.SOCK_RAW, 0},
		{"a vsock socket", unix.EPERM, unix.SYS_SOCKET, unix.AF_VSOCK, unix.SOCK_STREAM, 0},
		{"a packet socket", unix.EPERM, unix.SYS_SOCKET, unix.AF_PACKET, unix.SOCK_RAW, 0},
		{"the scheduler of process 1", unix.EPERM, unix.SYS_SCHED_SETSCHEDULER, 1, unix.SCHED_IDLE, zero},
	} {
		if err := c.refused(); err != nil {
			return err
		}
	}
	if _, err := unix.Mmap(-1, 0, os.Getpagesize(), unix.PROT_READ, unix.MAP_SHARED|unix.MAP_ANON); !errors.Is(err, unix.EPERM) {
		return errors.Join(err, errors.New("shared memory without a file is not refused"))
	}
	return nil
}

func (c *trialCall) refused() error {
	switch _, _, errno := unix.RawSyscall6(c.number, c.a, c.b, c.c, all, all, 0); errno {
	case c.want:
		return nil
	case 0:
		return fmt.Errorf("%s is not refused", c.name)
	default:
		return fmt.Errorf("%s: %w instead of %w", c.name, errno, c.want)
	}
}
