package sandbox

import (
	"errors"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// abiFloor is the oldest Landlock that counts as the layer: its third version
// (Linux 6.2) is the first that keeps a file from being cut short.
const abiFloor = 3

// Rights of files by the version of Landlock that they came with (landlock(7)).
const (
	readRights = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR
	allRights  = 1<<15 - 1                         // versions 1 to 3
	ioctlRight = unix.LANDLOCK_ACCESS_FS_IOCTL_DEV // version 5
	// A command that may write somewhere may make no devices there.
	writeRights = allRights &^ (unix.LANDLOCK_ACCESS_FS_MAKE_CHAR | unix.LANDLOCK_ACCESS_FS_MAKE_BLOCK)
	fileRights  = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_TRUNCATE
	tcpRights   = unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP // version 4
	scopes      = unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | unix.LANDLOCK_SCOPE_SIGNAL    // version 6
)

// landlockABI is the version of Landlock that this kernel has; 0 is none.
func landlockABI() int {
	v, _, errno := unix.RawSyscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return 0
	}
	return int(v)
}

// lacksLandlock is the error of a kernel without a Landlock that counts.
func lacksLandlock() error {
	if abi := landlockABI(); abi < abiFloor {
		return fmt.Errorf("%w: it has version %d of Landlock, and %d (Linux 6.2) is the oldest that counts", errLacking, abi, abiFloor)
	}
	return nil
}

// restrictFiles lets the calling thread, and all that it starts, read what the root
// has, write below the paths that are given, and reach over TCP only the proxy,
// where there is one. The thread must have no_new_privs.
func restrictFiles(writable []string, egress bool) error {
	if err := lacksLandlock(); err != nil {
		return err
	}
	abi := landlockABI()
	rules := unix.LandlockRulesetAttr{Handled_access_fs: allRights}
	size := unsafe.Sizeof(rules.Handled_access_fs)
	if abi >= 4 {
		rules.Handled_access_net, size = tcpRights, size+unsafe.Sizeof(rules.Handled_access_net)
	}
	if abi >= 5 {
		rules.Handled_access_fs |= ioctlRight
	}
	if abi >= 6 {
		rules.Scoped, size = scopes, size+unsafe.Sizeof(rules.Scoped)
	}
	fd, _, errno := unix.RawSyscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&rules)), size, 0) //nolint:gosec // the kernel reads it
	if errno != 0 {
		return fmt.Errorf("making Landlock's rules: %w", errno)
	}
	set := os.NewFile(fd, "landlock")
	defer set.Close()
	if err := beneath(fd, "/", readRights); err != nil {
		return err
	}
	for _, path := range writable {
		if err := beneath(fd, path, writeRights); err != nil {
			return err
		}
	}
	if egress && abi >= 4 {
		if err := proxyPort(fd); err != nil {
			return err
		}
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, 0, 0); errno != 0 {
		return fmt.Errorf("entering Landlock: %w", errno)
	}
	return nil
}

// beneath allows rights for a path and all below it; of a file those that files have.
func beneath(rules uintptr, path string, rights uint64) error {
	at, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("opening %s for Landlock: %w", path, err)
	}
	defer func() { _ = unix.Close(at) }()
	var st unix.Stat_t
	if err := unix.Fstat(at, &st); err != nil {
		return fmt.Errorf("looking at %s for Landlock: %w", path, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		rights &= fileRights
	}
	rule := unix.LandlockPathBeneathAttr{Allowed_access: rights, Parent_fd: int32(at)}                                                                            //nolint:gosec // a descriptor
	if _, _, errno := unix.RawSyscall6(unix.SYS_LANDLOCK_ADD_RULE, rules, unix.LANDLOCK_RULE_PATH_BENEATH, uintptr(unsafe.Pointer(&rule)), 0, 0, 0); errno != 0 { //nolint:gosec // the kernel reads it
		return fmt.Errorf("allowing %s in Landlock: %w", path, errno)
	}
	return nil
}

// proxyPort allows connections to the proxy's port; the network namespace has no
// other machine in it.
func proxyPort(rules uintptr) error {
	rule := struct{ access, port uint64 }{unix.LANDLOCK_ACCESS_NET_CONNECT_TCP, proxyPortNumber}
	if _, _, errno := unix.RawSyscall6(unix.SYS_LANDLOCK_ADD_RULE, rules, ruleNetPort, uintptr(unsafe.Pointer(&rule)), 0, 0, 0); errno != 0 { //nolint:gosec // the kernel reads it
		return fmt.Errorf("allowing the proxy in Landlock: %w", errno)
	}
	return nil
}

const (
	proxyPortNumber = 3128
	ruleNetPort     = 2 // LANDLOCK_RULE_NET_PORT (landlock_add_rule(2))
)

// dropPrivileges gives up every capability of the calling thread for good, and the
// way to new ones (capabilities(7), PR_SET_NO_NEW_PRIVS).
func dropPrivileges() error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("setting no_new_privs: %w", err)
	}
	for c := uintptr(0); ; c++ {
		err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0)
		if errors.Is(err, unix.EINVAL) && c > unix.CAP_CHECKPOINT_RESTORE {
			break // beyond the last one that this kernel knows
		}
		if err != nil && !errors.Is(err, unix.EPERM) {
			return fmt.Errorf("dropping capability %d: %w", c, err)
		}
		if c > 63 {
			break
		}
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return fmt.Errorf("clearing ambient capabilities: %w", err)
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	if err := unix.Capset(&header, &none[0]); err != nil {
		return fmt.Errorf("dropping capabilities: %w", err)
	}
	return nil
}
