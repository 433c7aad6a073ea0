package sandbox_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"doorward/internal/sandbox"
)

// mark is the name of what one sandbox leaves about for the other.
const mark = "doorward-neighbour"

// settle leaves marks wherever a process can, and stays until its input ends.
func settle() error {
	for _, dir := range []string{"/tmp", "/dev/shm", sandbox.Home} {
		if err := os.WriteFile(dir+"/"+mark, []byte(mark), 0o666); err != nil {
			return err
		}
	}
	for _, at := range []string{"/tmp/" + mark + ".s", "@" + mark} {
		l, err := net.Listen("unix", at)
		if err != nil {
			return err
		}
		defer l.Close()
	}
	fmt.Println("up")
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

// visit looks for the marks of another sandbox.
func visit() error {
	var seen []error
	for _, dir := range []string{"/tmp", "/dev/shm", sandbox.Home} {
		if _, err := os.Stat(dir + "/" + mark); !errors.Is(err, os.ErrNotExist) {
			seen = append(seen, errors.Join(err, errors.New(dir+" has a mark")))
		}
	}
	for _, at := range []string{"/tmp/" + mark + ".s", "@" + mark} {
		if c, err := net.Dial("unix", at); err == nil {
			_ = c.Close()
			seen = append(seen, fmt.Errorf("%s answers", at))
		}
	}
	if raw, err := os.ReadFile("/proc/net/unix"); err != nil || strings.Contains(string(raw), mark) {
		seen = append(seen, errors.Join(err, errors.New("a socket of another is listed")))
	}
	if seen == nil {
		fmt.Print("alone")
	}
	return errors.Join(seen...)
}

// TestSBX22_Neighbours has two sandboxes of one plan, as two clients' are, beside each other.
func TestSBX22_Neighbours(t *testing.T) {
	j := own(t, "settle", func(*sandbox.Limits) {})
	p, err := sandbox.NewPlan(sandbox.Program{Path: j.Path, Dir: "/", Search: "/usr/bin:/bin", System: true}, j.Given, nil)
	if err != nil {
		t.Fatal(err)
	}
	in, feed, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out, say, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	var maker sandbox.Maker
	defer maker.Close()
	cmd := &exec.Cmd{Path: j.Path, Args: j.Args, Env: j.Env, Stdin: in, Stdout: say}
	box, err := maker.Confine(cmd, p, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = box.Started(cmd.Start())
	_, _ = in.Close(), say.Close()
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = feed.Close()
		_ = cmd.Wait()
		box.Close()
	}()
	if _, err := io.ReadFull(out, make([]byte, len("up\n"))); err != nil {
		t.Fatal("the first one never came up:", err)
	}
	other := own(t, "visit", func(*sandbox.Limits) {})
	if o := other.do(); o.Err != "" || o.Out != "alone" {
		t.Errorf("the second one saw %q, with %v: %s", o.Out, o.Reports, o.Err)
	}
}

// cycles is how many sandboxes TestSBX30_Leaks starts and stops: a few by default,
// SANDBOX_CYCLES for the long form.
func cycles(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi(os.Getenv("SANDBOX_CYCLES"))
	if err != nil || n < 1 {
		return 8
	}
	return n
}

// left is what this process holds: descriptors, mounts of sandboxes and children. Namespaces live as
// long as one of these does (namespaces(7)).
type left struct{ descriptors, mounts, children int }

func holding(t *testing.T) (l left) {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		raw, err := os.ReadFile("/proc/self/task/" + task.Name() + "/children")
		if err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, unix.ESRCH) {
			t.Fatal(err)
		}
		l.children += len(bytes.Fields(raw))
	}
	l.descriptors, l.mounts = len(entries), bytes.Count(mounts, []byte(" - tmpfs doorward "))
	return l
}

// TestSBX30_Leaks starts and stops sandboxes and looks that nothing is left of them. It
// counts what the process has, and so runs beside no other test.
func TestSBX30_Leaks(t *testing.T) {
	var before left
	j := shell("exit 0", sandbox.Limits{})
	for i := range cycles(t) {
		if o := j.do(); o.Err != "" {
			t.Fatal(o.Err)
		}
		if i == 0 { // what the runtime opens once is open
			before = holding(t)
		}
	}
	if after := holding(t); after != before {
		t.Errorf("%+v, and before it was %+v", after, before)
	}
}
