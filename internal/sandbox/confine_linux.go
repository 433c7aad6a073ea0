package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// hostID is the user and group that a gateway which runs as root gives its commands:
// outside of what useradd and systemd assign (systemd's UIDS-GIDS), so that nothing of
// this system belongs to it. What belongs to root and is given to the command looks,
// by an ID-mapped mount (mount_setattr(2)), as if it belonged to that user.
const hostID = 0x70010000

// insideID is that user as the command sees it: nobody.
const insideID = 65534

// Box is the gateway's end of one sandbox.
type Box struct {
	maker   *Maker
	plan    Plan
	conn    *net.UnixConn
	theirs  []*os.File // for process 1: the control socket, the mounts, and the accounts of its cgroup
	group   *group     // nil: this system lets Doorward have none
	reports chan Report
	done    chan struct{} // closed when the control socket has ended
	ready   chan error    // of capacity 1
	proxy   func(net.Listener)
	close   sync.Once
	wg      sync.WaitGroup // of everything that serves this sandbox
}

// Maker makes sandboxes. Any number of goroutines may use it; the zero value is ready.
type Maker struct {
	mu      sync.Mutex
	idmap   *os.File // see mapping; nil until it is needed
	settled bool     // whether it was tried to have cgroups
	groups  *cgroups // nil: there are none
	lacks   error    // why there are none
}

// Close lets go of what the sandboxes share. Those that run go on.
func (mk *Maker) Close() {
	mk.mu.Lock()
	defer mk.mu.Unlock()
	if mk.idmap != nil {
		_ = mk.idmap.Close()
		mk.idmap = nil
	}
	if mk.groups != nil {
		mk.groups.release()
		mk.groups = nil
	}
	mk.settled = false
}

// Settle moves this process into a cgroup of its own, once, where it may make those of its commands
// (cgroup v2). Whoever starts other processes before the first confined command calls it before
// that: a cgroup in which processes are left hands no controllers down.
func (mk *Maker) Settle() { mk.cgroups() }

// cgroups are those of this gateway; nil where it may have none.
func (mk *Maker) cgroups() *cgroups {
	mk.mu.Lock()
	defer mk.mu.Unlock()
	if !mk.settled {
		mk.settled = true
		mk.groups, mk.lacks = newCgroups() // the watch does without
	}
	return mk.groups
}

// without is why there are no cgroups.
func (mk *Maker) without() error {
	mk.mu.Lock()
	defer mk.mu.Unlock()
	return mk.lacks
}

// Confine makes cmd run under p: the program, arguments, environment and directory
// that cmd has become those of the command inside, and cmd that of process 1. Its
// standard files stay. Whoever starts it calls Started then, with what Start said,
// before anything else. proxy serves the egress proxy where the plan has one; it
// gets a listener that is closed when the sandbox has ended, and is waited for.
func (mk *Maker) Confine(cmd *exec.Cmd, p Plan, proxy func(net.Listener)) (*Box, error) {
	if err := p.check(); err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	if p.Egress != (proxy != nil) {
		return nil, errors.New("sandbox: a plan with egress and a proxy go together")
	}
	p.Hide = p.hidden()
	b := &Box{maker: mk, plan: p, reports: make(chan Report, 16), done: make(chan struct{}), ready: make(chan error, 1), proxy: proxy}
	if err := b.prepare(cmd); err != nil {
		b.discard()
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	return b, nil
}

func (b *Box) discard() {
	for _, f := range b.theirs {
		_ = f.Close()
	}
	b.theirs = nil
	if b.conn != nil {
		_ = b.conn.Close()
	}
	b.wg.Wait()
	b.leave()
}

// leave removes the cgroup of the command, with what is left in it.
func (b *Box) leave() {
	if b.group != nil { // and stays so: Kill may come at any time
		b.group.remove()
	}
}

func (b *Box) prepare(cmd *exec.Cmd) error {
	if err := b.connect(); err != nil {
		return err
	}
	id := os.Geteuid()
	attr := &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET |
			unix.CLONE_NEWIPC | unix.CLONE_NEWUTS | unix.CLONE_NEWCGROUP,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: id, HostID: id, Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: os.Getegid(), HostID: os.Getegid(), Size: 1}},
		Setsid:      true, // no terminal
		Pdeathsig:   syscall.SIGKILL,
		// Process 1 mounts, names the host, brings a device up, and gives all of it up.
		AmbientCaps: []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_NET_ADMIN, unix.CAP_SETPCAP, unix.CAP_SYS_RESOURCE},
	}
	if id == 0 {
		attr.UidMappings[0] = syscall.SysProcIDMap{ContainerID: insideID, HostID: hostID, Size: 1}
		attr.GidMappings[0] = attr.UidMappings[0]
		attr.GidMappingsEnableSetgroups = true
		attr.Credential = &syscall.Credential{Uid: insideID, Gid: insideID}
		if err := b.openTrees(); err != nil {
			return err
		}
	}
	o := order{Plan: b.plan, Args: cmd.Args, Env: cmd.Env, Trees: len(b.theirs) - 1}
	if err := b.assemble(attr, &o); err != nil {
		return err
	}
	if err := b.send(&o); err != nil {
		return err
	}
	cmd.Path, cmd.Args, cmd.Env, cmd.Dir = "/proc/self/exe", []string{Name}, []string{}, "/"
	cmd.ExtraFiles, cmd.SysProcAttr = b.theirs, attr
	return nil
}

