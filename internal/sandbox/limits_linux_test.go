package sandbox_test

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"doorward/internal/sandbox"
)

// bombTasks is the limit that the bombs meet.
const bombTasks = 48

// shell is a job of the system's shell.
func shell(script string, l sandbox.Limits) job {
	if l.Memory == 0 {
		l.Memory = roomy().Memory // process 1 is this very program
	}
	return job{Path: "/bin/sh", Args: []string{"sh", "-c", script}, Env: []string{"PATH=/usr/bin:/bin"}, Given: sandbox.Given{Limits: l}}
}

// own is a job of the hostile program's.
func own(t *testing.T, what string, change func(*sandbox.Limits)) job {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	l := roomy()
	change(&l)
	return job{Path: self, Args: []string{asHostile, what}, Env: []string{"PATH=/usr/bin:/bin", quick}, Given: sandbox.Given{Limits: l}}
}

// TestLimits has commands take all that they can: each meets its limit, and only that.
func TestLimits(t *testing.T) {
	for _, c := range []struct {
		name, report, says string // what it is reported for, or what the command is told
		job                job
	}{
		{"SBX-09 forks", sandbox.OverTasks, "", own(t, "forks", func(l *sandbox.Limits) { l.Tasks = bombTasks })},
		{"SBX-09 threads", sandbox.OverTasks, "", own(t, "threads", func(l *sandbox.Limits) { l.Tasks = bombTasks })},
		{"SBX-12 disk", sandbox.OverDisk, "no space left on device", own(t, "disk", func(l *sandbox.Limits) { l.Disk = 4 << 20 })},
		{"SBX-12 disk, by a command that ends at once", sandbox.OverDisk, "", shell("echo "+strings.Repeat("x", 8<<10)+" > /tmp/x; while cat /tmp/x /tmp/x > /tmp/y && cat /tmp/y > /tmp/x; do :; done", sandbox.Limits{Disk: 1 << 20})},
		{"SBX-12 inodes", sandbox.OverDisk, "no space left on device", own(t, "inodes", func(l *sandbox.Limits) { l.Disk = 1 << 20 })},
		{"SBX-13 files", sandbox.OverFiles, "too many open files", own(t, "files", func(l *sandbox.Limits) { l.Files = 128 })},
		{"wall", sandbox.OverWall, "", shell("trap '' TERM; sleep 1000", sandbox.Limits{Wall: 100 * time.Millisecond})},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := c.job.do()
			has := slices.ContainsFunc(o.Reports, func(r sandbox.Report) bool { return r.Kind == c.report })
			if o.Err != "" || !has || !strings.Contains(o.Out, c.says) {
				t.Errorf("reports %v, said %.300q, %s; want %s and %q", o.Reports, o.Out, o.Err, c.report, c.says)
			}
		})
	}
}

// TestSBX11_CPU holds what spins to its share, in one process or in many that nobody waits for
// (SBX-11).
func TestSBX11_CPU(t *testing.T) {
	for _, c := range []struct {
		load        string
		limit, most float64
	}{{"spin", 0.5, 0.75}, {"disowned", 0.25, 0.5}} {
		t.Run(c.load, func(t *testing.T) {
			t.Parallel()
			j := own(t, c.load, func(l *sandbox.Limits) { l.CPU = c.limit })
			o := j.do()
			got, err := strconv.ParseFloat(o.Out, 64)
			if err != nil || got > c.most {
				t.Errorf("it used %v of a processor, want %v at most (%q %s %v)", got, c.most, o.Out, o.Err, err)
			}
		})
	}
}

