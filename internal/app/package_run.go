package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"doorward/internal/egress"
	"doorward/internal/gate"
	"doorward/internal/sandbox"
	"doorward/internal/upstream"
)

// What npm or pip is kept to while it installs one package with what that needs.
const (
	installMemory = 1 << 30
	installDisk   = 512 << 20 // of its cache, which ends with it
	installTime   = 10 * time.Minute
	maxToolOutput = 64 << 10 // bytes that are kept of what it prints
	maxToolShown  = 600      // bytes that are shown of that
)

// interpreter is the Python that installs a package, and runs it. One that is a script, such
// as those that choose among several by the directory, is passed over where none is named.
func interpreter(named string, environment []string) (string, error) {
	if named != "" {
		if !filepath.IsAbs(named) {
			return "", fmt.Errorf("the interpreter %s must be an absolute path", named)
		}
		return named, nil
	}
	search := ""
	for _, kv := range environment {
		if value, ok := strings.CutPrefix(kv, "PATH="); ok {
			search = value
		}
	}
	for _, dir := range filepath.SplitList(search) {
		path, err := exec.LookPath(filepath.Join(dir, "python3"))
		if err != nil || !filepath.IsAbs(path) {
			continue
		}
		if program, _ := sandbox.Interpreter(firstBytes(path)); program == "" {
			return path, nil
		}
	}
	return "", errors.New("python3 with pip is needed to install a package, and is not in PATH as a program: install it, or name it by --python")
}

// installation is one run of npm, or of Python with pip.
type installation struct {
	name        string
	tool        string   // npm or pip, for people
	program     string   // npm, or the interpreter
	places      []string // the registry, and where it has its files
	hide        []string
	weaker      []string
	environment []string

	mu     sync.Mutex
	silent egress.Code // why the registry was not reached; empty where it was
}

// report takes note of a connection. There is no record to write to: the log is the
// gateway's, which may be running.
func (in *installation) report(_ context.Context, c egress.Connection) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	switch c.Code {
	case egress.Unreachable, egress.Unresolved, egress.Inward:
		in.silent = c.Code
	case egress.Opened:
		in.silent = ""
	default:
	}
	return nil
}

// run runs the program in a directory, which is the one place that it may write.
func (in *installation) run(ctx context.Context, dir string, args []string) error {
	proxy, err := egress.New(egress.Config{Upstream: in.name, Allow: in.places, Report: in.report})
	if err != nil {
		return fmt.Errorf("making an egress proxy: %w", err)
	}
	given := sandbox.Given{
		Write: []string{dir}, Own: []string{dir}, Hide: in.hide, Weaker: in.weaker,
		Limits: sandbox.Limits{Memory: installMemory, Disk: installDisk, Wall: installTime},
	}
	set := upstream.Settings{
		Name: in.name, Dir: dir, Command: append([]string{in.program}, args...),
		Sandbox: &upstream.Confinement{Given: given, Allow: in.places},
	}
	plan, env, err := upstream.ProvenBy(set, in.environment)
	env = append(env, "PIP_CONFIG_FILE="+os.DevNull, "TMPDIR="+dir) // pip unpacks what it fetched there
	if err != nil {
		return fmt.Errorf("preparing %s: %w", in.tool, err)
	}
	// Process 1 ends with the thread that started it (PR_SET_PDEATHSIG).
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var mk sandbox.Maker
	defer mk.Close()
	if sandbox.Probes {
		proof, err := mk.Prove(ctx, plan, env, (*exec.Cmd).Start)
		if err = errors.Join(err, proof.Err()); err != nil {
			return fmt.Errorf("%s is not confined as it should be: %w", in.tool, err)
		}
	}
	said := &head{}
	cmd := &exec.Cmd{Path: plan.Path, Args: set.Command, Dir: dir, Env: env, Stdout: said, Stderr: said}
	box, err := mk.Confine(cmd, plan, func(l net.Listener) {
		_ = proxy.Serve(l) // the program says then that it has no way out
	})
	if err != nil {
		return err
	}
	return in.wait(ctx, cmd, box, said)
}

// wait starts the program and waits for its end.
func (in *installation) wait(ctx context.Context, cmd *exec.Cmd, box *sandbox.Box, said *head) error {
	started := cmd.Start()
	if err := box.Started(started); err != nil {
		if started == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
		return err
	}
	defer box.Close()
	stop := context.AfterFunc(ctx, box.Close)
	defer stop()
	var limits []string
	var heard sync.WaitGroup
	heard.Go(func() {
		for r := range box.Reports() {
			if r.Kind != sandbox.Ended && len(limits) < 4 {
				limits = append(limits, r.Kind)
			}
		}
	})
	err := cmd.Wait()
	box.Ended()
	box.Close()
	heard.Wait()
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return in.fault(err, said.String(), limits)
	}
	return nil
}

// fault says why npm or pip failed.
func (in *installation) fault(err error, said string, limits []string) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	switch {
	case strings.Contains(said, "EINTEGRITY"):
		err = errors.New("npm refused an archive, which is not what the registry, or the list of the last installation, says that it is (EINTEGRITY)")
	case strings.Contains(said, "code E404"), strings.Contains(said, "code ETARGET"):
		err = fmt.Errorf("the registry at %s does not have it, or not what it needs", in.places[0])
	case strings.Contains(said, "DO NOT MATCH THE HASHES"):
		err = errors.New("pip refused a wheel, which is not what the index, or the list of the last installation, says that it is")
	case strings.Contains(said, "No module named pip"), strings.Contains(said, "no such option: --report"):
		err = fmt.Errorf("%s has no pip of version 22.2 or newer: install one (python3-pip)", in.program)
	case strings.Contains(said, "No matching distribution found") && in.silent == "":
		err = fmt.Errorf("the index at %s has no wheel of it, or of what it needs, for this machine", in.places[0])
	case in.silent != "":
		err = fmt.Errorf("the registry at %s does not answer: %s", in.places[0], in.silent)
	}
	if len(limits) > 0 {
		slices.Sort(limits)
		err = fmt.Errorf("%w; it met its limit of %s", err, strings.Join(slices.Compact(limits), ", "))
	}
	said = gate.Visible(strings.TrimSpace(said))
	return fmt.Errorf("%w; %s said: %s", err, in.tool, said[:min(len(said), maxToolShown)])
}

// head keeps the beginning of what is written.
type head struct{ bytes.Buffer }

// Write takes everything, and keeps what there is room for.
func (h *head) Write(b []byte) (int, error) {
	if room := maxToolOutput - h.Len(); room > 0 {
		h.Buffer.Write(b[:min(len(b), room)])
	}
	return len(b), nil
}

// firstBytes are what of a file says which interpreter it has; none of one that cannot be read.
func firstBytes(path string) []byte {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	raw := make([]byte, 256) // BINPRM_BUF_SIZE of Linux
	n, _ := f.Read(raw)
	return raw[:n]
}
