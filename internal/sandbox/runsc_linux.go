package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// runscFiles bounds what runsc keeps of its own in memory: its bundle and its state have the
// plan twice, with the environment.
const runscFiles = "size=16m,nr_inodes=256,mode=0700"

// bundle is the part that is used here of the configuration of an OCI runtime
// (opencontainers/runtime-spec, config.md).
type bundle struct {
	Version string        `json:"ociVersion"`
	Process bundleProcess `json:"process"`
	Root    bundleRoot    `json:"root"`
	Host    string        `json:"hostname"`
	Mounts  []bundleMount `json:"mounts"`
	Linux   bundleLinux   `json:"linux"`
}

type bundleProcess struct {
	User struct {
		UID int `json:"uid"`
		GID int `json:"gid"`
	} `json:"user"` // 0: who owns what the command is given, without any capability
	Args         []string            `json:"args"`
	Env          []string            `json:"env"`
	Dir          string              `json:"cwd"`
	Capabilities map[string][]string `json:"capabilities"`
	NoNew        bool                `json:"noNewPrivileges"`
	Limits       []bundleLimit       `json:"rlimits"`
}

type bundleRoot struct {
	Path string `json:"path"`
}

type bundleMount struct {
	Path    string   `json:"destination"`
	Type    string   `json:"type"`
	Source  string   `json:"source"`
	Options []string `json:"options,omitempty"`
}

type bundleLimit struct {
	Type string `json:"type"`
	Hard uint64 `json:"hard"`
	Soft uint64 `json:"soft"`
}

type bundleLinux struct {
	Namespaces []bundleNamespace `json:"namespaces"`
}

type bundleNamespace struct {
	Type string `json:"type"`
}

// bundle describes the command to runsc. Its root is the one that process 1 is in, where
// nothing can be written but what may be; that it is not called read-only keeps runsc from
// mounting it anew, which the flags that it has do not allow (mount_namespaces(7)).
func (o *order) bundle() *bundle {
	p := &o.Plan
	b := &bundle{
		Version: "1.0.2", Host: "sandbox", Root: bundleRoot{Path: "/"},
		Process: bundleProcess{
			Args: append([]string{p.Path}, o.Args[min(1, len(o.Args)):]...), Env: o.Env, Dir: p.Dir, NoNew: true,
			Capabilities: map[string][]string{"bounding": {}, "effective": {}, "inheritable": {}, "permitted": {}, "ambient": {}},
		},
		Mounts: []bundleMount{
			{Path: "/proc", Type: "proc", Source: "proc"},
			{Path: runscDir, Type: "tmpfs", Source: "tmpfs", Options: []string{"ro", "size=4k", "mode=0555"}},
		},
		Linux: bundleLinux{[]bundleNamespace{{"pid"}, {"ipc"}, {"uts"}, {"mount"}}},
	}
	// What may change while the command runs: of its root gVisor remembers what it has read.
	for _, path := range []string{"/tmp", Home, "/dev/shm"} {
		b.Mounts = append(b.Mounts, apart(path, true))
	}
	for i := range p.Mounts {
		if m := &p.Mounts[i]; m.Path != runscProgram && !isSystem(m.Path) {
			b.Mounts = append(b.Mounts, apart(m.Path, m.Write))
		}
	}
	if !p.Egress {
		b.Linux.Namespaces = append(b.Linux.Namespaces, bundleNamespace{"network"})
	}
	for _, l := range p.Limits.kernel() {
		if name, ok := inGVisor[l.which]; ok {
			amount := uint64(max(l.amount, 0))
			b.Process.Limits = append(b.Process.Limits, bundleLimit{name, amount, amount})
		}
	}
	return b
}

// apart is a path of the root as a mount of its own, which is looked at anew each time.
func apart(path string, write bool) bundleMount {
	may := "ro"
	if write {
		may = "rw"
	}
	return bundleMount{Path: path, Type: "bind", Source: path, Options: []string{may, "rbind", "nosuid", "nodev"}}
}

// inGVisor are the limits that gVisor keeps for a process of its own (pkg/sentry/limits).
//
//nolint:gochecknoglobals // a table; read-only
var inGVisor = map[int]string{
	unix.RLIMIT_CORE: "RLIMIT_CORE", unix.RLIMIT_DATA: "RLIMIT_DATA", unix.RLIMIT_FSIZE: "RLIMIT_FSIZE", unix.RLIMIT_NOFILE: "RLIMIT_NOFILE", unix.RLIMIT_NPROC: "RLIMIT_NPROC",
}

