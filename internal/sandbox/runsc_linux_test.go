package sandbox_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"doorward/internal/sandbox"
)

// gVisor is the runsc of this system, which scripts/parts installs.
func gVisor(t *testing.T) *sandbox.File {
	t.Helper()
	g := sandbox.Given{Weaker: []string{sandbox.Runtime}}
	is, err := g.FindRunsc()
	if err != nil {
		t.Fatalf("%v (scripts/parts installs it)", err)
	}
	return &is
}

func TestSBX25_TheProbeFindsItsWallsInGVisor(t *testing.T) {
	g := sandbox.Given{Runsc: gVisor(t), Hide: []string{"/etc/ssl"}, Egress: true, Weaker: []string{sandbox.Runtime}}
	plan, err := sandbox.NewPlan(sandbox.Program{Path: "/bin/true", Dir: "/", Search: "/usr/bin:/bin", System: true}, g, nil)
	if err != nil {
		t.Fatal(err)
	}
	var mk sandbox.Maker
	defer mk.Close()
	proof, err := mk.Prove(t.Context(), plan, []string{"PATH=/usr/bin:/bin", quick}, (*exec.Cmd).Start)
	if err != nil {
		t.Fatal(err)
	}
	if err := proof.Err(); err != nil {
		t.Error(err)
	}
	held := proof.Names(sandbox.Held)
	for _, want := range []string{"kernel", "files.root", "network", "limit.watch"} {
		if !slices.Contains(held, want) {
			t.Errorf("%s is not among what holds: %q", want, held)
		}
	}
}

// A command in gVisor has what its plan gives it, its words and its exit; what it was not
// given is not there. It runs so for root and for an ordinary user.
func TestSBX25_ACommandInGVisorHasItsPlan(t *testing.T) {
	const script = `echo "$1"; echo kept >"$2/file"; (echo x >/usr/planted) 2>&1; ls "$3" 2>&1; cat /proc/version; ls /.runsc; exit 3`
	for _, u := range users(t) {
		t.Run(u.name, func(t *testing.T) {
			outside := open(t)
			given := filepath.Join(outside, "given")
			if err := os.Mkdir(given, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.Chown(given, int(u.id), int(u.id)); err != nil {
				t.Fatal(err)
			}
			o := u.run(t, &job{
				Path: "/bin/sh", Args: []string{"sh", "-c", script, "sh", "its words", given, filepath.Dir(outside)}, Env: []string{"PATH=/usr/bin:/bin"},
				Given: sandbox.Given{Runsc: gVisor(t), Write: []string{given}, Weaker: []string{sandbox.Runtime}},
			})
			if o.Err != "" {
				t.Fatal(o.Err)
			}
			for _, want := range []string{"its words\n", "planted: ", "Linux version 4."} {
				if !strings.Contains(o.Out, want) {
					t.Errorf("it does not say %q:\n%s", want, o.Out)
				}
			}
			if o.Code != 3 {
				t.Errorf("its exit status is %d, want 3", o.Code)
			}
			if strings.Contains(o.Out, "config.json") {
				t.Errorf("it sees the bundle:\n%s", o.Out)
			}
			if raw, err := os.ReadFile(filepath.Join(given, "file")); string(raw) != "kept\n" {
				t.Errorf("what it wrote is %q, %v", raw, err)
			}
		})
	}
}

// inGVisor is a job of the system's shell in gVisor.
func inGVisor(t *testing.T, script string) job {
	t.Helper()
	return job{
		Path: "/bin/sh", Args: []string{"sh", "-c", script}, Env: []string{"PATH=/usr/bin:/bin"},
		Given: sandbox.Given{Runsc: gVisor(t), Weaker: []string{sandbox.Runtime}},
	}
}

// A command in gVisor that ends at once has run: what it did is done, and its exit is told.
func TestSBX25_ACommandInGVisorMayBeShort(t *testing.T) {
	for range 5 {
		j := inGVisor(t, "exit 7")
		if o := j.do(); o.Err != "" || o.Code != 7 {
			t.Fatalf("its exit status is %d, want 7; error %q", o.Code, o.Err)
		}
	}
}

// A command in gVisor is asked to end before it is ended, while gVisor starts processes for it, too.
func TestSBX25_ACommandInGVisorIsAskedToEnd(t *testing.T) {
	const script = `trap 'exit 5' TERM; for i in 1 2 3 4 5 6; do while :; do /bin/true; done & done; echo up; while :; do /bin/true; done`
	for range 5 {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		j := inGVisor(t, script)
		cmd, box, err := j.confine(w)
		_ = w.Close()
		if err != nil {
			t.Fatal(err)
		}
		defer box.Close()
		gone(t, r, func() { _ = cmd.Process.Signal(syscall.SIGTERM) })
		for range box.Reports() { // to their end
		}
		_ = cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); code != 5 {
			t.Errorf("its exit status is %d, want 5", code)
		}
	}
}

