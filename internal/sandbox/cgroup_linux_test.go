package sandbox_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"doorward/internal/sandbox"
)

// TestCgroupDirectory finds the cgroup that a process was started in, wherever cgroup v2 is mounted.
func TestCgroupDirectory(t *testing.T) {
	const (
		unified = "29 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
		hybrid  = "30 29 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n40 29 0:28 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
		bound   = "50 29 0:28 /docker/4f1c /sys/fs/cgroup ro - cgroup2 cgroup rw\n"
		spaced  = "50 29 0:28 / /sys/fs/c\\040group rw - cgroup2 cgroup rw\n"
	)
	for _, c := range []struct{ name, mounts, path, want string }{
		{"a service", unified, "/system.slice/doorward.service", "/sys/fs/cgroup/system.slice/doorward.service"},
		{"a container's root", unified, "/", "/sys/fs/cgroup"},
		{"beside cgroup v1", hybrid, "/", "/sys/fs/cgroup/unified"},
		{"a mount of a part", bound, "/docker/4f1c/a", "/sys/fs/cgroup/a"},
		{"outside of what is mounted", bound, "/docker/9b7e", ""},
		{"outside of the namespace", unified, "/../doorward.service", ""},
		{"a space", spaced, "/a", "/sys/fs/c group/a"},
		{"cgroup v1 alone", "30 29 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n", "/", ""},
		{"a gateway's", unified, "/a/doorward-ABCDEFGHIJKLMN27/gateway", "/sys/fs/cgroup/a"},
		{"one that an operator named", unified, "/a/doorward-4F1C/gateway", "/sys/fs/cgroup/a/doorward-4F1C/gateway"},
		{"no gateway's", unified, "/a/gateway", "/sys/fs/cgroup/a/gateway"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := sandbox.CgroupDirectory(c.mounts, c.path); got != c.want {
				t.Errorf("it is %q, want %q", got, c.want)
			}
		})
	}
}

// TestGroupLimits looks what of a plan is written where, by the controllers that are there.
func TestGroupLimits(t *testing.T) {
	l := sandbox.Limits{Memory: 64<<20 + 1, Disk: 16 << 20, Tasks: 24, CPU: 0.25}.Filled()
	for _, c := range []struct {
		name        string
		controllers []string
		files       []string // that the kernel has
		want        string   // what is in them then
		fails       bool
	}{
		{"all", []string{"memory", "pids", "cpu"}, []string{"memory.max", "memory.swap.max", "memory.oom.group", "pids.max", "cpu.max", "cpu.max.burst"}, "117440512|0|1|39|25000 100000|25000", false},
		{"no account of swap, no burst", []string{"memory", "cpu"}, []string{"memory.max", "memory.oom.group", "cpu.max"}, "117440512|1|25000 100000", false},
		{"tasks alone", []string{"pids"}, []string{"pids.max"}, "39", false},
		{"none", nil, nil, "", false},
		{"a controller without its file", []string{"pids"}, nil, "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			for _, f := range c.files {
				if err := os.WriteFile(filepath.Join(dir, f), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := sandbox.LimitGroup(dir, l, c.controllers...); (err != nil) != c.fails {
				t.Fatal(err)
			}
			var got []string
			for _, f := range c.files {
				raw, err := os.ReadFile(filepath.Join(dir, f))
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, string(raw))
			}
			if text := strings.Join(got, "|"); text != c.want {
				t.Errorf("it is %q, want %q", text, c.want)
			}
		})
	}
}

// TestSBX20_WhoseLimitEndedIt tells the end by a command's own limit from that by the limit of a
// cgroup around it, which neighbours share.
func TestSBX20_WhoseLimitEndedIt(t *testing.T) {
	const own, above, none = "max 3\noom 1\noom_kill 2\n", "max 0\noom 0\noom_kill 2\n", "max 3\noom 1\noom_kill 0\n"
	for _, c := range []struct {
		name, local, events string
		want                bool
	}{
		{"its own", own, own, true},
		{"of a cgroup above", above, above, false},
		{"of one below it", above, own, false},
		{"it was not ended", none, none, false},
		{"before Linux 5.2", "", own, true},
		{"of a cgroup above, before Linux 5.2", "", above, false},
		{"no account", "", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, text := range map[string]string{"memory.events.local": c.local, "memory.events": c.events, "memory.max": "117440512\n"} {
				if text == "" {
					continue
				}
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			text := sandbox.EndedByMemory(dir)
			if (text != "") != c.want || c.want && !strings.Contains(text, "117440512 bytes") {
				t.Errorf("it is said: %q", text)
			}
		})
	}
}

