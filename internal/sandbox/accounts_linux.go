package sandbox

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Files of a command's cgroup that process 1 reads. The first is in every cgroup, whether it has
// controllers or not; it counts all that is or was in the cgroup.
const (
	cpuAccount   = "cpu.stat"
	tasksAccount = "pids.current"
	maxAccounts  = 2
	maxAccount   = 4 << 10 // bytes of one of them
)

// accounts are what a command is watched by where /proc need not be searched.
type accounts struct {
	kept  []string // the controllers that keep limits: memory, pids, cpu
	clock *clock   // nil: the ledger has to do, or the cgroup does
	cpu   *os.File // of the command's cgroup; nil: it has none
	tasks *os.File // as cpu, where there is the controller
}

// accounts are those of an order, whose descriptors follow the mounts.
func (o *order) accounts() *accounts {
	a := &accounts{kept: o.Kept}
	for i, name := range o.Accounts {
		f := os.NewFile(uintptr(control+1+o.Trees+i), name)
		switch name {
		case cpuAccount:
			a.cpu = f
		case tasksAccount:
			a.tasks = f
		}
	}
	if a.cpu == nil {
		a.clock, _ = newClock() // the ledger does without
	}
	return a
}

// keeps tells whether a controller keeps its limit.
func (a *accounts) keeps(controller string) bool { return slices.Contains(a.kept, controller) }

// reread is a file of a cgroup as it is now.
func reread(f *os.File) ([]byte, error) {
	b := make([]byte, maxAccount)
	n, err := f.ReadAt(b, 0)
	if n == 0 {
		return nil, fmt.Errorf("reading %s: %w", f.Name(), errors.Join(err, errors.New("it says nothing")))
	}
	return b[:n], nil
}

// processor is the CPU time of everything in the cgroup but process 1, and how often it was held to its limit.
func (a *accounts) processor() (used time.Duration, held int64, err error) {
	raw, err := reread(a.cpu)
	if err != nil {
		return 0, 0, err
	}
	var own unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &own); err != nil {
		return 0, 0, fmt.Errorf("asking for the time of process 1: %w", err)
	}
	all := time.Duration(cgroupCount(raw, "usage_usec")) * time.Microsecond
	if all == 0 { // process 1 has run in it
		return 0, 0, fmt.Errorf("reading %s: it has no usage_usec", a.cpu.Name())
	}
	return all - time.Duration(own.Utime.Nano()+own.Stime.Nano()), cgroupCount(raw, "nr_throttled"), nil
}

// count is how many tasks are in the cgroup but those of process 1.
func (a *accounts) count() (int, error) {
	raw, err := reread(a.tasks)
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(raw)))
	if err != nil {
		return 0, fmt.Errorf("reading %s: %w", a.tasks.Name(), err)
	}
	return n - holding("/proc/self").threads, nil
}
