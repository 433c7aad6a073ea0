package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"doorward/internal/supervise"
)

// control is the descriptor of process 1 that leads to the gateway.
const control = 3

// order is what the gateway sends to process 1.
type order struct {
	Plan Plan     `json:"plan"`
	Args []string `json:"args"`
	Env  []string `json:"env"` // may hold secrets: it is sent, and process 1 has no environment of its own
	// Trees is how many descriptors after control are mounts, in the plan's order.
	Trees int `json:"trees"`
	// Accounts are the names of the files of the command's cgroup whose descriptors come next.
	Accounts []string `json:"accounts,omitempty"`
	// Kept are the controllers of that cgroup: what they limit process 1 need not watch.
	Kept []string `json:"kept,omitempty"`
}

// Exit statuses of process 1 that are not the command's.
const (
	exitUsage  = 2
	exitFailed = 127 // the command could not be started, as shells say it
)

// Init is the life of process 1, and of the others that this binary is under Name and Entry. The result is the exit status to end with.
func Init() int {
	if len(os.Args) > 1 {
		if os.Args[1] == probeWord {
			return probe()
		}
		_, _ = io.Copy(io.Discard, os.Stdin) // mapping: there to have a namespace
		return 0
	}
	// What is dropped is dropped by this thread, and the command is started by it.
	runtime.LockOSThread()
	// Nobody inside may look into this process, whose memory has seen the environment.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return exitUsage
	}
	for fd := control; fd < control+1+maxMounts+maxAccounts; fd++ {
		unix.CloseOnExec(fd)
	}
	threads()
	up := &uplink{file: os.NewFile(control, "control")}
	o, err := up.order()
	if err != nil {
		fmt.Fprintln(os.Stderr, Name+": started by doorward only")
		return exitUsage
	}
	child, books, err := o.start(up)
	if err != nil {
		up.report(Report{Kind: Failed, Text: err.Error()})
		return exitFailed
	}
	code := attend(&o.Plan, child, newWatch(&o.Plan, books, up), up)
	up.report(Report{Kind: Ended})
	return code
}

// threads makes the threads that process 1 will need as long as it can: the command
// may leave none of its tasks, and a runtime that gets no thread ends the process
// before it can say why.
func threads() {
	runtime.GOMAXPROCS(2) // no more of them for more processors
	var up sync.WaitGroup
	enough := make(chan struct{})
	for range ownTasks / 2 {
		up.Add(1)
		go func() {
			runtime.LockOSThread() // each has one to itself, which stays when it is given back
			up.Done()
			<-enough
			runtime.UnlockOSThread()
		}()
	}
	up.Wait()
	close(enough)
}

// uplink is process 1's end of the control socket.
type uplink struct {
	file *os.File
	mu   sync.Mutex
}

func (u *uplink) order() (*order, error) {
	var o order
	if err := json.NewDecoder(io.LimitReader(u.file, maxPlan)).Decode(&o); err != nil {
		return nil, fmt.Errorf("reading the plan: %w", err)
	}
	return &o, nil
}

// report writes one line to the gateway. What cannot be written has nobody to read it:
// the gateway is gone, and process 1 is about to be.
func (u *uplink) report(r Report) {
	line, err := json.Marshal(r)
	if err != nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	_, _ = u.file.Write(append(line, '\n'))
}

// gone is closed when the gateway is.
func (u *uplink) gone() <-chan struct{} {
	gone := make(chan struct{})
	go func() {
		_, _ = u.file.Read(make([]byte, 1))
		close(gone)
	}()
	return gone
}

