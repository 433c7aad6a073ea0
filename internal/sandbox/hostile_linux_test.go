package sandbox_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// target is what the hostile program is told of the world outside.
type target struct {
	TCP, Unix, Abstract string   // listeners of the test
	Secrets             []string // files outside of what is given, or hidden in it
	Given               string   // a directory that may be written
	ReadOnly            string   // one that may be read
	Pid                 int      // of the test
}

// hostile tries what the first argument names.
func hostile(args []string) int {
	if len(args) < 2 || args[0] != "walls" {
		return hostileLoad(args)
	}
	var to target
	if err := json.Unmarshal([]byte(args[1]), &to); err != nil {
		return 2
	}
	got := map[string]string{"descriptor leaked": leaked()} // before this program opens its own
	for name, try := range to.attempts() {
		got[name] = ""
		if err := try(); err != nil {
			got[name] = err.Error()
		}
	}
	if json.NewEncoder(os.Stdout).Encode(got) != nil {
		return 1
	}
	return 0
}

// attempts are all that is tried; no error means that it was had.
func (to *target) attempts() map[string]func() error {
	all := map[string]func() error{}
	for _, more := range []map[string]func() error{to.reads(), to.writes(), to.escapes(), to.processes(), to.network(), calls(), rights(), leftBehind(), devices(), memory()} {
		maps.Copy(all, more)
	}
	return all
}

func read(path string) func() error {
	return func() error {
		b, err := os.ReadFile(path)
		if err == nil && len(b) == 0 {
			return errors.New("empty")
		}
		return err
	}
}

func write(path string) func() error {
	return func() error { return os.WriteFile(path, []byte("x"), 0o600) }
}

func (to *target) reads() map[string]func() error {
	all := map[string]func() error{
		"read given":             read(to.Given + "/plain"),
		"read given read-only":   read(to.ReadOnly + "/plain"),
		"read shadow":            read("/etc/shadow"),
		"read host's passwd":     func() error { return holds("/etc/passwd", "root:") },
		"list root's home":       func() error { _, err := os.ReadDir("/root"); return err },
		"list var":               func() error { _, err := os.ReadDir("/var"); return err },
		"read host's machine-id": read("/etc/machine-id"),
		"read kernel's memory":   read("/proc/kcore"),
		"read kernel's keys":     read("/proc/keys"),
		"read kernel's symbols":  read("/proc/kallsyms"),
		"read docker socket":     func() error { _, err := os.Stat("/var/run/docker.sock"); return err },
	}
	for i, path := range to.Secrets {
		all[fmt.Sprintf("read secret %d", i)] = read(path)
	}
	return all
}

// holds finds a text in a file.
func holds(path, text string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if !strings.Contains(string(b), text) {
		return fmt.Errorf("%s does not hold it", path)
	}
	return nil
}

func (to *target) writes() map[string]func() error {
	all := map[string]func() error{"write given": write(to.Given + "/mine"), "write tmp": write("/tmp/mine"), "write shm": write("/dev/shm/mine")}
	for _, dir := range []string{"/", "/usr", "/usr/bin", "/etc", "/dev", "/run", "/proc", "/proc/sys/kernel", "/home", to.ReadOnly} {
		all["write "+dir] = write(filepath.Join(dir, "mine"))
		if dir == to.ReadOnly {
			all["write read-only"] = all["write "+dir]
			delete(all, "write "+dir)
		}
	}
	all["write own program"] = func() error {
		f, err := os.OpenFile(os.Getenv("SELF"), os.O_WRONLY, 0)
		if err == nil {
			_ = f.Close()
		}
		return err
	}
	all["chmod read-only"] = func() error { return os.Chmod(to.ReadOnly+"/plain", 0o777) }
	all["truncate read-only"] = func() error { return os.Truncate(to.ReadOnly+"/plain", 0) }
	all["remove read-only"] = func() error { return os.Remove(to.ReadOnly + "/plain") }
	all["write core_pattern"] = write("/proc/sys/kernel/core_pattern")
	all["write max_user_namespaces"] = func() error { return os.WriteFile("/proc/sys/user/max_user_namespaces", []byte("9"), 0) }
	all["trigger sysrq"] = func() error { return os.WriteFile("/proc/sysrq-trigger", []byte("?"), 0) }
	return all
}

