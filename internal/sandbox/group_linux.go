package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Times and sizes of a command's cgroup.
const (
	cpuPeriod   = 100_000  // of cpu.max, in microseconds: the kernel's default
	ownMemory   = 32 << 20 // for process 1, which is in the cgroup of its command
	emptyPace   = 2 * time.Millisecond
	emptyWithin = 2 * time.Second // that what was killed is gone
)

// group is the cgroup of one command. It holds process 1 from its start on, and so all that
// the command starts.
type group struct {
	all  *cgroups
	dir  string
	file *os.File
}

// setting is a file of a cgroup and what is written to it.
type setting struct{ file, text string }

// settings are the limits that a controller keeps, as files of the cgroup. The kernel counts the
// private file system as memory: it has its own limit, which is added.
func (l *Limits) settings(controller string) []setting {
	switch controller {
	case byMemory:
		return []setting{
			{"memory.max", strconv.FormatInt(pages(l.Memory+l.Disk+ownMemory), 10)},
			{"memory.oom.group", "1"}, // the end of one is the end of all, as with the watch
		}
	case byTasks:
		// One below the limit of getrlimit(2), so that it is this one that is met.
		return []setting{{"pids.max", strconv.Itoa(l.Tasks + ownTasks - 1)}}
	case byCPU:
		return []setting{{"cpu.max", fmt.Sprintf("%d %d", int64(l.CPU*cpuPeriod), cpuPeriod)}}
	}
	return nil
}

// pages is a size as the kernel keeps it: in whole pages.
func pages(size int64) int64 { return size - size%int64(os.Getpagesize()) }

// optional are settings that not every kernel has, and without which the limits hold as well: no
// swap beside the memory (swapsUncounted), and time that was not used in one period for the next.
func (l *Limits) optional(controller string) []setting {
	switch controller {
	case byMemory:
		return []setting{{"memory.swap.max", "0"}}
	case byCPU:
		return []setting{{"cpu.max.burst", strconv.FormatInt(int64(l.CPU*cpuPeriod), 10)}}
	}
	return nil
}

// group makes the cgroup of a command.
func (c *cgroups) group(l *Limits) (g *group, err error) {
	c.mu.Lock()
	if c.used == 0 { // nobody would keep the limits: the controllers are being taken away
		c.mu.Unlock()
		return nil, errors.New("making a cgroup: the gateway is ending")
	}
	c.last++
	c.used++
	g = &group{all: c, dir: filepath.Join(c.dir, commandPrefix+strconv.Itoa(c.last))}
	c.mu.Unlock()
	defer func() {
		if err != nil {
			g.remove()
		}
	}()
	if err := os.Mkdir(g.dir, 0o755); err != nil { //nolint:gosec // as systemd makes them
		return nil, fmt.Errorf("making a cgroup: %w", err)
	}
	for _, controller := range c.controllers {
		// Process 1 has to come up first, at whatever share of a processor.
		if controller == byCPU {
			continue
		}
		if err := g.limit(l, controller); err != nil {
			return nil, err
		}
	}
	if g.file, err = os.OpenFile(g.dir, os.O_RDONLY|unix.O_DIRECTORY, 0); err != nil {
		return nil, fmt.Errorf("opening a cgroup: %w", err)
	}
	return g, nil
}

func (g *group) has(controller string) bool {
	return g != nil && slices.Contains(g.all.controllers, controller)
}

// limit writes the limits that a controller keeps, where it is there.
func (g *group) limit(l *Limits, controller string) error {
	if !g.has(controller) {
		return nil
	}
	for _, s := range l.settings(controller) {
		if err := writeCgroup(g.dir, s.file, s.text); err != nil {
			return fmt.Errorf("limiting a cgroup: %w", err)
		}
	}
	for _, s := range l.optional(controller) {
		if err := writeCgroup(g.dir, s.file, s.text); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("limiting a cgroup: %w", err)
		}
	}
	return nil
}

// accounts are the files of the cgroup that process 1 reads instead of /proc, opened: it sees no
// cgroups itself.
func (g *group) accounts() (names []string, files []*os.File, err error) {
	names = []string{cpuAccount}
	if g.has(byTasks) {
		names = append(names, tasksAccount)
	}
	for _, name := range names {
		f, err := os.Open(filepath.Join(g.dir, name))
		if err != nil {
			return nil, files, fmt.Errorf("opening the account of a cgroup: %w", err)
		}
		files = append(files, f)
	}
	return names, files, nil
}

// over is the limit that ended the command, where the kernel did; empty is none. The kernel counts
// what it ends there for any limit: that this cgroup met its own is a count beside (oom), which no
// limit of a cgroup above, nor the want of memory of the whole system, adds to.
func (g *group) over() (text string) {
	if !g.has(byMemory) {
		return ""
	}
	raw, err := os.ReadFile(filepath.Join(g.dir, "memory.events.local"))
	if errors.Is(err, os.ErrNotExist) { // before Linux 5.2; a command makes no cgroups below its own
		raw, err = os.ReadFile(filepath.Join(g.dir, "memory.events"))
	}
	if err != nil || cgroupCount(raw, "oom_kill") == 0 || cgroupCount(raw, "oom") == 0 {
		return ""
	}
	return "the kernel ended it: its cgroup had more memory than " + strings.Join(cgroupWords(g.dir, "memory.max"), " ") + " bytes, which are its memory, its disk and 32 MiB"
}

// holds looks whether each limit that a controller keeps is as it was written, and whether anything
// has run in the cgroup.
func (g *group) holds(l *Limits) error {
	if err := g.check(l); err != nil {
		return err
	}
	raw, err := os.ReadFile(filepath.Join(g.dir, cpuAccount))
	if err != nil || cgroupCount(raw, "usage_usec") == 0 {
		return errors.Join(err, errors.New("nothing ran in its cgroup"))
	}
	return nil
}

// check looks whether each limit that a controller keeps is as it was written.
func (g *group) check(l *Limits) error {
	for _, controller := range g.all.controllers {
		for _, s := range l.settings(controller) {
			if is := strings.Join(cgroupWords(g.dir, s.file), " "); is != s.text {
				return fmt.Errorf("%s of its cgroup is %q, and should be %q", s.file, is, s.text)
			}
		}
	}
	return nil
}

// kill ends everything in the cgroup, with all the time that it needs to end.
func (g *group) kill() {
	if g.has(byCPU) {
		_ = writeCgroup(g.dir, "cpu.max", "max")
	}
	_ = writeCgroup(g.dir, "cgroup.kill", "1") // of Linux 5.14; the end of process 1 does as much
}

// remove ends what is left in the cgroup, and removes it. It may be called once.
func (g *group) remove() {
	if g.file != nil {
		_ = g.file.Close()
	}
	removeGroup(g.dir)
	g.all.release()
}

// removeGroup ends what is in a cgroup and removes that. One that does not become empty in time
// stays, for the next gateway.
func removeGroup(dir string) {
	if err := unix.Rmdir(dir); err == nil || errors.Is(err, unix.ENOENT) {
		return
	}
	_ = writeCgroup(dir, "cpu.max", "max")
	_ = writeCgroup(dir, "cgroup.kill", "1")
	for end := time.Now().Add(emptyWithin); time.Now().Before(end); time.Sleep(emptyPace) {
		if err := unix.Rmdir(dir); !errors.Is(err, unix.EBUSY) {
			return
		}
	}
}