// TestLedger counts time where the system lets nobody have a clock: what was seen once
// stays counted, nothing counts twice, and what was not seen counts for a flat time.
func TestLedger(t *testing.T) {
	const ms = time.Millisecond
	type look struct {
		own    map[int]time.Duration
		waited time.Duration
		newest int
		want   time.Duration
	}
	for _, c := range []struct {
		name  string
		looks []look
	}{
		{"one process", []look{{map[int]time.Duration{2: 10 * ms}, 0, 2, 10 * ms}, {map[int]time.Duration{2: 30 * ms}, 0, 2, 30 * ms}}},
		{"a child that is waited for", []look{
			{map[int]time.Duration{2: 10 * ms, 3: 20 * ms}, 0, 3, 30 * ms},
			{map[int]time.Duration{2: 10 * ms}, 25 * ms, 3, 35 * ms},
		}},
		{"waited for between two looks at it", []look{
			{map[int]time.Duration{2: 10 * ms, 3: 20 * ms}, 0, 3, 30 * ms},
			{map[int]time.Duration{2: 10 * ms, 3: 20 * ms}, 20 * ms, 3, 50 * ms},
			{map[int]time.Duration{2: 10 * ms}, 40 * ms, 3, 50 * ms},
		}},
		{"children that nobody waits for", []look{
			{map[int]time.Duration{2: 10 * ms, 3: 20 * ms}, 0, 3, 30 * ms},
			{map[int]time.Duration{2: 10 * ms, 4: 20 * ms}, 0, 4, 50 * ms},
		}},
		{"children that nobody saw", []look{
			{map[int]time.Duration{2: 10 * ms}, 0, 2, 10 * ms},
			{map[int]time.Duration{2: 10 * ms}, 0, 12, 50 * ms},
		}},
		{"children that nobody saw and that were waited for", []look{
			{map[int]time.Duration{2: 10 * ms}, 0, 2, 10 * ms},
			{map[int]time.Duration{2: 10 * ms}, 100 * ms, 12, 110 * ms},
		}},
		{"threads", []look{
			{map[int]time.Duration{2: 10 * ms}, 0, 2, 10 * ms},
			{map[int]time.Duration{2: 60 * ms}, 0, 12, 60 * ms},
		}},
		{"a number used again", []look{
			{map[int]time.Duration{2: 10 * ms, 3: 20 * ms}, 0, 3, 30 * ms},
			{map[int]time.Duration{2: 10 * ms, 3: 5 * ms}, 20 * ms, 3, 35 * ms},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			add := sandbox.NewLedger()
			for i, l := range c.looks {
				if got := add(l.own, l.waited, l.newest); got != l.want {
					t.Errorf("look %d: %s, want %s", i, got, l.want)
				}
			}
		})
	}
}

// A limit that ends nothing is reported once for each time that it is met, and not for each of
// many in a row: what fills its disk and empties it again would fill the log.
func TestSBX12_ReportsAreFew(t *testing.T) {
	due, now := sandbox.NewMentions(), time.Now()
	for i, look := range []struct {
		after time.Duration
		kind  string
		met   bool
		want  bool
	}{
		{0, sandbox.OverDisk, false, false},
		{0, sandbox.OverDisk, true, true},
		{time.Hour, sandbox.OverDisk, true, false}, // it is still the same time
		{0, sandbox.OverFiles, true, true},
		{0, sandbox.OverDisk, false, false},
		{0, sandbox.OverDisk, true, true},
		{time.Second, sandbox.OverDisk, false, false},
		{time.Second, sandbox.OverDisk, true, false},
		{10 * time.Second, sandbox.OverDisk, true, true}, // it was not told of yet
	} {
		now = now.Add(look.after)
		if got := due(now, look.kind, look.met); got != look.want {
			t.Errorf("look %d: %v, want %v", i, got, look.want)
		}
	}
}

// stubborn leaves a process behind in its own session that hears no SIGTERM.
const stubborn = `trap '' TERM HUP; (setsid sh -c "trap '' TERM HUP; echo up; while :; do sleep 1000; done" &); while :; do sleep 1000; done`

// gone reads to the end of what only the sandbox's processes hold open.
func gone(t *testing.T, r *os.File, end func()) {
	t.Helper()
	if err := r.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(r, make([]byte, 3)); err != nil {
		t.Fatal("it never came up:", err)
	}
	end()
	if err := r.SetReadDeadline(time.Now().Add(time.Minute)); err != nil { // they would live for much longer
		t.Fatal(err)
	}
	if _, err := r.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("a minute later somebody still lives: %v", err)
	}
}