func (to *target) escapes() map[string]func() error {
	secret := to.Secrets[0]
	return map[string]func() error{
		"through symlink": func() error {
			link := to.Given + "/link"
			_ = os.Remove(link)
			if err := os.Symlink(secret, link); err != nil {
				return err
			}
			return read(link)()
		},
		"through hard link": func() error {
			if err := os.Link(secret, to.Given+"/hard"); err != nil {
				return err
			}
			return read(to.Given + "/hard")()
		},
		"hard link of read-only": func() error { return os.Link(to.ReadOnly+"/plain", to.Given+"/hard2") },
		"rename across":          func() error { return os.Rename(to.ReadOnly+"/plain", to.Given+"/moved") },
		"move hidden away":       func() error { return os.Rename(to.ReadOnly+"/hidden", to.ReadOnly+"/seen") },
		"remove hidden":          func() error { return os.Remove(to.Given + "/hidden") },
		"self root":              read("/proc/self/root" + secret),
		"root of 1":              read("/proc/1/root" + secret),
		"cwd of 1":               func() error { _, err := os.Readlink("/proc/1/cwd"); return err },
		"program of 1":           func() error { _, err := os.Readlink("/proc/1/exe"); return err },
		"files of 1":             func() error { _, err := os.ReadDir("/proc/1/fd"); return err },
		"memory of 1":            func() error { _, err := os.Open("/proc/1/mem"); return err },
		"dots":                   read("/tmp/../../../../../.." + secret),
		"dots of given":          read("/proc/self/cwd/../.." + secret),
		"chroot":                 func() error { return unix.Chroot("/tmp") },
	}
}

func (to *target) processes() map[string]func() error {
	b := make([]byte, 8)
	local := []unix.Iovec{{Base: &b[0], Len: 8}}
	remote := []unix.RemoteIovec{{Base: uintptr(unsafe.Pointer(&b[0])), Len: 8}}
	return map[string]func() error{
		"environ of 1":      func() error { _, err := os.Open("/proc/1/environ"); return err },
		"canary in environ": func() error { return holds("/proc/self/environ", canaryValue()) },
		"canary in 1":       func() error { return holds("/proc/1/environ", canaryValue()) },
		"other processes": func() error {
			entries, err := os.ReadDir("/proc")
			for _, e := range entries {
				if n := e.Name(); n[0] >= '0' && n[0] <= '9' && n != "1" && n != fmt.Sprint(os.Getpid()) {
					return nil
				}
			}
			return errors.Join(err, errors.New("nobody else"))
		},
		"signal gateway":    func() error { return unix.Kill(to.Pid, 0) },
		"ptrace 1":          func() error { return unix.PtraceAttach(1) },
		"read memory of 1":  func() error { _, err := unix.ProcessVMReadv(1, local, remote, 0); return err },
		"write memory of 1": func() error { _, err := unix.ProcessVMWritev(1, local, remote, 0); return err },
		"descriptor of 1":   func() error { return pidfd(func(fd int) error { _, err := unix.PidfdGetfd(fd, 3, 0); return err }) },
		"limits of 1":       func() error { return unix.Prlimit(1, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 3, Max: 3}, nil) },
		"affinity of 1":     func() error { var s unix.CPUSet; s.Set(0); return unix.SchedSetaffinity(1, &s) },
		"niceness of 1":     func() error { return unix.Setpriority(unix.PRIO_PROCESS, 1, 19) },
		"niceness of user":  func() error { return unix.Setpriority(unix.PRIO_USER, os.Getuid(), 1) },
		"scheduler of 1": func() error {
			return unix.SchedSetAttr(1, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_IDLE}, 0)
		},
		"old scheduler of 1": func() error {
			return call(unix.SYS_SCHED_SETSCHEDULER, 1, unix.SCHED_IDLE, uintptr(unsafe.Pointer(new(int32))))
		},
		"input-output of 1":   func() error { return call(unix.SYS_IOPRIO_SET, 1, 1, 3<<13) },
		"own limits":          func() error { return unix.Prlimit(0, unix.RLIMIT_CORE, nil, &unix.Rlimit{}) },
		"more than own limit": func() error { return syscall.Setrlimit(unix.RLIMIT_CORE, &syscall.Rlimit{Cur: 2, Max: 2}) },
	}
}

