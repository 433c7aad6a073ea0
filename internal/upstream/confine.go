package upstream

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"

	"doorward/internal/sandbox"
	"doorward/internal/sandbox/container"
)

// Confinement is what a command is given in its sandbox, beside what it needs to run.
type Confinement struct {
	sandbox.Given
	Runsc bool     // gVisor answers the command's system calls, in what this system has
	Kind  string   // container.Docker or container.Podman; empty: what this system has
	Image string   // of a container, by its digest
	Allow []string // host:port of the places that it may reach through the egress proxy; none: no network at all
}

// cell is what confines one process: a sandbox of this system, or a container.
type cell interface {
	// Started ends the preparation with what starting the process returned.
	Started(err error) error
	// Reports yields the limits that were met, until the process has ended.
	Reports() <-chan sandbox.Report
	// Ended says that the process was waited for.
	Ended()
	// Kill ends everything in it at once, as far as more than the process is known.
	Kill()
	// Close ends what is left, and waits for that.
	Close()
}

// errUnsupervised is a program that cannot be process 1 of a sandbox.
var errUnsupervised = errors.New("this program cannot confine a command: it does not run sandbox.Init")

// errFetches is such a program without a network.
var errFetches = errors.New("sandbox: the command fetches what it runs, and has no network")

// lacking says, for the record, what a command runs without.
func (c *Confinement) lacking() string {
	switch {
	case c == nil:
		return ", not confined"
	case c.contained() && len(c.Weaker) > 0:
		return ", in " + c.Kind + " of any version"
	case c.contained():
		return ", in " + c.Kind
	case c.Runsc && slices.Contains(c.Weaker, sandbox.Runtime):
		return ", in runsc of any version"
	case c.Runsc:
		return ", in runsc"
	case len(c.missing()) > 0:
		return ", without " + strings.Join(c.missing(), ", ")
	}
	return ""
}

// launch starts the command, in its sandbox where it has one. Nothing of a command that
// could not be started is left.
func (s *server) launch(ctx context.Context, cmd *exec.Cmd, r reach) (cell, error) {
	if s.pool.cfg.Supervised {
		s.pool.maker.Settle()
	}
	c := s.set.Sandbox
	if c == nil {
		s.log.WarnContext(ctx, "upstream is not confined", "upstream", s.set.Name)
		return nil, s.bare(cmd, r)
	}
	if c.contained() {
		return s.contain(cmd)
	}
	if !s.pool.cfg.Supervised {
		return nil, errUnsupervised
	}
	plan, err := s.pool.plan(&s.set, r)
	if err != nil {
		return nil, err
	}
	if err := s.prove(ctx, &plan); err != nil {
		return nil, fmt.Errorf("%w: %w", errUnproven, err)
	}
	var proxy func(net.Listener)
	if plan.Egress {
		proxy = func(l net.Listener) { s.pool.cfg.Egress(s.set.Name, c.Allow, l) }
	}
	box, err := s.pool.maker.Confine(cmd, plan, proxy)
	if err != nil {
		return nil, err
	}
	started := s.pool.spawner.start(cmd)
	if err := box.Started(started); err != nil {
		if started == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
		return nil, err
	}
	return box, nil
}

// bare starts the command with Doorward's own rights, from the very file that was digested.
func (s *server) bare(cmd *exec.Cmd, r reach) error {
	above := 0
	for _, end := range []any{cmd.Stdin, cmd.Stdout, cmd.Stderr} {
		if f, ok := end.(*os.File); ok {
			above = max(above, int(f.Fd()))
		}
	}
	image, err := sandbox.OpenImage(r.path, cmd.Args, r.files, above)
	if err != nil {
		return err
	}
	defer image.Close()
	dress(cmd, image, s.pool.cfg.Supervised)
	if err := s.pool.spawner.start(cmd); err != nil {
		return err
	}
	if err := image.Unchanged(); err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return err
	}
	return nil
}