// assemble makes the cgroup of the command, in which process 1 is from its start on (clone3(2),
// CLONE_INTO_CGROUP), and opens what that reads of it.
func (b *Box) assemble(attr *syscall.SysProcAttr, o *order) (err error) {
	all := b.maker.cgroups()
	if all == nil {
		return nil
	}
	limits := b.plan.ceilings()
	if b.group, err = all.group(&limits); err != nil {
		return err
	}
	attr.UseCgroupFD, attr.CgroupFD = true, int(b.group.file.Fd())
	names, files, err := b.group.accounts()
	b.theirs = append(b.theirs, files...)
	o.Accounts, o.Kept = names, all.controllers
	return err
}

// connect makes the control socket.
func (b *Box) connect() error {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("making a control socket: %w", err)
	}
	mine := os.NewFile(uintptr(pair[0]), "control")
	defer mine.Close()
	b.theirs = []*os.File{os.NewFile(uintptr(pair[1]), "control")}
	conn, err := net.FileConn(mine)
	if err != nil {
		return fmt.Errorf("making a control socket: %w", err)
	}
	b.conn, _ = conn.(*net.UnixConn)
	return nil
}

// openTrees opens the plan's mounts as root: what process 1 is then may not reach them.
func (b *Box) openTrees() error {
	idmap, err := b.maker.mapping()
	if err != nil {
		return err
	}
	for i := range b.plan.Mounts {
		m := &b.plan.Mounts[i]
		as := idmap
		if isSystem(m.Path) {
			as = -1 // who it belongs to matters not: everybody may read it
		}
		fd, err := tree(m.source(), m.Write, as)
		if err != nil {
			return err
		}
		b.theirs = append(b.theirs, os.NewFile(uintptr(fd), m.Path))
	}
	return nil
}

// mapping is a user namespace that says how root's files look inside: those of hostID. It
// is made once, by a process that ends at once, and kept open for the mounts to come.
func (mk *Maker) mapping() (fd int, err error) {
	mk.mu.Lock()
	defer mk.mu.Unlock()
	if mk.idmap == nil {
		if mk.idmap, err = newMapping(); err != nil {
			return -1, err
		}
	}
	return int(mk.idmap.Fd()), nil
}

func newMapping() (*os.File, error) {
	cmd := exec.Cmd{Path: "/proc/self/exe", Args: []string{Name, "wait"}, Env: []string{}, Dir: "/"}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("making a user namespace: %w", err)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: hostID, Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: hostID, Size: 1}},
	}
	if err := cmd.Start(); err != nil {
		return nil, namespaceFault(err)
	}
	f, err := os.Open(fmt.Sprintf("/proc/%d/ns/user", cmd.Process.Pid))
	_ = in.Close()
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if err != nil {
		return nil, fmt.Errorf("opening a user namespace: %w", err)
	}
	return f, nil
}

// send puts the plan into the socket before anybody reads there, as far as its buffer
// takes it; the rest goes when process 1 reads.
func (b *Box) send(o *order) error {
	raw, err := json.Marshal(o)
	if err != nil {
		return fmt.Errorf("writing the plan: %w", err)
	}
	if len(raw) > maxPlan {
		return fmt.Errorf("the command with its environment takes %d bytes, more than %d", len(raw), maxPlan)
	}
	b.wg.Go(func() {
		// Where nobody will read, both ends are closed.
		_, _ = b.conn.Write(raw)
	})
	return nil
}

// Started ends the preparation with what starting cmd returned, and waits until the
// command runs inside. An error of its own says what of the plan could not be done.
func (b *Box) Started(err error) error {
	for _, f := range b.theirs {
		_ = f.Close()
	}
	b.theirs = nil
	if err != nil {
		b.Close()
		return fmt.Errorf("sandbox: %w", namespaceFault(err))
	}
	b.wg.Go(b.read)
	patience := time.NewTimer(startPatience)
	defer patience.Stop()
	select {
	case err = <-b.ready:
	case <-patience.C:
		err = fmt.Errorf("it was not ready within %s", startPatience)
	}
	if err != nil {
		b.Close()
		return fmt.Errorf("sandbox: %w", err)
	}
	return nil
}