// leaked says that no descriptor was handed down beside the first three; empty, that one was.
func leaked() string {
	for fd := 3; fd < 1024; fd++ {
		to, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
		if err == nil && !strings.HasPrefix(to, "anon_inode:[event") && !strings.HasPrefix(to, "/sys") { // the runtime's own
			return ""
		}
	}
	return "none"
}

func pidfd(do func(int) error) error {
	fd, err := unix.PidfdOpen(1, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	return do(fd)
}

func (to *target) network() map[string]func() error {
	dial := func(network, address string) func() error {
		return func() error {
			c, err := net.DialTimeout(network, address, 200*time.Millisecond)
			if err != nil {
				return err
			}
			defer c.Close()
			_, err = c.Write([]byte("x"))
			return err
		}
	}
	socket := func(domain, kind, protocol int) func() error {
		return func() error {
			fd, err := unix.Socket(domain, kind, protocol)
			if err == nil {
				_ = unix.Close(fd)
			}
			return err
		}
	}
	return map[string]func() error{
		"own socket pair":  func() error { _, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0); return err },
		"tcp to test":      dial("tcp", to.TCP),
		"tcp to metadata":  dial("tcp", "169.254.169.254:80"),
		"tcp to internet":  dial("tcp", "192.0.2.1:443"),
		"tcp6 to internet": dial("tcp", "[2001:db8::1]:443"),
		"dns over udp":     dial("udp", "192.0.2.53:53"),
		"udp to loopback":  dial("udp", to.TCP),
		"unix path":        dial("unix", to.Unix),
		"unix abstract":    dial("unix", to.Abstract),
		"tcp listener": func() error {
			l, err := net.Listen("tcp", "0.0.0.0:8080")
			if err == nil {
				_ = l.Close()
			}
			return err
		},
		"mptcp socket":      socket(unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_MPTCP),
		"raw socket":        socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP),
		"raw6 socket":       socket(unix.AF_INET6, unix.SOCK_RAW, unix.IPPROTO_ICMPV6),
		"packet socket":     socket(unix.AF_PACKET, unix.SOCK_RAW, 0),
		"netlink socket":    socket(unix.AF_NETLINK, unix.SOCK_RAW, 0),
		"vsock socket":      socket(unix.AF_VSOCK, unix.SOCK_STREAM, 0),
		"alg socket":        socket(unix.AF_ALG, unix.SOCK_SEQPACKET, 0),
		"bluetooth socket":  socket(unix.AF_BLUETOOTH, unix.SOCK_RAW, 0),
		"socket of 2^32+nl": func() error { return call(unix.SYS_SOCKET, 1<<32|unix.AF_NETLINK, unix.SOCK_RAW, 0) },
	}
}

// call makes a system call.
func call(number, a, b, c uintptr) error {
	if _, _, errno := unix.Syscall6(number, a, b, c, 0, 0, 0); errno != 0 {
		return errno
	}
	return nil
}

