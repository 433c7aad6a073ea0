package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// probe is the life of the probe: it runs in place of a command, tries the walls, says
// what came of it, and goes over its limit of memory. The result is its exit status.
func probe() int {
	// Descriptors of its own are opened to be closed at the next exec, which one that was
	// handed down cannot have been.
	handed := handedDown()
	raw, err := io.ReadAll(io.LimitReader(os.Stdin, maxPlan))
	if err != nil {
		return exitUsage
	}
	var q question
	if err := json.Unmarshal(raw, &q); err != nil {
		return exitUsage
	}
	answers := []answer{said("descriptors", handed, "0 to 2")}
	for _, t := range q.trials() {
		at := slices.IndexFunc(properties, func(p property) bool { return p.name == t.name })
		if at < 0 || !properties[at].of.applies(q.Kernel != "") {
			continue
		}
		err := t.try()
		answers = append(answers, said(t.name, err, t.found))
	}
	if json.NewEncoder(os.Stdout).Encode(answers) != nil {
		return exitFailed
	}
	if q.GoOver {
		q.goOver()
	}
	return 0
}

// trial is how one property is tried: an error says what does not hold.
type trial struct {
	name, found string
	try         func() error
}

func said(name string, err error, found string) answer {
	if err != nil {
		return answer{Name: name, Found: err.Error()}
	}
	return answer{Name: name, Found: found, Held: true}
}

func (q *question) trials() []trial {
	return []trial{
		{"files.outside", q.Outside + " is not to be had", q.outside},
		{"files.own", fmt.Sprintf("%d paths show nothing", len(q.Own)), q.own},
		{"files.root", fmt.Sprintf("%d directories take no file", len(q.Closed)), q.closed},
		{"files.other", "the roots of process 1 and of this one lead nowhere", q.others},
		{"environment", strings.Join(slices.Sorted(slices.Values(q.Variables)), " "), q.environment},
		{"processes", "process 1 and this one", processesInSight},
		{"kernel", "another one", q.kernel},
		{"network", q.reachable(), q.network},
		{"ipc", "no memory, semaphore or queue of the gateway's, and none in sight", q.Shared.reach},
		{"privileges", "no_new_privs; no capability in any set", q.privileges},
		{"namespaces", "0 user namespaces may be made", namespaces},
		{"calls", fmt.Sprintf("%d are refused, and some for what they are given", len(denied)), refusedCalls},
		{"landlock", fmt.Sprintf("version %d; it keeps /dev/urandom from being written", landlockABI()), q.landlock},
		{"devices", strings.Join(harmless(), " "), devices},
		{"terminal", "a session of its own without one", terminal},
		{"cores", "their limit is 1 byte", q.limit(unix.RLIMIT_CORE)},
		{"limit.memory", fmt.Sprintf("no more than %d bytes can be mapped", q.Limits.data()), q.mapped},
		{"limit.tasks", fmt.Sprintf("%d, and %d for process 1", q.Limits.Tasks, ownTasks), q.limit(unix.RLIMIT_NPROC)},
		{"limit.files", fmt.Sprint(q.Limits.Files), q.files},
		{"limit.file_size", fmt.Sprintf("%d bytes", q.Limits.FileSize), q.largest},
		{"limit.disk", fmt.Sprintf("%d bytes", q.Limits.Disk), q.disk},
	}
}

// handedDown finds a descriptor over 2 that was not opened by this program.
func handedDown() error {
	for fd := 3; fd < 1024; fd++ {
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		if err == nil && flags&unix.FD_CLOEXEC == 0 {
			to, _ := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
			return fmt.Errorf("%d is %s", fd, to)
		}
	}
	return nil
}

// environment compares the variables with those that were given.
func (q *question) environment() error {
	raw, err := os.ReadFile("/proc/self/environ")
	if err != nil {
		return err
	}
	has := names(strings.Split(strings.TrimSuffix(string(raw), "\x00"), "\x00"))
	slices.Sort(has)
	given := slices.Sorted(slices.Values(q.Variables))
	if !slices.Equal(slices.Compact(has), slices.Compact(given)) {
		return fmt.Errorf("it has %s and was given %s", strings.Join(has, " "), strings.Join(given, " "))
	}
	if _, err := os.ReadFile("/proc/1/environ"); err == nil && os.Getpid() != 1 {
		return errors.New("the variables of process 1 can be read")
	}
	return nil
}

// processesInSight looks for others than process 1 and this one, and into process 1.
func processesInSight() error {
	pids, err := processes()
	if err != nil || os.Getpid() == 1 && len(pids) == 0 {
		return err
	}
	if i := slices.IndexFunc(pids, func(pid int) bool { return pid != 1 }); i >= 0 || os.Getppid() != 1 {
		return fmt.Errorf("%v are in sight, and the parent is %d", pids, os.Getppid())
	}
	for _, name := range []string{"mem", "maps", "fd", "cwd", "exe"} {
		at := "/proc/1/" + name
		if f, err := os.Open(at); err == nil {
			_ = f.Close()
			if _, err := os.ReadDir(at); err == nil || name != "fd" {
				return fmt.Errorf("%s can be opened", at)
			}
		}
	}
	return nil
}

// terminal finds one that the probe could type into.
func terminal() error {
	if f, err := os.OpenFile("/dev/tty", os.O_RDWR, 0); err == nil {
		_ = f.Close()
		return errors.New("/dev/tty can be opened")
	}
	if sid, err := unix.Getsid(0); err != nil || sid != os.Getpid() {
		return fmt.Errorf("its session is %d's: %w", sid, err)
	}
	for fd := range 3 {
		if _, err := unix.IoctlGetTermios(fd, unix.TCGETS); err == nil {
			return fmt.Errorf("descriptor %d is a terminal", fd)
		}
	}
	return nil
}

// harmless are the entries of /dev.
func harmless() []string {
	return []string{"fd", "full", "null", "random", "shm", "stderr", "stdin", "stdout", "urandom", "zero"}
}

func devices() error {
	entries, err := os.ReadDir("/dev")
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !slices.Contains(harmless(), e.Name()) {
			return fmt.Errorf("there is /dev/%s", e.Name())
		}
	}
	const memory = 1<<8 | 1 // major and minor of /dev/mem
	if err := unix.Mknod("/tmp/doorward-probe", unix.S_IFCHR|0o600, memory); err == nil {
		_ = os.Remove("/tmp/doorward-probe")
		return errors.New("/dev/mem can be made")
	}
	return nil
}
