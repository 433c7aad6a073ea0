package sandbox

import (
	"io"
	"time"
)

// Patient has what is asked to end take its time, on a machine that may be busy.
func Patient() { grace = time.Minute }

// NewLedger is the account of a command's CPU time where there is no clock.
func NewLedger() func(own map[int]time.Duration, waited time.Duration, newest int) time.Duration {
	return new(ledger).add
}

// NewMentions tells of each look whether a limit that ends nothing is reported.
func NewMentions() func(now time.Time, kind string, met bool) bool { return mentions{}.due }

// CgroupDirectory finds a path of cgroup v2 below a mount, and what was started there.
func CgroupDirectory(mountinfo, path string) string {
	return startedIn(cgroupDirectory([]byte(mountinfo), path))
}

// LimitGroup writes the limits of a command to the files of a directory, as of a cgroup with these controllers.
func LimitGroup(dir string, l Limits, controllers ...string) error {
	g := &group{all: &cgroups{controllers: controllers}, dir: dir}
	for _, controller := range []string{byMemory, byTasks, byCPU} {
		if err := g.limit(&l, controller); err != nil {
			return err
		}
	}
	return g.check(&l)
}

// EndedByMemory is what is said of a command's end by the files of a directory, as of its cgroup.
func EndedByMemory(dir string) string {
	return (&group{all: &cgroups{controllers: []string{byMemory}}, dir: dir}).over()
}

// OwnCgroup is where this process may make cgroups; an error where it may not.
func OwnCgroup() (string, error) {
	c, err := newCgroups()
	if err != nil {
		return "", err
	}
	defer c.release()
	return c.own, nil
}

// LockCgroup holds a gateway's cgroup.
func LockCgroup(dir string) (io.Closer, error) {
	lock, _, err := lockCgroup(dir)
	return lock, err
}

// Mappings estimates what the mappings of processes take: of each, its size in bytes and its
// parent. They are counted where something ran.
func Mappings() func(all map[int][2]int, run bool) int64 {
	var m mappings
	return func(all map[int][2]int, run bool) int64 {
		held := map[int]holdings{}
		for pid, h := range all {
			held[pid] = holdings{size: int64(h[0]), parent: h[1]}
		}
		return m.look(held, run, 1<<40)
	}
}