// refusedCalls are system calls that the filter refuses whatever they are given (SBX-15).
func refusedCalls() map[string]uintptr {
	return map[string]uintptr{
		"mount": unix.SYS_MOUNT, "umount2": unix.SYS_UMOUNT2, "pivot_root": unix.SYS_PIVOT_ROOT, "setns": unix.SYS_SETNS,
		"fsopen": unix.SYS_FSOPEN, "open_tree": unix.SYS_OPEN_TREE, "move_mount": unix.SYS_MOVE_MOUNT, "mount_setattr": unix.SYS_MOUNT_SETATTR,
		"clone3": unix.SYS_CLONE3, "bpf": unix.SYS_BPF, "perf_event_open": unix.SYS_PERF_EVENT_OPEN, "userfaultfd": unix.SYS_USERFAULTFD,
		"io_uring_setup": unix.SYS_IO_URING_SETUP, "io_uring_enter": unix.SYS_IO_URING_ENTER, "keyctl": unix.SYS_KEYCTL,
		"add_key": unix.SYS_ADD_KEY, "request_key": unix.SYS_REQUEST_KEY, "ptrace": unix.SYS_PTRACE,
		"open_by_handle_at": unix.SYS_OPEN_BY_HANDLE_AT, "name_to_handle_at": unix.SYS_NAME_TO_HANDLE_AT, "kexec_load": unix.SYS_KEXEC_LOAD,
		"init_module": unix.SYS_INIT_MODULE, "reboot": unix.SYS_REBOOT, "swapon": unix.SYS_SWAPON, "syslog": unix.SYS_SYSLOG,
		"sethostname": unix.SYS_SETHOSTNAME, "clock_settime": unix.SYS_CLOCK_SETTIME, "kcmp": unix.SYS_KCMP, "memfd_create": unix.SYS_MEMFD_CREATE, "memfd_secret": unix.SYS_MEMFD_SECRET, "shmget": unix.SYS_SHMGET, "semget": unix.SYS_SEMGET, "msgget": unix.SYS_MSGGET, "openat2": unix.SYS_OPENAT2, "fanotify_init": unix.SYS_FANOTIFY_INIT,
	}
}

func calls() map[string]func() error {
	all := map[string]func() error{
		"unshare user":    func() error { return unix.Unshare(unix.CLONE_NEWUSER) },
		"unshare mounts":  func() error { return unix.Unshare(unix.CLONE_NEWNS) },
		"clone user":      func() error { return call(unix.SYS_CLONE, unix.CLONE_NEWUSER|uintptr(unix.SIGCHLD), 0, 0) },
		"clone network":   func() error { return call(unix.SYS_CLONE, unix.CLONE_NEWNET|uintptr(unix.SIGCHLD), 0, 0) },
		"personality":     func() error { return call(unix.SYS_PERSONALITY, 0x0040000, 0, 0) },
		"ask personality": func() error { return call(unix.SYS_PERSONALITY, 0xffffffff, 0, 0) },
		"tiocsti":         func() error { return call(unix.SYS_IOCTL, 0, unix.TIOCSTI, uintptr(unsafe.Pointer(new(byte)))) },
		"tiocsti of 2^32": func() error { return call(unix.SYS_IOCTL, 0, 1<<32|unix.TIOCSTI, uintptr(unsafe.Pointer(new(byte)))) },
		"terminal":        func() error { _, err := os.Open("/dev/tty"); return err },
	}
	for name, number := range refusedCalls() {
		all["call "+name] = func() error { return call(number, 0, 0, 0) }
	}
	return all
}

func rights() map[string]func() error {
	return map[string]func() error{
		"no capability":     func() error { return holds("/proc/self/status", "CapEff:\t0000000000000000") },
		"no bounding":       func() error { return holds("/proc/self/status", "CapBnd:\t0000000000000000") },
		"no new privileges": func() error { return holds("/proc/self/status", "NoNewPrivs:\t1") },
		"filter on":         func() error { return holds("/proc/self/status", "Seccomp:\t2") },
		"set-user-id": func() error {
			out, err := exec.Command("/usr/bin/su", "-c", "id -u").CombinedOutput()
			if strings.TrimSpace(string(out)) == "0" {
				return nil
			}
			return errors.Join(err, errors.New("no gain"))
		},
		"setuid 0":    func() error { return syscall.Setuid(0) },
		"core dumped": cores,
	}
}

