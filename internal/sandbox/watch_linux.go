package sandbox

import (
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
// does: process 1 sees them all, and nothing else. It tells of those that a cgroup keeps.
type watch struct {
	limits Limits
	runsc  bool // what runs is gVisor, with the command in it
	up     *uplink
	books  *accounts
	ledger ledger // where the accounts have no CPU time
	maps   mappings
	text   string // about the limit that look found exceeded

	began  time.Time
	seen   time.Time     // of the last look
	used   time.Duration // CPU time of everything, at the last look
	credit time.Duration // of CPU time that may be used
	held   bool          // everything is stopped until there is credit
	ending bool          // nothing is stopped any more
	times  int64         // that the kernel held the command to its processors, at the last look
	last   time.Time     // that it did
	slow   time.Time     // since when the command is held back again and again
	told   bool          // that it is
	full   time.Time     // since when the tasks are at their limit
	said   mentions
	busy   bool
}

func newWatch(p *Plan, books *accounts, up *uplink) *watch {
	now, l := time.Now(), p.outer()
	w := &watch{limits: l, runsc: p.Runsc != nil, up: up, books: books, began: now, seen: now, credit: burst, busy: true, said: mentions{}}
	if books.cpu != nil {
		w.used, w.times, _ = books.processor() // what process 1 has used so far is not the command's
	}
	return w
}

// pace is the time to the next look. What the kernel keeps needs fewer, unless it is gVisor, which
// ends without a word where the kernel gives it no more.
func (w *watch) pace() time.Duration {
	if w.held || w.busy && (w.runsc || !w.books.keeps(byMemory) || !w.books.keeps(byCPU)) {
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
	files := 0
	for _, pid := range pids {
		files = max(files, opened("/proc/"+strconv.Itoa(pid)))
	}
	if w.runsc {
		files = 0 // they are gVisor's
	}
	w.mention(now, OverFiles, files >= w.limits.Files-w.limits.Files/8, fmt.Sprintf("a process has %d of %d files open", files, w.limits.Files))
	w.disk(now)
	memory, tasks, err := w.total(pids)
	if err != nil {
		w.text = err.Error()
		return Unwatched
	}
	if err := w.time(now, pids); err != nil {
		w.text = err.Error()
		return Unwatched
	}
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

// ended tells of what can still be seen when the command has ended: one that is over before the
// first look may have ended because its disk was full.
func (w *watch) ended() { w.disk(time.Now()) }

// disk tells that there is no room any more.
func (w *watch) disk(now time.Time) {
	w.mention(now, OverDisk, full("/tmp"), fmt.Sprintf("its private file system of %d bytes is full", w.limits.Disk))
}

// total is the memory and the tasks of all processes together. Memory that the kernel keeps
// to its limit is not looked for, and is 0.
func (w *watch) total(pids []int) (memory int64, tasks int, err error) {
	if w.books.tasks != nil {
		if tasks, err = w.books.count(); err != nil {
			return 0, 0, err
		}
	}
	if w.books.keeps(byMemory) && w.books.tasks != nil {
		return 0, tasks, nil
	}
	all := make(map[int]holdings, len(pids))
	threads := 0
	for _, pid := range pids {
		h := holding("/proc/" + strconv.Itoa(pid))
		all[pid] = h
		memory += h.memory
		threads += h.threads
	}
	if w.books.tasks == nil {
		tasks = threads
	}
	if w.books.keeps(byMemory) {
		return 0, tasks, nil
	}
	if w.runsc {
		more, err := lent(pids)
		return memory + more, tasks, err
	}
	return memory + w.maps.look(all, w.busy, w.limits.Memory), tasks, nil
}

// crowded tells whether the tasks have been at their limit for too long, or are so far over it as
// the kernel lets those of gVisor be alone (runscSpare).
func (w *watch) crowded(now time.Time, tasks int) bool {
	if tasks < w.limits.Tasks {
		w.full = time.Time{}
		return false
	}
	if w.full.IsZero() {
		w.full = now
	}
	return now.Sub(w.full) > tasksPatience || w.runsc && tasks > 2*w.limits.Tasks
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
