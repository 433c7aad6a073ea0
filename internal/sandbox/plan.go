package sandbox

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Name is argv[0] of process 1 of a sandbox: the program that finds it in
// os.Args[0] calls Init before anything else, and exits with what it returns.
const Name = "doorward-sandbox"

// Entry is where this binary is in a root where it is the first program that runs, and its
// argv[0] there: what runs it takes a path alone.
const Entry = "/" + Name

// Layers that a system may lack. Plan.Weaker names those that a command may run
// without where they are missing. The namespaces are no such layer: without them
// nothing is confined.
const (
	Landlock = "landlock" // the second wall around files and TCP
	Seccomp  = "seccomp"  // the filter of system calls
	Runtime  = "runtime"  // a version of a container's runtime that is not below the floor
	Bounds   = "limits"   // of memory, processors, processes and disk; macOS has none of one command
	Files    = "files"    // the wall around files; Windows has none
	Network  = "network"  // the wall around the network; Windows has none
)

// Defaults of Limits, for what is zero. Most servers that are published as
// packages run in a quarter of them.
const (
	DefaultMemory    = 512 << 20
	DefaultCPU       = 1.0
	DefaultTasks     = 256
	DefaultFiles     = 1024
	DefaultDisk      = 64 << 20
	DefaultFileSize  = 1 << 30
	maxPlan          = 4 << 20 // bytes of a plan with its environment, as JSON
	maxMounts        = 256
	startPatience    = 10 * time.Second
	inodesPerMebi    = 1024 // of the private file system, for each MiB of it
	smallestMemory   = 16 << 20
	smallestTasks    = 4
	smallestDisk     = 1 << 20
	smallestCPUShare = 0.01
)

// Limits bound what a command may take, all of its processes together unless
// said otherwise. Zero is the default.
type Limits struct {
	Memory   int64         `json:"memory"`    // bytes that are not backed by a file
	CPU      float64       `json:"cpu"`       // processors
	Tasks    int           `json:"tasks"`     // processes and threads
	Files    int           `json:"files"`     // open at once, of one process
	FileSize int64         `json:"file_size"` // bytes of the largest file that one may write
	Disk     int64         `json:"disk"`      // bytes of the private file system: home, /tmp, /dev/shm
	Wall     time.Duration `json:"wall"`      // how long it may run; 0: as long as it is wanted
}

func (l *Limits) fill() {
	if l.Memory == 0 {
		l.Memory = DefaultMemory
	}
	if l.CPU == 0 {
		l.CPU = DefaultCPU
	}
	if l.Tasks == 0 {
		l.Tasks = DefaultTasks
	}
	if l.Files == 0 {
		l.Files = DefaultFiles
	}
	if l.FileSize == 0 {
		l.FileSize = DefaultFileSize
	}
	if l.Disk == 0 {
		l.Disk = DefaultDisk
	}
}

// Filled are the limits with the defaults of what is zero.
func (l Limits) Filled() Limits {
	l.fill()
	return l
}

// Check refuses limits that nothing could run in. Zero is the default.
func (l Limits) Check() error {
	l.fill()
	switch {
	case l.Memory < smallestMemory:
		return fmt.Errorf("memory %d is less than %d bytes", l.Memory, smallestMemory)
	case l.CPU < smallestCPUShare:
		return fmt.Errorf("cpu %v is less than %v of a processor", l.CPU, smallestCPUShare)
	case l.Tasks < smallestTasks:
		return fmt.Errorf("%d processes are less than %d", l.Tasks, smallestTasks)
	case l.Files < 16:
		return fmt.Errorf("%d open files are less than 16", l.Files)
	case l.Disk < smallestDisk:
		return fmt.Errorf("disk %d is less than %d bytes", l.Disk, smallestDisk)
	case l.FileSize < 1, l.Wall < 0:
		return errors.New("the size of a file and the time to run are positive")
	}
	return nil
}

// Mount is a file or directory of this system that the command sees, at the same
// path. Its set-user-id bits and devices have no effect there.
type Mount struct {
	Path   string `json:"path"`             // in the sandbox, absolute and clean
	Source string `json:"source,omitempty"` // on this system, without links; Path unless written
	Write  bool   `json:"write,omitempty"`
	Why    string `json:"why"` // for people: sandbox plan
}

func (m *Mount) source() string {
	if m.Source != "" {
		return m.Source
	}
	return m.Path
}

// File is a file as it was when its digest was taken. What is executed must still
// be that file: the same inode, not written since (SBX-28). Files compare with ==.
type File struct {
	Path    string `json:"path"`
	Device  uint64 `json:"device"`
	Inode   uint64 `json:"inode"`
	Size    int64  `json:"size"`
	Changed int64  `json:"changed"` // ctime, nanoseconds, which nobody but the kernel sets
}