// plan is what a command would be started with.
func (p *Pool) plan(set *Settings, r reach) (sandbox.Plan, error) {
	given := set.Sandbox.Given
	given.Egress = len(set.Sandbox.Allow) > 0
	if from := sandbox.Registries(set.Command[0]); from != nil && !given.Egress {
		return sandbox.Plan{}, fmt.Errorf("%w: install the package and name its program, or let it out: sandbox: {network: [%s], memory: 1GiB, disk: 512MiB}", errFetches, strings.Join(from, ", "))
	}
	if given.Egress && p.cfg.Egress == nil {
		return sandbox.Plan{}, errors.New("sandbox: there is no egress proxy here")
	}
	if set.Sandbox.Runsc {
		runsc, err := given.FindRunsc()
		if err != nil {
			return sandbox.Plan{}, err
		}
		given.Runsc = &runsc
	}
	program := sandbox.Program{Path: r.path, Dir: set.Dir, Search: p.variable("PATH"), Home: p.variable("HOME")}
	if program.Dir == "" {
		program.Dir = "/"
	}
	for _, f := range r.files[1:] {
		program.Files = append(program.Files, f.Path)
	}
	return sandbox.NewPlan(program, given, r.files)
}

// Shown is a plan for people: one of the two.
type Shown struct {
	*sandbox.Plan

	Kept      []sandbox.Kept  `json:"kept,omitempty"` // of a process, as it is seen from here
	Container *container.Plan `json:"container,omitempty"`
}

// PlanOf is what an upstream's command would be started with now; environment and
// owner are as in Config. Nothing is started.
func PlanOf(set Settings, environment []string, owner string) (Shown, error) {
	if set.Sandbox == nil {
		return Shown{}, fmt.Errorf("upstream %s is not confined", set.Name)
	}
	p := &Pool{cfg: Config{Environment: environment, Owner: owner, Egress: func(string, []string, net.Listener) {}}}
	if set.Sandbox.contained() {
		if err := set.Sandbox.Guard(); err != nil {
			return Shown{}, err
		}
		c, err := p.client(set.Sandbox.Kind)
		if err != nil {
			return Shown{}, err
		}
		plan, err := c.Plan(p.spec(&set, slices.Collect(maps.Keys(set.Env))))
		return Shown{Container: &plan}, err
	}
	r, err := p.identify(&server{pool: p, set: set})
	if err != nil {
		return Shown{}, err
	}
	plan, err := p.plan(&set, r)
	return Shown{Plan: &plan, Kept: sandbox.Keepers()}, err
}

// inherited is what of Doorward's own environment a command gets. A confined one has a
// home of its own, and is told where the proxy is.
func (s *server) inherited() []string {
	if s.set.Sandbox.contained() {
		return nil // a container has its image's, and what the operator sets
	}
	env := cleanEnvironment(s.pool.cfg.Environment)
	if c := s.set.Sandbox; c != nil {
		env = slices.DeleteFunc(env, func(kv string) bool {
			return strings.HasPrefix(kv, "HOME=") || strings.HasPrefix(kv, "TMPDIR=") || strings.HasPrefix(kv, "USER=")
		})
		env = append(env, "HOME="+sandbox.Home, "TMPDIR=/tmp", "USER=sandbox", "LOGNAME=sandbox")
		if len(c.Allow) > 0 {
			http, socks := "http://"+sandbox.Proxy, "socks5h://"+sandbox.Proxy
			env = append(env, "HTTP_PROXY="+http, "HTTPS_PROXY="+http, "http_proxy="+http, "https_proxy="+http,
				"ALL_PROXY="+socks, "all_proxy="+socks, "NO_PROXY=", "NODE_USE_ENV_PROXY=1")
		}
	}
	// What the operator sets stands for what is inherited.
	return slices.DeleteFunc(env, func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		_, set := s.set.Env[name]
		return set
	})
}