// startRunsc has runsc run the command, with neither of the filters around it: it makes
// namespaces, and a filter of its own.
func (o *order) startRunsc() (*os.Process, *accounts, error) {
	p := &o.Plan
	now, err := Look(runscProgram)
	if now.Path = p.Runsc.Path; err != nil || now != *p.Runsc {
		return nil, nil, errors.Join(err, another(p.Runsc.Path))
	}
	raw, err := json.Marshal(o.bundle())
	if err != nil {
		return nil, nil, fmt.Errorf("describing the command to runsc: %w", err)
	}
	if err := os.WriteFile(filepath.Join(runscDir, "config.json"), raw, 0o600); err != nil {
		return nil, nil, fmt.Errorf("describing the command to runsc: %w", err)
	}
	for which, amount := range map[int]uint64{unix.RLIMIT_CORE: 1, unix.RLIMIT_NPROC: uint64(p.ceilings().Tasks + ownTasks)} { //nolint:gosec // positive
		if err := syscall.Setrlimit(which, &syscall.Rlimit{Cur: amount, Max: amount}); err != nil {
			return nil, nil, fmt.Errorf("limiting runsc: %w", err)
		}
	}
	if err := dropPrivileges(); err != nil {
		return nil, nil, err
	}
	books := o.accounts()
	network := "none"
	if p.Egress {
		network = "host" // this namespace's, which has Doorward's proxy and nothing else
	}
	child, err := os.StartProcess(runscProgram, []string{
		Runsc, "--root=" + runscState, "--log=" + runscLog, "--rootless", "--ignore-cgroups", "--network=" + network, "--overlay2=none",
		"run", "--detach", "--pid-file=" + runscPid, "--bundle=" + runscDir, "command",
	}, &os.ProcAttr{Dir: "/", Env: []string{}, Files: []*os.File{os.Stdin, os.Stdout, os.Stderr}, Sys: &syscall.SysProcAttr{Setsid: true}})
	if err != nil {
		return nil, nil, fmt.Errorf("starting runsc: %w", err)
	}
	// As for a command without it.
	for _, f := range []*os.File{os.Stdin, os.Stdout} {
		_ = f.Close()
	}
	return child, books, nil
}

// launch is how a runsc that detaches has ended: with the process of gVisor in which the
// command runs, whose exit is the command's, or with why there is none.
type launch struct {
	pid int
	err error
}

// awaitLaunch waits for runsc, which ends when it has started the command. What it leaves
// becomes a child of process 1, which must reap nobody before it knows who that is: the
// command may have ended by then.
func awaitLaunch(runsc *os.Process) <-chan launch {
	launched := make(chan launch, 1)
	go func() {
		is, err := runsc.Wait()
		if err != nil || !is.Success() {
			launched <- launch{err: fmt.Errorf("runsc ended before the command ran (%s): %s", is, complaint())}
			return
		}
		raw, err := os.ReadFile(runscPid)
		if err != nil {
			launched <- launch{err: fmt.Errorf("finding the command in gVisor: %w", err)}
			return
		}
		pid, err := strconv.Atoi(string(bytes.TrimSpace(raw)))
		if err != nil || pid <= 1 {
			launched <- launch{err: fmt.Errorf("finding the command in gVisor: runsc names %.20q as its process", raw)}
			return
		}
		launched <- launch{pid: pid}
	}()
	return launched
}

// maxComplaint bounds what is told of the log of a runsc that started nothing, in bytes.
const maxComplaint = 600

// complaint is the end of what runsc has to say.
func complaint() string {
	raw, err := os.ReadFile(runscLog)
	if err != nil {
		return err.Error()
	}
	text := strings.Join(strings.Fields(string(bytes.ToValidUTF8(raw, nil))), " ")
	return text[max(0, len(text)-maxComplaint):]
}

// lent is the memory of files that have no name, in bytes: gVisor has in one what its
// commands take, whichever of its processes maps it (pkg/sentry/pgalloc).
func lent(pids []int) (memory int64, err error) {
	seen := map[uint64]bool{}
	for _, pid := range pids {
		dir := "/proc/" + strconv.Itoa(pid) + "/fd"
		entries, err := os.ReadDir(dir)
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ESRCH) {
			continue // it has ended
		}
		// Nobody may look into what is ending, which has no memory any more. What of its threads
		// is left does not stay: no process of runsc's outlives its first thread.
		if err != nil && holding(filepath.Dir(dir)).size == 0 {
			continue
		}
		if err != nil { // what it has there is not known
			return 0, fmt.Errorf("looking for gVisor's memory: %w", err)
		}
		for _, e := range entries {
			at := filepath.Join(dir, e.Name())
			if to, err := os.Readlink(at); err != nil || !strings.HasPrefix(to, "/memfd:") {
				continue
			}
			var st unix.Stat_t
			if unix.Stat(at, &st) == nil && !seen[st.Ino] {
				seen[st.Ino] = true
				memory += st.Blocks * 512
			}
		}
	}
	return memory, nil
}
