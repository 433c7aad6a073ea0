package sandbox

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Times of the watch. What is busy is looked at often enough that it takes little
// more than its limit in between (some 2 GB a second can be touched by a
// processor); what sleeps costs next to nothing.
const (
	busyPace = 50 * time.Millisecond
	idlePace = 250 * time.Millisecond
	// A command may use what it has not used before, up to burst of its processors' time.
	burst = 500 * time.Millisecond
	// A command that has filled its tasks for so long is a fork bomb, which nothing else
	// than its end stops.
	tasksPatience = 2 * time.Second
	// So much of a time over which a command was held back is worth a report.
	cpuPatience = 5 * time.Second
)

// watch keeps the limits that count for all processes together where no cgroup
// does: process 1 sees them all, and nothing else.
type watch struct {
	limits Limits
	up     *uplink
	clock  *clock // nil: the ledger has to do
	ledger ledger
	text   string // about the limit that look found exceeded

	began  time.Time
	seen   time.Time     // of the last look
	used   time.Duration // CPU time of everything, at the last look
	credit time.Duration // of CPU time that may be used
	held   bool          // everything is stopped until there is credit
	slow   time.Time     // since when the command is held back again and again
	told   bool          // that it is
	full   time.Time     // since when the tasks are at their limit
	said   mentions
	busy   bool
}

func newWatch(l Limits, c *clock, up *uplink) *watch {
	now := time.Now()
	return &watch{limits: l, up: up, clock: c, began: now, seen: now, credit: burst, busy: true, said: mentions{}}
}

func (w *watch) pace() time.Duration {
	if w.busy || w.held {
		return busyPace
	}
	return idlePace
}

// look compares what runs with the limits, holds it back where it takes too much of
// the processors, and says which limit ends it; empty is none.
func (w *watch) look() (over string) {
	now := time.Now()
	pids, err := processes()
	if err != nil { // what cannot be watched has no limits
		w.text = err.Error()
		return Unwatched
	}
	var memory int64
	var tasks, files int
	for _, pid := range pids {
		at := "/proc/" + strconv.Itoa(pid)
		bytes, threads := holding(at)
		memory += bytes
		tasks += threads
		files = max(files, opened(at))
	}
	w.mention(now, OverFiles, files >= w.limits.Files-w.limits.Files/8, fmt.Sprintf("a process has %d of %d files open", files, w.limits.Files))
	w.mention(now, OverDisk, full("/tmp"), fmt.Sprintf("its private file system of %d bytes is full", w.limits.Disk))
	used, err := w.spent(pids)
	if err != nil {
		w.text = err.Error()
		return Unwatched
	}
	w.balance(now, used)
	switch {
	case memory > w.limits.Memory:
		w.text = fmt.Sprintf("%d bytes of memory are more than %d", memory, w.limits.Memory)
		return OverMemory
	case w.crowded(now, tasks):
		w.text = fmt.Sprintf("%d processes and threads, and the limit is %d", tasks, w.limits.Tasks)
		return OverTasks
	case w.limits.Wall > 0 && now.Sub(w.began) > w.limits.Wall:
		w.text = fmt.Sprintf("it ran for longer than %s", w.limits.Wall)
		return OverWall
	}
	return ""
}

// crowded tells whether the tasks have been at their limit for too long.
func (w *watch) crowded(now time.Time, tasks int) bool {
	if tasks < w.limits.Tasks {
		w.full = time.Time{}
		return false
	}
	if w.full.IsZero() {
		w.full = now
	}
	return now.Sub(w.full) > tasksPatience
}

// balance keeps the account of CPU time: it fills at the limit's rate, and what runs
// draws on it. What has overdrawn is stopped until it is in credit.
func (w *watch) balance(now time.Time, used time.Duration) {
	spent := max(used-w.used, 0)
	w.credit = min(w.credit+time.Duration(float64(now.Sub(w.seen))*w.limits.CPU), time.Duration(float64(burst)*max(w.limits.CPU, 1))) - spent
	w.busy = spent >= clockTick
	w.used, w.seen = used, now
	switch {
	case w.credit < 0 && !w.held:
		w.held = unix.Kill(-1, unix.SIGSTOP) == nil
		if w.slow.IsZero() {
			w.slow = now
		}
	case w.credit >= 0 && w.held:
		w.held = false
		_ = unix.Kill(-1, unix.SIGCONT)
	case !w.held && w.credit >= burst/2:
		w.slow, w.told = time.Time{}, false
	}
	if !w.slow.IsZero() && !w.told && now.Sub(w.slow) > cpuPatience {
		w.told = true
		w.up.report(Report{Kind: OverCPU, Text: fmt.Sprintf("it is held to %v of a processor", w.limits.CPU)})
	}
}

// mention reports a limit that ends nothing.
func (w *watch) mention(now time.Time, kind string, met bool, text string) {
	if w.said.due(now, kind, met) {
		w.up.report(Report{Kind: kind, Text: text})
	}
}

// mentionEvery is the least time between two reports of one limit that ends nothing: each is
// a record, and a command meets it as often as it likes.
const mentionEvery = 10 * time.Second

// mentions are the limits that end nothing, from when they are reported on.
type mentions map[string]mention

type mention struct {
	still bool // it is met ever since
	next  time.Time
}

// due tells whether a limit is to be reported: once for each time that it is met, and not
// before the next report may be.
func (m mentions) due(now time.Time, kind string, met bool) bool {
	is := m[kind]
	due := met && !is.still && !now.Before(is.next)
	if due {
		is.next = now.Add(mentionEvery)
	}
	is.still = met && (is.still || due)
	m[kind] = is
	return due
}

// opened is how many files a process has open: the size of /proc/pid/fd, which is 0 before
// Linux 6.2 (proc_pid_fd(5)).
func opened(at string) int {
	info, err := os.Stat(at + "/fd")
	if err != nil {
		return 0
	}
	return int(info.Size())
}

// full tells whether the file system of a path has no room: of bytes, or of names.
func full(path string) bool {
	var st unix.Statfs_t
	return unix.Statfs(path, &st) == nil && (st.Bfree == 0 || st.Ffree == 0)
}

// spent is the CPU time that everything has used so far.
func (w *watch) spent(pids []int) (time.Duration, error) {
	if w.clock == nil {
		return w.ledger.look(pids), nil
	}
	return w.clock.read()
}

// holding is the memory of a process that no file backs, in bytes, with its tables of
// pages and what of it was swapped out, and how many threads it has: of /proc/pid/status
// (proc_pid_status(5)). It is nothing for one that has ended. Pages that a fork shares
// count for both. There is no memory that processes share without a file, which would
// be no one's (byArgument), and the files of the sandbox are the disk's.
func holding(at string) (memory int64, threads int) {
	b, err := os.ReadFile(at + "/status")
	if err != nil {
		return 0, 0
	}
	for line := range bytes.Lines(b) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch string(name) {
		case "RssAnon", "VmPTE", "VmSwap":
			kilobytes, err := strconv.ParseInt(string(bytes.TrimSpace(bytes.TrimSuffix(bytes.TrimSpace(value), []byte("kB")))), 10, 64)
			if err != nil {
				continue
			}
			memory += kilobytes << 10
		case "Threads":
			threads, _ = strconv.Atoi(string(bytes.TrimSpace(value)))
		}
	}
	return memory, threads
}