// start builds the sandbox around this thread and starts the command in it, with the accounts
// that this system lets it have.
func (o *order) start(up *uplink) (*os.Process, *accounts, error) {
	p := &o.Plan
	if err := p.check(); err != nil {
		return nil, nil, err
	}
	if err := o.enclose(up); err != nil {
		return nil, nil, err
	}
	if err := same(p.Same); err != nil {
		return nil, nil, err
	}
	if p.Runsc != nil {
		return o.startRunsc()
	}
	image, err := OpenImage(p.Path, o.Args, p.Same, control)
	if err != nil {
		return nil, nil, err
	}
	defer image.Close()
	if err := p.Limits.apply(); err != nil {
		return nil, nil, err
	}
	if err := dropPrivileges(); err != nil {
		return nil, nil, err
	}
	if err := p.without(Landlock, restrictFiles(o.writable(), p.Egress)); err != nil {
		return nil, nil, err
	}
	books := o.accounts()
	if err := p.without(Seccomp, restrictCalls()); err != nil {
		return nil, nil, err
	}
	child, err := os.StartProcess(image.Path, image.Args, &os.ProcAttr{
		Dir: p.Dir, Env: o.Env, Files: []*os.File{os.Stdin, os.Stdout, os.Stderr}, Sys: &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return nil, nil, fmt.Errorf("starting the command: %w", err)
	}
	if err := image.Unchanged(); err != nil {
		return nil, nil, err // the end of process 1 is the command's
	}
	// The command has them; as long as they are open here too, nobody sees their end.
	for _, f := range []*os.File{os.Stdin, os.Stdout} {
		_ = f.Close()
	}
	return child, books, nil
}

// enclose makes the namespaces, which clone(2) has opened, into a place.
func (o *order) enclose(up *uplink) error {
	if err := unix.Sethostname([]byte("sandbox")); err != nil {
		return fmt.Errorf("naming the host: %w", err)
	}
	trees := make([]int, o.Trees)
	for i := range trees {
		trees[i] = control + 1 + i
	}
	if err := buildRoot(&o.Plan, trees); err != nil {
		return err
	}
	if !o.Plan.Egress {
		return nil
	}
	return up.listen()
}

// listen opens the socket of the egress proxy in this network namespace and hands it
// to the gateway, which serves it there: no relay, and no way out but that.
func (u *uplink) listen() error {
	if err := loopback(); err != nil {
		return err
	}
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", Proxy)
	if err != nil {
		return fmt.Errorf("listening for the egress proxy: %w", err)
	}
	defer l.Close()
	tcp, ok := l.(*net.TCPListener)
	if !ok {
		return errors.New("the egress proxy does not listen on TCP")
	}
	f, err := tcp.File()
	if err != nil {
		return fmt.Errorf("handing the egress proxy's socket over: %w", err)
	}
	defer f.Close()
	u.mu.Lock()
	defer u.mu.Unlock()
	if err := unix.Sendmsg(int(u.file.Fd()), []byte("{}\n"), unix.UnixRights(int(f.Fd())), nil, 0); err != nil {
		return fmt.Errorf("handing the egress proxy's socket over: %w", err)
	}
	return nil
}

// loopback brings the only network device up that the namespace has.
func loopback() error {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("opening a socket: %w", err)
	}
	defer func() { _ = unix.Close(s) }()
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return fmt.Errorf("naming the loopback device: %w", err)
	}
	request.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, request); err != nil {
		return fmt.Errorf("bringing the loopback device up: %w", err)
	}
	return nil
}

// writable are the paths that Landlock lets be written.
func (o *order) writable() (paths []string) {
	paths = []string{"/dev/null", "/dev/zero", "/dev/full", "/tmp", Home, "/dev/shm"}
	for i := range o.Plan.Mounts {
		if m := &o.Plan.Mounts[i]; m.Write {
			paths = append(paths, m.Path)
		}
	}
	return paths
}

// same compares the files that run with those that were looked at.
func same(files []File) error {
	for i := range files {
		now, err := Look(files[i].Path)
		if err != nil {
			return err
		}
		if now != files[i] {
			return fmt.Errorf("%s is another file than the one whose digest was taken: start again", files[i].Path)
		}
	}
	return nil
}

// apply sets the limits that the kernel keeps for each process (getrlimit(2)). The
// data segment is a coarse bound on one process, for what it may take between two
// looks of the watch: runtimes reserve more than they use, so it is over the limit.
func (l *Limits) apply() error {
	for _, r := range l.kernel() {
		// Not unix.Setrlimit: os.StartProcess would put back what it found of open files.
		amount := uint64(max(r.amount, 0))
		if err := syscall.Setrlimit(r.which, &syscall.Rlimit{Cur: amount, Max: amount}); err != nil {
			return fmt.Errorf("limiting %s to %d: %w", r.name, r.amount, err)
		}
	}
	return nil
}