// cores finds a limit of core files that leaves room for one, or for the handler of the
// system's: 1 alone stops that (SBX-18).
func cores() error {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(unix.RLIMIT_CORE, &l); err != nil {
		return err
	}
	if l.Cur != 1 || l.Max != 1 {
		return nil
	}
	return errors.New("limit 1")
}

// leftBehind are files that others on the system would have the command's rights by.
func leftBehind() map[string]func() error {
	fresh := func(name string) (path string, err error) {
		path = filepath.Join(os.TempDir(), "left-"+name)
		return path, os.WriteFile(path, nil, 0o600)
	}
	on := func(name string, try func(path string, fd int) error) func() error {
		return func() error {
			path, err := fresh(name)
			if err != nil {
				return err
			}
			f, err := os.Open(path)
			if err != nil {
				return err
			}
			defer f.Close()
			return try(path, int(f.Fd()))
		}
	}
	made := func(flags int, mode uint32) func() error {
		return func() error {
			fd, err := unix.Open(filepath.Join(os.TempDir(), fmt.Sprintf("made-%o-%o", flags, mode)), flags, mode)
			if err == nil {
				err = unix.Close(fd)
			}
			return err
		}
	}
	return map[string]func() error{
		"plain mode":  on("plain", func(path string, _ int) error { return unix.Chmod(path, 0o755) }),
		"plain file":  made(unix.O_CREAT|unix.O_WRONLY, 0o644),
		"chmod suid":  on("chmod", func(path string, _ int) error { return unix.Fchmodat(unix.AT_FDCWD, path, 0o4755, 0) }),
		"fchmod sgid": on("fchmod", func(_ string, fd int) error { return unix.Fchmod(fd, 0o2755) }),
		"fchmodat2": on("fchmodat2", func(path string, _ int) error {
			return unix.Fchmodat(unix.AT_FDCWD, path, 0o4755, unix.AT_SYMLINK_NOFOLLOW)
		}),
		"open suid":    made(unix.O_CREAT|unix.O_WRONLY, 0o4755),
		"unnamed suid": func() error { return tmpfile(0o6755) },
		"mknod suid": func() error {
			return unix.Mknodat(unix.AT_FDCWD, filepath.Join(os.TempDir(), "left-mknod"), unix.S_IFREG|0o4755, 0)
		},
	}
}

func tmpfile(mode uint32) error {
	fd, err := unix.Open(os.TempDir(), unix.O_TMPFILE|unix.O_WRONLY, mode)
	if err == nil {
		err = unix.Close(fd)
	}
	return err
}

func devices() map[string]func() error {
	all := map[string]func() error{
		"mknod memory": func() error { return unix.Mknod("/tmp/mem", unix.S_IFCHR|0o600, 1<<8|1) },
		"mknod disk":   func() error { return unix.Mknod("/tmp/disk", unix.S_IFBLK|0o600, 254<<8) },
		"other device": func() error {
			entries, err := os.ReadDir("/dev")
			for _, e := range entries {
				if !slices.Contains([]string{"fd", "full", "null", "random", "shm", "stderr", "stdin", "stdout", "urandom", "zero"}, e.Name()) {
					return nil
				}
			}
			return errors.Join(err, errors.New("none"))
		},
	}
	for _, name := range []string{"mem", "kmem", "kvm", "fuse", "loop0", "sda", "vda", "ptmx", "console"} {
		all["device "+name] = func() error { _, err := os.Stat("/dev/" + name); return err }
	}
	return all
}
