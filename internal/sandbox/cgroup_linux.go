package sandbox

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// Names of cgroups.
const (
	groupPrefix   = "doorward-" // of the one that a gateway makes, with a word of chance
	groupWord     = 16          // characters of that word
	gatewayGroup  = "gateway"   // that the gateway itself is in: one with controllers has no processes of its own
	commandPrefix = "command-"  // of the one of a command, with a number
	groupTries    = 4           // until a name is nobody's
)

// gatewayWeight is the gateway's share of processors that are short (cpu.weight): ten times
// that of a command.
const gatewayWeight = "1000"

// cgroups are the cgroups of one gateway and of its commands, below the one that it was
// started in. Any number of goroutines may use them.
type cgroups struct {
	own         string   // that this process was started in
	dir         string   // below it: everything of this gateway
	controllers []string // those that the commands' have
	enabled     []string // those that the one this process was started in did not hand down before
	lock        *os.File // of dir; held for as long as somebody lives who may be in it

	mu   sync.Mutex
	last int // number of the newest command
	used int // by the maker, and by each command
}

// errNoCgroups is a system, or a place in it, where Doorward may make no cgroups.
var errNoCgroups = errors.New("no cgroup v2 is delegated to Doorward")

// newCgroups makes the cgroups of a gateway below that of this process, and moves this process
// into a leaf of them. It takes the controllers that are there for it to hand down: none is no error.
func newCgroups() (*cgroups, error) {
	// A filter around Doorward may know no clone3(2); arguments of no size are refused by all else.
	if _, _, errno := unix.RawSyscall(unix.SYS_CLONE3, 0, 0, 0); !errors.Is(errno, unix.EINVAL) {
		return nil, fmt.Errorf("%w: clone3: %w", errNoCgroups, errno)
	}
	own, err := ownCgroup()
	if err != nil {
		return nil, err
	}
	sweepCgroups(own)
	c := &cgroups{own: own, used: 1}
	if err := c.make(); err != nil {
		return nil, fmt.Errorf("%w: %w", errNoCgroups, err)
	}
	if err := c.settle(); err != nil {
		c.remove()
		return nil, fmt.Errorf("%w: %w", errNoCgroups, err)
	}
	return c, nil
}

// Keepers is what would keep the limits of a command that a process in this one's cgroup starts.
// Nothing is changed for it: whether a controller can be handed down shows when that is done.
func Keepers() []Kept {
	own, err := ownCgroup()
	if err != nil || unix.Access(own, unix.W_OK) != nil || unix.Access(filepath.Join(own, "cgroup.procs"), unix.W_OK) != nil {
		return keeping(nil)
	}
	down := cgroupWords(own, "cgroup.subtree_control")
	// Only the root may have processes of its own beside controllers that are handed down.
	_, err = os.Stat(filepath.Join(own, "cgroup.type"))
	root := errors.Is(err, os.ErrNotExist)
	if unix.Access(filepath.Join(own, "cgroup.subtree_control"), unix.W_OK) == nil && (root || len(cgroupWords(own, "cgroup.procs")) <= 1) {
		down = append(down, cgroupWords(own, "cgroup.controllers")...)
	}
	return keeping(down)
}

// ownCgroup is the directory of the cgroup that this process was started in.
func ownCgroup() (string, error) {
	path, err := ownPath()
	if err != nil {
		return "", err
	}
	raw, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return "", fmt.Errorf("looking for cgroups: %w", err)
	}
	dir := cgroupDirectory(raw, path)
	if dir == "" {
		return "", fmt.Errorf("%w: it is not mounted where %s could be seen", errNoCgroups, path)
	}
	return startedIn(dir), nil
}

// ownPath is the path of this process in cgroup v2, as its namespace has it: the line of
// /proc/self/cgroup that begins with 0::.
func ownPath() (string, error) {
	raw, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return "", fmt.Errorf("looking for cgroups: %w", err)
	}
	for line := range strings.Lines(string(raw)) {
		if path, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "0::"); ok {
			return path, nil
		}
	}
	return "", fmt.Errorf("%w: this kernel has none", errNoCgroups)
}

// cgroupDirectory finds a path of cgroup v2 below a mount of it (proc_pid_mountinfo(5)); empty
// for none.
func cgroupDirectory(mountinfo []byte, path string) string {
	for line := range bytes.Lines(mountinfo) {
		before, after, ok := strings.Cut(string(line), " - ")
		fields, kind := strings.Fields(before), strings.Fields(after)
		if !ok || len(fields) < 5 || len(kind) < 1 || kind[0] != "cgroup2" {
			continue
		}
		root, at := unescaped(fields[3]), unescaped(fields[4])
		if within(path, root) && !slices.Contains(strings.Split(path, "/"), "..") {
			return filepath.Join(at, strings.TrimPrefix(path, strings.TrimSuffix(root, "/")))
		}
	}
	return ""
}

// unescaped is a path without the escapes of mountinfo.
func unescaped(path string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(path)
}

// startedIn is the cgroup that a process was started in before a gateway moved it, or what started it.
func startedIn(dir string) string {
	if above := filepath.Dir(dir); filepath.Base(dir) == gatewayGroup && isGroup(filepath.Base(above)) {
		return filepath.Dir(above)
	}
	return dir
}