// One that is asked to end while runsc still starts it is asked as soon as it runs, if that is
// soon enough.
func TestSBX25_ACommandInGVisorIsAskedToEndAtItsStart(t *testing.T) {
	j := inGVisor(t, `trap 'exit 5' TERM; while :; do sleep 0.01; done`)
	plan, err := sandbox.NewPlan(sandbox.Program{Path: j.Path, Dir: "/", Search: "/usr/bin:/bin"}, j.Given, nil)
	if err != nil {
		t.Fatal(err)
	}
	var maker sandbox.Maker
	defer maker.Close()
	cmd := &exec.Cmd{Path: j.Path, Args: j.Args, Env: j.Env}
	box, err := maker.Confine(cmd, plan, nil)
	if err != nil {
		t.Fatal(err)
	}
	started := cmd.Start()
	if started == nil {
		awaitChild(t, cmd.Process.Pid, "Name:\trunsc\n")
		_ = cmd.Process.Signal(syscall.SIGTERM)
	}
	if err := box.Started(started); err != nil {
		if !strings.Contains(err.Error(), "process 1 ended before the command ran") {
			t.Errorf("its start ended with %v", err)
		}
		_ = cmd.Wait()
		return
	}
	for range box.Reports() { // to their end
	}
	_ = cmd.Wait()
	box.Close()
	if code := cmd.ProcessState.ExitCode(); code != 5 && code != 128+int(syscall.SIGTERM) { // before its trap
		t.Errorf("its exit status is %d, want 5", code)
	}
}

// A command in gVisor that starts processes without end is ended for that, and gVisor does not end
// before.
func TestSBX09_ForksInGVisor(t *testing.T) {
	t.Parallel()
	j := inGVisor(t, "(while :; do sleep 1000 & done) 2>/dev/null; sleep 1000")
	j.Given.Limits = sandbox.Limits{Tasks: bombTasks, Memory: 1 << 30}
	if o := j.do(); o.Err != "" || o.Code != 128+int(syscall.SIGKILL) || len(o.Reports) == 0 || o.Reports[0].Kind != sandbox.OverTasks {
		t.Errorf("%+v", o)
	}
}

// What is stopped for the processor's time that it took is asked to end, and can.
func TestSBX11_WhatIsHeldIsAskedToEnd(t *testing.T) {
	const script = `trap '/bin/cat /dev/null; exit 5' TERM; echo up; while :; do :; done`
	limits := sandbox.Limits{CPU: 0.01, Memory: roomy().Memory}
	for name, j := range map[string]job{"process": shell(script, limits), "runsc": inGVisor(t, script)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			j.Given.Limits = limits
			cmd, box, err := j.confine(w)
			_ = w.Close()
			if err != nil {
				t.Fatal(err)
			}
			defer box.Close()
			gone(t, r, func() {
				if slices.Contains(sandbox.Keepers(), sandbox.Kept{Limit: "cpu", By: "watch"}) { // the kernel stops nothing
					awaitChild(t, cmd.Process.Pid, "State:\tT")
				}
				_ = cmd.Process.Signal(syscall.SIGTERM)
			})
			for range box.Reports() { // to their end
			}
			_ = cmd.Wait()
			if code := cmd.ProcessState.ExitCode(); code != 5 {
				t.Errorf("its exit status is %d, want 5", code)
			}
		})
	}
}