// TestSBX14_GatewayEnds looks that nothing outlives a gateway that ends without a word (SBX-14).
func TestSBX14_GatewayEnds(t *testing.T) {
	t.Parallel()
	j := shell(stubborn, sandbox.Limits{})
	j.Direct = true
	raw, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd := &exec.Cmd{Path: "/proc/self/exe", Args: []string{asGateway}, Env: []string{quick}, Stdin: bytes.NewReader(raw), Stdout: w}
	err = cmd.Start()
	_ = w.Close()
	if err != nil {
		t.Fatal(err)
	}
	gone(t, r, func() { _ = cmd.Process.Kill() })
	_ = cmd.Wait()
}

// TestProcess1EndsUnheard has process 1 end with its plan unread, which the gateway is told as the
// reset of a connection: the start has failed, and the gateway lives.
func TestProcess1EndsUnheard(t *testing.T) {
	t.Parallel()
	plan, err := sandbox.NewPlan(sandbox.Program{Path: "/bin/true", Dir: "/"}, sandbox.Given{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var maker sandbox.Maker
	defer maker.Close()
	cmd := &exec.Cmd{Path: "/bin/true", Args: []string{"true"}}
	box, err := maker.Confine(cmd, plan, nil)
	if err != nil {
		t.Fatal(err)
	}
	cmd.Path = "/bin/true" // in place of process 1
	if err := box.Started(cmd.Start()); err == nil || !strings.Contains(err.Error(), "process 1 ended before the command ran") {
		t.Errorf("the start ended with %v", err)
	}
	_ = cmd.Wait()
}

// TestRefused gives what no command gets.
func TestRefused(t *testing.T) {
	dir := open(t)
	script := filepath.Join(dir, "script")
	if err := os.WriteFile(script, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	old, err := sandbox.Look(script)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(script, []byte("#!/bin/sh\nid\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(open(t), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, want string
		given      sandbox.Given
		files      []sandbox.File
	}{
		{"SBX-28 changed", "another file than the one whose digest was taken", sandbox.Given{Read: []string{script}}, []sandbox.File{old}},
		{"Doorward's own", "it is Doorward's own", sandbox.Given{Read: []string{dir}, Hide: []string{dir}}, nil},
		{"below Doorward's own", "it is Doorward's own", sandbox.Given{Write: []string{dir}, Hide: []string{filepath.Dir(dir)}}, nil},
		{"Doorward's own by a link", "it is Doorward's own", sandbox.Given{Read: []string{dir}, Hide: []string{link}}, nil},
		{"what holds Doorward's own, to write", "give a directory that holds nothing of Doorward's", sandbox.Given{Write: []string{filepath.Dir(dir)}, Hide: []string{dir}}, nil},
		{"what holds Doorward's own by a link, to write", "give a directory that holds nothing of Doorward's", sandbox.Given{Write: []string{filepath.Dir(dir)}, Hide: []string{link}}, nil},
		{"to read in what is to write", "give what may be written beside it", sandbox.Given{Read: []string{dir}, Write: []string{filepath.Dir(dir)}}, nil},
		{"a link that a command may have put there", "could be made to lead anywhere", sandbox.Given{Read: []string{link}, Planted: []string{filepath.Dir(link)}}, nil},
		{"below such a link", "could be made to lead anywhere", sandbox.Given{Write: []string{filepath.Join(link, "script")}, Planted: []string{filepath.Dir(link)}}, nil},
		{"not there", "no such file or directory", sandbox.Given{Read: []string{filepath.Join(dir, "missing")}}, nil},
		{"a device", "neither a directory nor a regular file", sandbox.Given{Read: []string{"/dev/null"}}, nil},
		{"the whole system", "the whole file system cannot be given", sandbox.Given{Read: []string{"/"}}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			j := shell("echo ran", sandbox.Limits{})
			j.Given, j.Files = c.given, c.files
			if o := j.do(); !strings.Contains(o.Err, c.want) || strings.Contains(o.Out, "ran") {
				t.Errorf("said %q (%q), want %q", o.Err, o.Out, c.want)
			}
		})
	}
}