// namespaceFault says what to do where a system has no namespaces for Doorward.
func namespaceFault(err error) error {
	if !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.ENOSPC) && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.EACCES) {
		return fmt.Errorf("starting process 1: %w", err)
	}
	return fmt.Errorf("this system does not let Doorward make namespaces (%w): allow unprivileged user namespaces (sysctl user.max_user_namespaces, kernel.apparmor_restrict_unprivileged_userns), or run the server elsewhere and reach it by url", err)
}

// read takes reports until the control socket ends, which process 1's end does.
func (b *Box) read() {
	defer close(b.done)
	defer close(b.reports)
	defer b.post()
	lines := json.NewDecoder(&controlReader{box: b})
	ready := false
	for {
		var r Report
		if err := lines.Decode(&r); err != nil {
			if !ready {
				b.ready <- errors.New("process 1 ended before the command ran")
			}
			return
		}
		switch {
		case r.Kind == "": // what carried the proxy's socket
		case ready && !slices.Contains(whileItRuns, r.Kind):
		case ready:
			b.pass(r)
		case r.Kind == Ready:
			if err := b.throttle(); err != nil {
				b.ready <- err
				return
			}
			ready = true
			b.ready <- nil
		case r.Text != "": // it failed, or met a limit
			b.ready <- errors.New(r.Text)
			return
		}
	}
}

// pass hands a report to whoever looks.
func (b *Box) pass(r Report) {
	select {
	case b.reports <- r:
	default: // nobody looks: the log has had the first of them
	}
}

// throttle sets the limit of processors, now that process 1 is up.
func (b *Box) throttle() error {
	if b.group == nil {
		return nil
	}
	limits := b.plan.ceilings()
	return b.group.limit(&limits, byCPU)
}

// post reports the limit by which the kernel ended process 1 with its command.
func (b *Box) post() {
	if b.group == nil {
		return
	}
	if text := b.group.over(); text != "" {
		b.pass(Report{Kind: OverMemory, Text: text})
	}
}

// Kill ends everything in the sandbox at once.
func (b *Box) Kill() {
	if b.group != nil {
		b.group.kill()
	}
}

// controlReader reads the control socket, and takes the proxy's socket out of it.
type controlReader struct{ box *Box }

func (c *controlReader) Read(p []byte) (int, error) {
	beside := make([]byte, unix.CmsgSpace(4))
	n, nb, _, _, err := c.box.conn.ReadMsgUnix(p, beside)
	if err != nil {
		return 0, err // n may be -1 then, which no io.Reader returns
	}
	if n == 0 && nb == 0 {
		return 0, io.EOF
	}
	if nb > 0 {
		if err := c.box.serve(beside[:nb]); err != nil {
			return 0, err
		}
	}
	return n, nil
}

// serve hands the proxy's socket to the proxy.
func (b *Box) serve(beside []byte) error {
	all, err := unix.ParseSocketControlMessage(beside)
	if err != nil || len(all) != 1 {
		return fmt.Errorf("reading the control socket: %w", errors.Join(err, errors.New("it carries what it should not")))
	}
	fds, err := unix.ParseUnixRights(&all[0])
	if err != nil || len(fds) != 1 {
		return fmt.Errorf("reading the control socket: %w", errors.Join(err, errors.New("it carries what it should not")))
	}
	unix.CloseOnExec(fds[0])
	f := os.NewFile(uintptr(fds[0]), "proxy")
	defer f.Close()
	l, err := net.FileListener(f)
	if err != nil || b.proxy == nil {
		return fmt.Errorf("taking the proxy's socket: %w", errors.Join(err, errors.New("the plan has no egress")))
	}
	b.wg.Go(func() { b.proxy(l) })
	b.wg.Go(func() {
		<-b.done
		_ = l.Close()
	})
	return nil
}

// Ended has nothing to do: reports end with the control socket.
func (*Box) Ended() {}

// Reports yields what process 1 says until the sandbox has ended; the channel is
// closed then.
func (b *Box) Reports() <-chan Report { return b.reports }

// Close ends the sandbox and waits for what served it: process 1 ends when its
// control socket does, and all else with it. It may be called more than once.
func (b *Box) Close() {
	b.close.Do(func() {
		_ = b.conn.Close()
		b.wg.Wait()
		b.leave()
	})
}
