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
	busyPace  = 50 * time.Millisecond
	idlePace  = 250 * time.Millisecond
	clockTick = time.Second / 100 // of /proc/pid/stat: USER_HZ, 100 on every architecture (proc(5))
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
	text   string // about the limit that look found exceeded

	began  time.Time
	seen   time.Time     // of the last look
	used   time.Duration // CPU time of everything, at the last look
	credit time.Duration // of CPU time that may be used
	held   bool          // everything is stopped until there is credit
	slow   time.Time     // since when the command is held back again and again
	told   bool          // that it is
	full   time.Time     // since when the tasks are at their limit
	busy   bool
}

func newWatch(l Limits, up *uplink) *watch {
	now := time.Now()
	return &watch{limits: l, up: up, began: now, seen: now, credit: burst, busy: true}
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
	var memory int64
	var tasks int
	var used time.Duration
	page := int64(os.Getpagesize())
	pids, err := processes()
	if err != nil { // what cannot be watched has no limits
		w.text = err.Error()
		return Unwatched
	}
	for _, pid := range pids {
		at := "/proc/" + strconv.Itoa(pid)
		pages, ok := anonymous(at)
		if !ok {
			continue // it has ended meanwhile
		}
		threads, spent := load(at)
		memory += pages * page
		tasks += threads
		used += spent
	}
	used += reaped()
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

// anonymous counts the pages of a process that no file backs: resident without what is
// shared with files (/proc/pid/statm). Pages that a fork shares count for both.
func anonymous(at string) (pages int64, ok bool) {
	b, err := os.ReadFile(at + "/statm")
	if err != nil {
		return 0, false
	}
	fields := bytes.Fields(b)
	if len(fields) < 3 {
		return 0, false
	}
	resident, err := strconv.ParseInt(string(fields[1]), 10, 64)
	if err != nil {
		return 0, false
	}
	shared, err := strconv.ParseInt(string(fields[2]), 10, 64)
	return resident - shared, err == nil
}

// load is how many threads a process has, and the CPU time that it and the children
// that it has waited for have used: fields 14 to 17 and 20 of /proc/pid/stat, counted
// from the last bracket, as the name before may hold any.
func load(at string) (threads int, used time.Duration) {
	b, err := os.ReadFile(at + "/stat")
	if err != nil {
		return 0, 0
	}
	fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	if len(fields) < 18 {
		return 0, 0
	}
	for _, f := range fields[11:15] {
		ticks, _ := strconv.ParseInt(string(f), 10, 64)
		used += time.Duration(ticks) * clockTick
	}
	threads, _ = strconv.Atoi(string(fields[17]))
	return threads, used
}

// reaped is the CPU time of what process 1 has reaped.
func reaped() time.Duration {
	var ru unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_CHILDREN, &ru); err != nil {
		return 0
	}
	return time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
}
