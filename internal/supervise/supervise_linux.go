package supervise

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

// setChildSubreaper is PR_SET_CHILD_SUBREAPER of prctl(2), which package syscall has not.
const setChildSubreaper = 36

// Times of the supervisor after SIGTERM. While Doorward lives the command has
// the grace, a little less than Doorward waits before SIGKILL to the group.
const (
	supervisorGrace = 600 * time.Millisecond
	parentLook      = 20 * time.Millisecond
)

// Run runs a command so that nothing of it survives: it becomes the
// reaper of the command's orphans (PR_SET_CHILD_SUBREAPER), and when the
// command ends, or Doorward is gone (its parent-death signal arrives as
// SIGTERM), it kills every descendant, whatever group or session that moved to.
// args is os.Args as the supervisor finds it: its own name, what the command
// is executed by, and its argv, which inherits stdin, stdout and stderr. The result is the exit status to end with.
func Run(args []string) int {
	// The parent-death signal of the command is bound to the thread that starts it.
	runtime.LockOSThread()
	if len(args) < 3 {
		fmt.Fprintln(os.Stderr, "doorward-child: started by doorward only")
		return 2
	}
	syscall.CloseOnExec(Handed) // by which the command is executed, and which it does not get
	parent := os.Getppid()
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	if _, _, fault := syscall.Syscall6(syscall.SYS_PRCTL, setChildSubreaper, 1, 0, 0, 0, 0); fault != 0 {
		fmt.Fprintln(os.Stderr, "doorward-child: becoming a subreaper:", fault)
		return exitCannotRun
	}
	child, err := os.StartProcess(args[1], args[2:], &os.ProcAttr{
		Env:   syscall.Environ(),
		Files: []*os.File{os.Stdin, os.Stdout, os.Stderr},
		Sys:   &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL},
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "doorward-child: starting the command:", err)
		return exitCannotRun
	}
	ended := make(chan int, 1)
	go Reap(child.Pid, ended)
	var expired, look <-chan time.Time
	for {
		select {
		case status := <-ended:
			killDescendants()
			return status
		case <-signals:
			// Either Doorward lives and has sent SIGTERM to the whole group, or it
			// is gone. That shows when the last of its threads is gone, and the
			// signal comes when the one is that started this process.
			if expired == nil {
				expired = time.After(supervisorGrace)
				look = time.Tick(parentLook)
			}
			if os.Getppid() != parent {
				killDescendants()
				return 128 + int(syscall.SIGTERM)
			}
		case <-look:
			if os.Getppid() != parent {
				killDescendants()
				return 128 + int(syscall.SIGTERM)
			}
		case <-expired:
			killDescendants()
			return 128 + int(syscall.SIGKILL)
		}
	}
}

// Reap collects every child, orphans included, until the command has ended, and says
// how: its exit status, or 128 and the signal. It belongs to whoever stands between
// Doorward and a command, and ends with that process.
func Reap(command int, ended chan<- int) {
	for {
		var ws syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &ws, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			ended <- exitCannotRun
			return
		case pid == command && ws.Signaled():
			ended <- 128 + int(ws.Signal())
			return
		case pid == command:
			ended <- ws.ExitStatus()
			return
		}
	}
}

// killDescendants kills what descends from this process until nothing does,
// which is when it has no child: as a subreaper it becomes the parent of every
// orphan. What /proc shows only says whom to kill, because it changes while it
// is read. The rounds are bounded; each starts from a fresh look, so that what
// was forked during one is found by the next.
func killDescendants() {
	for range 200 {
		for _, pid := range descendants(os.Getpid()) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		for {
			pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
			if errors.Is(err, syscall.ECHILD) {
				return
			}
			if err != nil || pid <= 0 {
				break
			}
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// descendants finds the processes below root in /proc. Zombies are among them:
// one whose other threads live on is a parent still.
func descendants(root int) []int {
	parents := map[int]int{}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if ppid, ok := parentOf(pid); ok {
			parents[pid] = ppid
		}
	}
	var found []int
	for pid := range parents {
		for p, steps := parents[pid], 0; p > 1 && steps < len(parents); p, steps = parents[p], steps+1 {
			if p == root {
				found = append(found, pid)
				break
			}
		}
	}
	return found
}

// parentOf reads the parent from /proc/pid/stat (proc_pid_stat(5)); the
// command's name may hold spaces and brackets, so it counts from the last one.
func parentOf(pid int) (ppid int, ok bool) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, false
	}
	fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	if len(fields) < 2 {
		return 0, false
	}
	ppid, err = strconv.Atoi(string(fields[1]))
	return ppid, err == nil
}