// cgroupOf is the path of a process in cgroup v2; empty where there is none.
func cgroupOf(t *testing.T, pid int) string {
	t.Helper()
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cgroup")
	if err != nil {
		t.Fatal(err)
	}
	_, path, _ := strings.Cut(string(raw), "0::")
	return strings.TrimSpace(path)
}

// TestSBX20_Cgroup has a command in a cgroup of its own, where this test may make one, which ends
// with it; where it may not, the command runs all the same.
func TestSBX20_Cgroup(t *testing.T) {
	own, lacks := sandbox.OwnCgroup()
	j := shell(stubborn, sandbox.Limits{})
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	p, err := sandbox.NewPlan(sandbox.Program{Path: j.Path, Dir: "/", Search: "/usr/bin:/bin", System: true}, j.Given, nil)
	if err != nil {
		t.Fatal(err)
	}
	var maker sandbox.Maker
	defer maker.Close()
	cmd := &exec.Cmd{Path: j.Path, Args: j.Args, Env: j.Env, Stdout: w}
	box, err := maker.Confine(cmd, p, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = box.Started(cmd.Start())
	_ = w.Close()
	if err != nil {
		t.Fatal(err)
	}
	at := cgroupOf(t, cmd.Process.Pid)
	if (filepath.Base(at) == "command-1") != (lacks == nil) {
		t.Errorf("it is in %q, and cgroups: %v", at, lacks)
	}
	gone(t, r, func() {
		box.Kill()
		if lacks != nil {
			_ = cmd.Process.Kill()
		}
	})
	_ = cmd.Wait()
	box.Close()
	if _, err := os.Stat(filepath.Join(own, filepath.Base(filepath.Dir(at)), "command-1")); lacks == nil && !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("its cgroup is left: %v", err)
	}
}

// TestSBX14_CgroupsLeft has what a killed gateway left in its cgroups end, and that of one that
// lives stay. Where this test may make none, none can be left.
func TestSBX14_CgroupsLeft(t *testing.T) {
	own, err := sandbox.OwnCgroup()
	if err != nil {
		if _, err := os.Stat(filepath.Join(own, "doorward-LEFT")); err == nil {
			t.Error("there is one nevertheless")
		}
		return
	}
	dead, live := filepath.Join(own, "doorward-"+rand.Text()[:16]), filepath.Join(own, "doorward-"+rand.Text()[:16])
	if err := os.Mkdir(live, 0o755); err != nil {
		t.Fatal(err)
	}
	lock, err := sandbox.LockCgroup(live)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = lock.Close()
		_ = os.Remove(live)
	}()
	for _, dir := range []string{dead, filepath.Join(dead, "gateway"), filepath.Join(dead, "command-7")} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	group, err := os.Open(filepath.Join(dead, "command-7"))
	if err != nil {
		t.Fatal(err)
	}
	defer group.Close()
	left := exec.Command("/bin/sleep", "60") // by itself, should nobody end it
	left.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(group.Fd())}
	if err := left.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := sandbox.OwnCgroup(); err != nil {
		t.Fatal(err)
	}
	_ = left.Wait()
	if !left.ProcessState.Sys().(syscall.WaitStatus).Signaled() {
		t.Errorf("what was left ended by itself: %v", left.ProcessState)
	}
	if _, err := os.Stat(dead); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the dead one's is left: %v", err)
	}
	if _, err := os.Stat(live); err != nil {
		t.Errorf("the living one's is gone: %v", err)
	}
}

// TestSBX01_NoCgroups looks that a command sees no file of a cgroup, its own included (SBX-01).
func TestSBX01_NoCgroups(t *testing.T) {
	j := shell(`ls /sys; grep cgroup /proc/self/mountinfo; ls -l /proc/self/fd`, sandbox.Limits{})
	if o := j.do(); o.Err != "" || strings.Contains(o.Out, "cgroup") || strings.Contains(o.Out, "cpu.") || !strings.Contains(o.Out, "cannot access '/sys'") {
		t.Errorf("it saw %q: %s", o.Out, o.Err)
	}
}

// TestMappings counts this process's own mappings, and those of what it forked as many, as long as
// it has room for them.
func TestMappings(t *testing.T) {
	raw, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	least := int64(bytes.Count(raw, []byte{'\n'})) * 128
	const many = 1 << 40 // bytes that are mapped
	look, self := sandbox.Mappings(), os.Getpid()
	one := look(map[int][2]int{self: {many, 1}}, true)
	two := look(map[int][2]int{self: {many, 1}, self + 1: {many, self}}, false)
	small := look(map[int][2]int{self: {many, 1}, self + 2: {2 * os.Getpagesize(), self}}, false)
	if one < least || two != 2*one || small <= one || small > one+4096 {
		t.Errorf("%d, %d with a fork, %d with a small one; want %d at least for the first", one, two, small, least)
	}
}