// Plan is all that a command gets. The zero value of what is not said refuses or
// is the default: no network, no path of this system.
type Plan struct {
	Path   string            `json:"path"` // of the program, absolute
	Dir    string            `json:"dir"`  // that it starts in; made empty where no mount has it
	Mounts []Mount           `json:"mounts"`
	Links  map[string]string `json:"links,omitempty"` // symbolic links of the root, such as /bin to usr/bin
	Hide   []string          `json:"hide,omitempty"`  // paths of this system that stay empty, whatever mount they lie in
	Same   []File            `json:"same,omitempty"`
	Limits Limits            `json:"limits"`
	Runsc  *File             `json:"runsc,omitempty"`  // that runs the command, in place of this system's kernel
	Egress bool              `json:"egress,omitempty"` // a proxy of Doorward's listens at Proxy inside
	Weaker []string          `json:"weaker,omitempty"`
}

// Proxy is where the egress proxy listens inside a sandbox whose plan has Egress.
const Proxy = "127.0.0.1:3128"

// Home is the home directory inside: empty at the start, gone at the end.
const Home = "/home/sandbox"

// check completes the plan and refuses what no sandbox can be made of.
func (p *Plan) check() error {
	p.Limits.fill()
	if err := p.Limits.Check(); err != nil {
		return err
	}
	if !filepath.IsAbs(p.Path) || !filepath.IsAbs(p.Dir) {
		return fmt.Errorf("program %q and directory %q must be absolute paths", p.Path, p.Dir)
	}
	if len(p.Mounts) > maxMounts {
		return fmt.Errorf("%d mounts are more than %d", len(p.Mounts), maxMounts)
	}
	for i := range p.Mounts {
		if err := p.Mounts[i].check(); err != nil {
			return err
		}
	}
	for _, w := range p.Weaker {
		if !slices.Contains([]string{Landlock, Seccomp, Runtime, Bounds, Files, Network}, w) {
			return fmt.Errorf("no layer is called %q", w)
		}
	}
	// A parent is mounted before what lies in it.
	slices.SortStableFunc(p.Mounts, func(a, b Mount) int { return strings.Compare(a.Path, b.Path) })
	return nil
}

// private are the paths that every sandbox makes itself.
//
//nolint:gochecknoglobals // a table; read-only
var private = []string{"/proc", "/dev", "/sys", "/tmp", "/run", "/home/sandbox", runscDir, "/etc/passwd", "/etc/group"}

func (m *Mount) check() error {
	clean := filepath.Clean(m.Path)
	switch {
	case !filepath.IsAbs(m.Path) || clean != m.Path:
		return fmt.Errorf("%q is not an absolute path in its shortest form", m.Path)
	case clean == "/":
		return errors.New("the whole file system cannot be given: name directories")
	case strings.ContainsAny(m.Path, "\x00\n"):
		return fmt.Errorf("path %q has a control character", m.Path)
	}
	if m.Path == runscProgram {
		return nil
	}
	for _, p := range private {
		if m.Path == p || p != "/tmp" && p != "/run" && strings.HasPrefix(m.Path, p+"/") {
			return fmt.Errorf("%s is the sandbox's own: name what is needed elsewhere", m.Path)
		}
	}
	return nil
}

// errLacking is a layer that this system does not have.
var errLacking = errors.New("this system lacks it")

// without is the error of a layer, nil where the system lacks it and the command may run
// without. A layer that is there and fails is an error always.
func (p *Plan) without(layer string, err error) error {
	if errors.Is(err, errLacking) && slices.Contains(p.Weaker, layer) {
		return nil
	}
	return err
}

// Report is what a sandbox says of its command.
type Report struct {
	Kind string `json:"kind"`
	Text string `json:"text,omitempty"`
}

// Kinds of reports. Every kind that is not one of the first three is the name of a
// limit that was met. Those of CPU, disk and files end nothing.
const (
	Ready  = "ready"  // the command runs
	Failed = "failed" // it could not be started; Text says why
	Ended  = "ended"

	OverMemory = "memory"
	OverTasks  = "tasks"
	OverCPU    = "cpu"
	OverWall   = "wall"
	OverDisk   = "disk"  // its private file system is full
	OverFiles  = "files" // a process has as many open as it may, or nearly: some programs leave numbers out

	Unwatched = "watch" // process 1 could not see what runs, and ended it
)

// whileItRuns are the kinds of reports that come once the command runs. Others are no words
// of process 1's.
//
//nolint:gochecknoglobals // a table; read-only
var whileItRuns = []string{Ended, OverMemory, OverTasks, OverCPU, OverWall, OverDisk, OverFiles, Unwatched}
