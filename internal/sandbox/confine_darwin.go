package sandbox

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// sandboxExec is macOS's own program that puts a process under a profile.
const sandboxExec = "/usr/bin/sandbox-exec"

// Confine makes cmd run under p: below this same binary under the name Name, which sets
// the limits that macOS keeps and becomes sandbox-exec with the plan's profile. See the
// same on Linux for who calls what. macOS bounds neither memory nor processes of one
// command, so a plan has to let these limits go.
func (mk *Maker) Confine(cmd *exec.Cmd, p Plan, proxy func(net.Listener)) (*Box, error) {
	b, err := mk.begin(&p, proxy)
	if err != nil {
		return nil, err
	}
	if err := b.prepare(cmd, &p); err != nil {
		b.Close()
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	return b, nil
}

// lacking are the layers that no macOS has.
func lacking() []string { return []string{Bounds, Landlock, Seccomp} }

func (b *Box) prepare(cmd *exec.Cmd, p *Plan) error {
	scratch, err := os.MkdirTemp("", "doorward-sandbox")
	if err != nil {
		return fmt.Errorf("making its own directory: %w", err)
	}
	b.scratch = scratch
	if scratch, err = filepath.EvalSymlinks(scratch); err != nil {
		return fmt.Errorf("making its own directory: %w", err)
	}
	port, err := b.listen(cmd)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	for _, own := range slices.Clone(p.Hide) {
		if led, err := filepath.EvalSymlinks(own); err == nil && led != own {
			p.Hide = append(p.Hide, led) // rules are about where links lead
		}
	}
	runs, err := runnable(p)
	if err != nil {
		return err
	}
	profile, err := p.Profile(Seatbelt{Runs: runs, Scratch: scratch, Port: port})
	if err != nil {
		return err
	}
	cmd.Env = append(slices.DeleteFunc(slices.Clone(cmd.Env), func(kv string) bool {
		return strings.HasPrefix(kv, "HOME=") || strings.HasPrefix(kv, "TMPDIR=")
	}), "HOME="+scratch, "TMPDIR="+scratch)
	cmd.Args = slices.Concat([]string{Name, strconv.Itoa(p.Limits.Files), strconv.FormatInt(p.Limits.FileSize, 10), profile, cmd.Path}, cmd.Args[1:])
	cmd.Path = self
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // no terminal, and a group of its own
	b.cmd = cmd
	return nil
}

// runnable are the files that a command executes: its program, what was digested with it,
// and the interpreters that their first lines name. Links are followed.
func runnable(p *Plan) (runs []string, err error) {
	pending := []string{p.Path}
	for _, f := range p.Same {
		pending = append(pending, f.Path)
	}
	for i := 0; i < len(pending) && i < 2*maxMounts; i++ {
		target, err := filepath.EvalSymlinks(pending[i])
		if err != nil {
			return nil, fmt.Errorf("finding %s: %w", pending[i], err)
		}
		if slices.Contains(runs, target) {
			continue
		}
		runs = append(runs, target)
		head, err := beginning(target)
		if err != nil {
			return nil, err
		}
		if !bytes.HasPrefix(head, []byte("#!")) {
			continue
		}
		first, _, _ := bytes.Cut(head[2:], []byte("\n"))
		for n, w := range strings.Fields(string(first)) {
			if n > 0 && !filepath.IsAbs(w) {
				if w, err = exec.LookPath(w); err != nil {
					continue // an option, or a variable, of env(1)
				}
			}
			pending = append(pending, w)
		}
	}
	return runs, nil
}

// Started ends the preparation with what starting cmd returned.
func (b *Box) Started(err error) error {
	if err != nil {
		b.Close()
		return fmt.Errorf("sandbox: starting the command: %w", err)
	}
	b.end = func() { _ = syscall.Kill(-b.cmd.Process.Pid, syscall.SIGKILL) }
	return nil
}

// Init sets the limits and becomes sandbox-exec. It returns where it cannot.
func Init() int {
	if err := become(os.Args); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "doorward:", err)
	}
	return 2
}

// become reads the arguments that prepare wrote: files, bytes of a file, profile, program
// and its arguments.
func become(args []string) error {
	if len(args) < 5 {
		return errors.New("sandbox: the plan is missing")
	}
	files, err := strconv.ParseUint(args[1], 10, 64)
	if err != nil {
		return fmt.Errorf("sandbox: reading the plan: %w", err)
	}
	size, err := strconv.ParseUint(args[2], 10, 64)
	if err != nil {
		return fmt.Errorf("sandbox: reading the plan: %w", err)
	}
	for limit, n := range map[int]uint64{syscall.RLIMIT_NOFILE: files, syscall.RLIMIT_FSIZE: size, syscall.RLIMIT_CORE: 0} {
		if err := syscall.Setrlimit(limit, &syscall.Rlimit{Cur: n, Max: n}); err != nil {
			return fmt.Errorf("sandbox: setting a limit: %w", err)
		}
	}
	err = syscall.Exec(sandboxExec, slices.Concat([]string{"sandbox-exec", "-p", args[3], args[4]}, args[5:]), os.Environ())
	return fmt.Errorf("sandbox: starting %s: %w", sandboxExec, err)
}