// kernelLimit is a limit of getrlimit(2).
type kernelLimit struct {
	name   string
	which  int
	amount int64
}

// kernel are the limits as the kernel has them.
func (l *Limits) kernel() []kernelLimit {
	return []kernelLimit{
		// Not 0, with which a kernel still starts the handler that core_pattern names; 1
		// stops it, and is less than a file of one page takes (core(5), fs/coredump.c).
		{"core files", unix.RLIMIT_CORE, 1},
		{"tasks", unix.RLIMIT_NPROC, int64(l.Tasks + ownTasks)},
		{"data", unix.RLIMIT_DATA, l.data()},
		{"the size of a file", unix.RLIMIT_FSIZE, l.FileSize},
		{"locked memory", unix.RLIMIT_MEMLOCK, 64 << 10},
		{"message queues", unix.RLIMIT_MSGQUEUE, 0},
		{"pending signals", unix.RLIMIT_SIGPENDING, 4096},
		{"nice", unix.RLIMIT_NICE, 0},
		{"real-time priority", unix.RLIMIT_RTPRIO, 0},
		{"open files", unix.RLIMIT_NOFILE, int64(l.Files)},
	}
}

// data bounds the data segment of one process: runtimes reserve more than they use.
func (l *Limits) data() int64 { return l.Memory*2 + 256<<20 }

// ownTasks is room for the threads of process 1, which count too.
const ownTasks = 16

// grace is how long process 1 waits between asking everything to end and ending itself; the
// gateway's patience is a little over it.
//
//nolint:gochecknoglobals // tests of what is asked give more, for busy machines
var grace = 600 * time.Millisecond

// attend waits for the command's end, reaps, and keeps the limits. SIGTERM is the
// gateway's wish that everything ends.
func attend(p *Plan, child *os.Process, w *watch, up *uplink) int {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	ended := make(chan int, 1)
	command := 0 // until it runs
	ready := func(pid int) {
		command = pid
		up.report(Report{Kind: Ready})
		go supervise.Reap(pid, ended)
	}
	var launched <-chan launch
	if p.Runsc != nil {
		launched = awaitLaunch(child)
	} else {
		ready(child.Pid)
	}
	tick := time.NewTimer(w.pace())
	defer tick.Stop()
	gone := up.gone()
	var expired <-chan time.Time
	for {
		select {
		case l := <-launched:
			if err := errors.Join(l.err, same(p.Same)); err != nil {
				up.report(Report{Kind: Failed, Text: err.Error()})
				return exitFailed
			}
			ready(l.pid)
			if expired != nil {
				askToEnd(p, command, w)
			}
		case code := <-ended:
			w.ended()
			return code
		case <-gone:
			return 128 + int(syscall.SIGKILL)
		case <-signals:
			if expired != nil {
				continue
			}
			expired = time.After(grace)
			if command != 0 {
				askToEnd(p, command, w)
			}
		case <-expired:
			return 128 + int(syscall.SIGKILL)
		case <-tick.C:
			if over := w.look(); over != "" {
				up.report(Report{Kind: over, Text: w.text})
				return 128 + int(syscall.SIGKILL)
			}
			tick.Reset(w.pace())
		}
	}
}

// askToEnd asks everything to end; gVisor asks the command, and has to live until that has.
// A signal to what gVisor runs a command's processes in may end gVisor, which waits for others
// there while it makes one.
func askToEnd(p *Plan, command int, w *watch) {
	w.letGo()
	to := -1
	if p.Runsc != nil {
		to = command
	}
	_ = unix.Kill(to, unix.SIGCONT)
	_ = unix.Kill(to, unix.SIGTERM)
}

// processes are the numbers of the processes in sight, but this one.
func processes() (pids []int, err error) {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil, fmt.Errorf("looking for processes: %w", err)
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("looking for processes: %w", err)
	}
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil && pid != os.Getpid() {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}
