package sandbox

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// clockTick is the unit of /proc/pid/stat: USER_HZ, 100 on every architecture (proc(5)).
const clockTick = time.Second / 100

// clock is the kernel's own count of the CPU time of the command and of all that descends
// from it, the dead included, whether anybody waited for them or not: an event of
// perf_event_open(2) that what is started inherits.
type clock struct{ file *os.File }

// newClock makes the clock of what the calling thread starts next. It runs from the
// execution of that on. An error is a system that lets nobody have one
// (kernel.perf_event_paranoid over 2, or a filter of system calls around Doorward).
func newClock() (*clock, error) {
	attr := unix.PerfEventAttr{
		Type: unix.PERF_TYPE_SOFTWARE, Config: unix.PERF_COUNT_SW_TASK_CLOCK,
		Size: uint32(unsafe.Sizeof(unix.PerfEventAttr{})),
		// Without the kernel's events anybody may have it; time in the kernel counts all the same.
		Bits: unix.PerfBitDisabled | unix.PerfBitInherit | unix.PerfBitEnableOnExec | unix.PerfBitExcludeKernel | unix.PerfBitExcludeHv,
	}
	fd, err := unix.PerfEventOpen(&attr, 0, -1, -1, unix.PERF_FLAG_FD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("making a clock: %w", err)
	}
	return &clock{os.NewFile(uintptr(fd), "clock")}, nil
}

// read is the time so far.
func (c *clock) read() (time.Duration, error) {
	var b [8]byte
	if n, err := c.file.Read(b[:]); err != nil || n != len(b) {
		return 0, fmt.Errorf("reading the clock: %w", errors.Join(err, errors.New("it says nothing")))
	}
	return time.Duration(binary.NativeEndian.Uint64(b[:])), nil //nolint:gosec // nanoseconds
}

// seenFor is what a process that was not there at the last look and is not there now is
// taken to have used, where nothing else says it: a program's start and end take 1 to
// 2 ms, and what lives for long is seen.
const seenFor = 4 * time.Millisecond

// ledger estimates the CPU time of a command from what /proc shows of it, where there is
// no clock. Processes whose parent ignores their end leave their time to nobody
// (SA_NOCLDWAIT, sigaction(2)): what was seen of them stays counted, and those that came
// and went between two looks count for a flat time each.
type ledger struct {
	own    map[int]time.Duration // of each process, at the last look
	left   time.Duration         // of processes that have ended, and that nobody's children have been charged for yet
	waited time.Duration         // of all children that were waited for, at the last look
	last   int                   // the newest process number, at the last look
	total  time.Duration
}

// add takes a look: own is the time of each process and waited that of all the children
// that were waited for.
func (l *ledger) add(own map[int]time.Duration, waited time.Duration, newest int) time.Duration {
	came, grown := 0, time.Duration(0)
	for pid, now := range own {
		before, there := l.own[pid]
		if !there {
			came++
		}
		if now < before { // the number is another process's now
			l.left += before
			before = 0
		}
		grown += now - before
	}
	for pid, before := range l.own {
		if _, there := own[pid]; !there {
			l.left += before
		}
	}
	collected := max(waited-l.waited, 0)
	fresh := max(collected-l.left, 0)
	l.left = max(l.left-collected, 0)
	if unseen := newest - l.last - came; l.last > 0 && unseen > 0 {
		fresh = max(fresh, time.Duration(unseen)*seenFor-grown) // threads have numbers too, and leave their time to their process
	}
	l.total += grown + fresh
	l.own, l.waited, l.last = own, waited, newest
	return l.total
}

// look reads /proc for the ledger. What ends meanwhile is met at the next look.
func (l *ledger) look(pids []int) time.Duration {
	own, waited := make(map[int]time.Duration, len(pids)), reaped()
	for _, pid := range pids {
		spent, collected, ok := load("/proc/" + strconv.Itoa(pid))
		if ok {
			own[pid] = spent
			waited += collected
		}
	}
	return l.add(own, waited, newest())
}

// load is the CPU time that a process has used, and that of the children that it has
// waited for: fields 14 to 17 of /proc/pid/stat, counted from the last bracket, as the
// name before may hold any.
func load(at string) (spent, waited time.Duration, ok bool) {
	b, err := os.ReadFile(at + "/stat")
	if err != nil {
		return 0, 0, false
	}
	fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	if len(fields) < 15 {
		return 0, 0, false
	}
	var times [4]time.Duration
	for i, f := range fields[11:15] {
		ticks, err := strconv.ParseInt(string(f), 10, 64)
		if err != nil {
			return 0, 0, false
		}
		times[i] = time.Duration(ticks) * clockTick
	}
	return times[0] + times[1], times[2] + times[3], true
}

// reaped is the CPU time of what process 1 has reaped.
func reaped() time.Duration {
	var ru unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_CHILDREN, &ru); err != nil {
		return 0
	}
	return time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
}

// newest is the number of the newest process or thread of this process namespace, the
// last field of /proc/loadavg (proc_loadavg(5)); 0 where it is not to be had.
func newest() int {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0
	}
	fields := bytes.Fields(b)
	if len(fields) == 0 {
		return 0
	}
	n, err := strconv.Atoi(string(fields[len(fields)-1]))
	if err != nil {
		return 0
	}
	return n
}
