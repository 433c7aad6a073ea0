package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Runsc is the kind of sandbox, and the program, that answers a command's system calls in
// place of this system's kernel (gVisor).
const Runsc = "runsc"

// Where runsc is in the root that is made for it. The command does not see it: something
// empty lies over it there.
const (
	runscDir     = "/.runsc"
	runscProgram = runscDir + "/runsc"
	runscState   = runscDir + "/state"
	runscLog     = runscDir + "/log"
	runscPid     = runscDir + "/pid"
)

// oldestRunsc is the date of the oldest release that may serve: the first after CVE-2025-2713
// was published, on 2025-03-28, mended (a command had more rights than it was given until it
// first forked). Releases are dated, some each month, and none is mended later.
const oldestRunsc = 20250407

// How long runsc may take to say its version, and how much of it is read.
const (
	versionPatience = 10 * time.Second
	maxVersion      = 512
)

// FindRunsc is the runsc of this system's PATH; one below the floor, or of an unknown version,
// only where Weaker lets it serve. It is executed to ask it, so that one that a command may have put
// there is refused before. upstream calls it before a plan is made.
func (g *Given) FindRunsc() (File, error) {
	if runtime.GOOS != "linux" {
		return File{}, errors.New("sandbox: runsc is for Linux: use kind docker")
	}
	found, err := exec.LookPath(Runsc)
	if err != nil {
		return File{}, fmt.Errorf("sandbox: finding runsc: %w: install gVisor (https://gvisor.dev), or leave out kind", err)
	}
	if found, err = g.unplanted(found); err != nil {
		return File{}, fmt.Errorf("sandbox: finding runsc: %w", err)
	}
	is, err := Look(found)
	if err != nil {
		return File{}, fmt.Errorf("sandbox: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), versionPatience)
	defer cancel()
	cmd := exec.CommandContext(ctx, found, "--version")
	cmd.Env, cmd.WaitDelay = []string{}, time.Second
	said, err := cmd.Output()
	if err != nil {
		return File{}, fmt.Errorf("sandbox: asking runsc for its version: %w", err)
	}
	if aged := CheckRunsc(string(said[:min(len(said), maxVersion)])); aged != nil && !slices.Contains(g.Weaker, Runtime) {
		return File{}, fmt.Errorf("sandbox: %w: bring it up to date, or write sandbox: {allow_weaker: [runtime]}", aged)
	}
	return is, nil
}

// unplanted is the file that a path leads to, which no command may have put there.
func (g *Given) unplanted(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if link := g.planted(path); link != "" {
		return "", fmt.Errorf("the link %s lies where a command may write: it could be made to lead anywhere", link)
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return "", err
	}
	for _, p := range g.Planted {
		if led, err := filepath.EvalSymlinks(p); err == nil && within(path, led) {
			return "", fmt.Errorf("%s lies in %s, where a command may write", path, p)
		}
	}
	return path, nil
}

// release is the date of a release of gVisor, as runsc --version has it: release-20250407.0.
var release = regexp.MustCompile(`^runsc version \S*?\b(20[0-9]{6})\.[0-9]+`)

// CheckRunsc refuses the version below the floor, and what says none, of what runsc --version
// said.
func CheckRunsc(said string) error {
	m := release.FindStringSubmatch(said)
	if m == nil {
		line, _, _ := strings.Cut(said, "\n")
		return fmt.Errorf("the version of runsc is not known (%.60q); %d is the oldest that may serve (CVE-2025-2713)", line, oldestRunsc)
	}
	if date, err := strconv.Atoi(m[1]); err != nil || date < oldestRunsc {
		return fmt.Errorf("runsc %s is older than %d, which mends CVE-2025-2713", m[1], oldestRunsc)
	}
	return nil
}

// Of gVisor beside the command: its own memory in bytes, and its own threads. Each thread of
// the command is one of gVisor's kernel and, on some of its platforms, one more.
const (
	runscMemory = 64 << 20
	runscTasks  = 64
)

// outer are the limits of all that a plan runs on this system, as the watch keeps them.
func (p *Plan) outer() Limits {
	if p.Runsc != nil {
		return p.Limits.around()
	}
	return p.Limits
}

// runscSpare is how much more of tasks the kernel lets gVisor have than the watch, which ends it
// at twice its own limit: gVisor ends without a word when it gets no thread. Of its ptrace platform
// some eight are one process of the command's, whose number it keeps itself (inGVisor).
const runscSpare = 5

// ceilings are the limits that this system's kernel keeps of all that a plan runs.
func (p *Plan) ceilings() Limits {
	l := p.outer()
	if p.Runsc != nil {
		l.Tasks *= runscSpare
	}
	return l
}

// around are the limits of runsc with the command in it, which is what this system sees.
func (l Limits) around() Limits {
	l.Memory += runscMemory
	l.Tasks = 2*l.Tasks + runscTasks
	return l
}