// awaitChild waits until a process has a child whose /proc/pid/status says this.
func awaitChild(t *testing.T, pid int, says string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
		for _, list := range lists {
			raw, _ := os.ReadFile(list)
			for child := range strings.FieldsSeq(string(raw)) {
				if is, _ := os.ReadFile("/proc/" + child + "/status"); strings.Contains(string(is), says) {
					return
				}
			}
		}
	}
	t.Errorf("process %d has no child with %q", pid, says)
}

// What is executed is the runsc that was asked for its version; and what that cannot start
// is told with its own words.
func TestSBX25_WhatRunscCannotStartIsRefused(t *testing.T) {
	is := *gVisor(t)
	for name, tc := range map[string]struct {
		path string
		size int64
		want string
	}{
		"another runsc": {"/bin/true", is.Size + 1, "is another file"},
		"no program":    {"/etc/ld.so.cache", is.Size, "runsc ended before the command ran (exit status 128): "},
	} {
		t.Run(name, func(t *testing.T) {
			other := is
			other.Size = tc.size
			j := job{Path: tc.path, Args: []string{"x"}, Given: sandbox.Given{Runsc: &other, Weaker: []string{sandbox.Runtime}}}
			if o := j.do(); !strings.Contains(o.Err, tc.want) {
				t.Errorf("it is refused with %q, want %q", o.Err, tc.want)
			}
		})
	}
}

func TestSBX25_AnOldRunscIsRefused(t *testing.T) {
	for said, good := range map[string]bool{
		"runsc version release-20260525.0\nspec: 1.1.0-rc.1\n":       true,
		"runsc version release-20250407.0-12-gabcdef\nspec: 1.1.0\n": true,
		"runsc version release-20250317.0\nspec: 1.1.0-rc.1\n":       false,
		"runsc version 0.0~20221219.0\nspec: 1.0.2-dev\n":            false,
		"runsc version VERSION_MISSING\nspec: 1.1.0\n":               false,
		"runc version 1.3.6\nspec: 1.2.0\n":                          false,
		"runsc version unknown\nbuilt: release-20260525.0\n":         false,
		"": false,
		"runsc version release-20990101\nrunsc version 20990101.0.0\n": false,
	} {
		if err := sandbox.CheckRunsc(said); (err == nil) != good {
			t.Errorf("%q: %v", said, err)
		}
	}
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	strict, weaker := sandbox.Given{}, sandbox.Given{Weaker: []string{sandbox.Runtime}}
	if _, err := weaker.FindRunsc(); err == nil {
		t.Error("one that is not there is found")
	}
	program := "#!/bin/sh\necho runsc version release-20250317.0\n"
	if err := os.WriteFile(filepath.Join(dir, "runsc"), []byte(program), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := strict.FindRunsc(); err == nil || !strings.Contains(err.Error(), "CVE-2025-2713") {
		t.Errorf("an old one is refused with %v", err)
	}
	if _, err := weaker.FindRunsc(); err != nil {
		t.Errorf("with allow_weaker an old one is refused with %v", err)
	}
	ran := filepath.Join(t.TempDir(), "ran")
	if err := os.WriteFile(filepath.Join(dir, "runsc"), []byte(program+": >"+ran+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	for what, at := range map[string]string{"a file": filepath.Join(dir, "runsc"), "a link": linkTo(t, filepath.Join(dir, "runsc"))} {
		t.Setenv("PATH", filepath.Dir(at))
		planted := sandbox.Given{Weaker: weaker.Weaker, Planted: []string{filepath.Dir(at)}}
		if _, err := planted.FindRunsc(); err == nil || !strings.Contains(err.Error(), "where a command may write") {
			t.Errorf("%s that a command may have put there: %v", what, err)
		}
	}
	if _, err := os.Stat(ran); err == nil {
		t.Error("what a command may have put there ran")
	}
}

// linkTo is a link to a file, by its name, in a directory of its own.
func linkTo(t *testing.T, to string) string {
	t.Helper()
	at := filepath.Join(t.TempDir(), filepath.Base(to))
	if err := os.Symlink(to, at); err != nil {
		t.Fatal(err)
	}
	return at
}