// isGroup tells of a name whether a gateway gave it. A cgroup that an operator has named after
// Doorward is nobody's to sweep: a unit's, or one made by hand.
func isGroup(name string) bool {
	word, ok := strings.CutPrefix(name, groupPrefix)
	return ok && len(word) == groupWord && strings.Trim(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == ""
}

// make makes the gateway's cgroup and takes its lock, by which others know that it is in use.
func (c *cgroups) make() (err error) {
	for range groupTries {
		c.dir = filepath.Join(c.own, groupPrefix+rand.Text()[:groupWord])
		if err = os.Mkdir(c.dir, 0o755); err != nil { //nolint:gosec // as systemd makes them
			return err
		}
		var kept bool
		if c.lock, kept, err = lockCgroup(c.dir); err != nil || kept {
			return err
		}
	}
	return errors.New("somebody else takes them away")
}

// lockCgroup takes the lock of a gateway's cgroup, which its process holds; kept tells whether
// that was to be had, and the cgroup is still there.
func lockCgroup(dir string) (lock *os.File, kept bool, err error) {
	lock, err = os.OpenFile(dir, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, false, err
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = lock.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = nil
		}
		return nil, false, err
	}
	if _, err := os.Stat(filepath.Join(dir, "cgroup.procs")); err != nil {
		_ = lock.Close()
		return nil, false, nil //nolint:nilerr // it was taken away in between
	}
	return lock, true, nil
}

// settle moves this process into its leaf, and hands the controllers down that can be.
func (c *cgroups) settle() error {
	leaf := filepath.Join(c.dir, gatewayGroup)
	if err := os.Mkdir(leaf, 0o755); err != nil { //nolint:gosec // as above
		return err
	}
	if err := enterCgroup(leaf); err != nil {
		return err
	}
	for _, name := range []string{byMemory, byTasks, byCPU} {
		if c.handDown(name) && (name != byMemory || !swapsUncounted(leaf)) {
			c.controllers = append(c.controllers, name)
		}
	}
	if slices.Contains(c.controllers, byCPU) {
		return writeCgroup(leaf, "cpu.weight", gatewayWeight)
	}
	return nil
}

// handDown enables a controller for the gateway's cgroup and for those of its commands. It fails
// where the controller is not there, or where other processes are in the cgroup that this one was started in.
func (c *cgroups) handDown(name string) bool {
	had := slices.Contains(cgroupWords(c.own, "cgroup.subtree_control"), name)
	if !had && writeCgroup(c.own, "cgroup.subtree_control", "+"+name) != nil {
		return false
	}
	if !had {
		c.enabled = append(c.enabled, name)
	}
	return writeCgroup(c.dir, "cgroup.subtree_control", "+"+name) == nil
}

// swapsUncounted tells whether memory may leave a cgroup that has the controller of memory for
// swap that the kernel does not count for it: then it is the watch that keeps the limit.
func swapsUncounted(dir string) bool {
	if _, err := os.Stat(filepath.Join(dir, "memory.swap.max")); err == nil {
		return false
	}
	raw, err := os.ReadFile("/proc/swaps") // a line that names the columns, and one for each that is on
	return err != nil && !errors.Is(err, os.ErrNotExist) || bytes.Count(raw, []byte("\n")) > 1
}

// enterCgroup moves this process, all of its threads, into a cgroup.
func enterCgroup(dir string) error {
	return writeCgroup(dir, "cgroup.procs", strconv.Itoa(os.Getpid()))
}

func writeCgroup(dir, name, text string) error {
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// cgroupWords are the words of a file of a cgroup; none where it cannot be read.
func cgroupWords(dir, name string) []string {
	raw, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return nil
	}
	return strings.Fields(string(raw))
}

// cgroupCount is a value of a file of a cgroup that has lines of a name and a value; 0 where it
// cannot be read.
func cgroupCount(raw []byte, name string) (n int64) {
	lines := bufio.NewScanner(bytes.NewReader(raw))
	for lines.Scan() {
		if value, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			n, _ = strconv.ParseInt(value, 10, 64)
			return n
		}
	}
	return 0
}

// release ends one of the uses of the cgroups. With the last of them they are removed.
func (c *cgroups) release() {
	c.mu.Lock()
	c.used--
	last := c.used == 0
	c.mu.Unlock()
	if last {
		c.remove()
	}
}

// remove moves this process back to where it was started and removes the cgroups. Where other
// gateways keep controllers there, this process stays where it is, with its lock, until it ends:
// the next gateway takes away what it leaves.
func (c *cgroups) remove() {
	leaf := filepath.Join(c.dir, gatewayGroup)
	for _, name := range c.controllers {
		_ = writeCgroup(c.dir, "cgroup.subtree_control", "-"+name)
	}
	for _, name := range c.enabled {
		_ = writeCgroup(c.own, "cgroup.subtree_control", "-"+name)
	}
	if path, err := ownPath(); err == nil && strings.HasSuffix(path, "/"+filepath.Base(c.dir)+"/"+gatewayGroup) {
		if enterCgroup(c.own) != nil {
			return
		}
	}
	_ = unix.Rmdir(leaf)
	_ = unix.Rmdir(c.dir)
	_ = c.lock.Close()
}

// sweepCgroups removes what gateways that were killed left in a cgroup, with what still runs of their commands.
func sweepCgroups(own string) {
	entries, err := os.ReadDir(own)
	if err != nil {
		return
	}
	for _, e := range entries {
		if !e.IsDir() || !isGroup(e.Name()) {
			continue
		}
		dir := filepath.Join(own, e.Name())
		lock, kept, err := lockCgroup(dir)
		if err != nil || !kept {
			continue
		}
		below, _ := os.ReadDir(dir)
		for _, b := range below {
			switch at := filepath.Join(dir, b.Name()); {
			case b.Name() == gatewayGroup: // what is left there is no command of the sandbox's
				_ = unix.Rmdir(at)
			case b.IsDir() && strings.HasPrefix(b.Name(), commandPrefix):
				removeGroup(at)
			}
		}
		_ = unix.Rmdir(dir)
		_ = lock.Close()
	}
}
