package app

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"doorward/internal/config"
	"doorward/internal/egress"
	"doorward/internal/gate"
	"doorward/internal/npm"
	"doorward/internal/sandbox"
	"doorward/internal/upstream"
)

// What npm is kept to while it installs one package with what that needs.
const (
	installMemory = 1 << 30
	installDisk   = 512 << 20 // of its cache, which ends with it
	installTime   = 10 * time.Minute
	maxNPMOutput  = 64 << 10 // bytes that are kept of what it prints
	maxNPMShown   = 600      // bytes that are shown of that
)

// PackageInstalled is the package that was installed for an upstream.
type PackageInstalled struct {
	Upstream string `json:"upstream"`
	npm.Installed
}

// PackageOrder says for which upstream a package is to be installed.
type PackageOrder struct {
	Upstream    string
	Registry    string   // URL; empty: that of npm
	Environment []string // Doorward's own
}

// InstallPackage installs the package that an upstream's command names, with npm in a
// sandbox that reaches the registry and nothing else.
func InstallPackage(ctx context.Context, cfg *config.Config, path string, o PackageOrder) (PackageInstalled, error) {
	name := o.Upstream
	u, there := cfg.Upstreams[name]
	if !there || u.Command == nil {
		return PackageInstalled{}, fmt.Errorf("no upstream that is a command is called %s", name)
	}
	if u.Sandbox.Contained() {
		return PackageInstalled{}, fmt.Errorf("upstream %s runs in a container, whose image has what it runs", name)
	}
	p, err := npm.Of(u.Command)
	if err != nil {
		return PackageInstalled{}, fmt.Errorf("upstream %s: %w", name, err)
	}
	in := installation{name: name, environment: o.Environment, weaker: u.Sandbox.AllowWeaker, hide: Owned(cfg, path), pack: p}
	if in.program, err = exec.LookPath("npm"); err != nil {
		return PackageInstalled{}, fmt.Errorf("npm is needed to install a package, and is not here: install Node.js with npm: %w", err)
	}
	registry := cmp.Or(o.Registry, "https://"+strings.TrimSuffix(sandbox.Registries("npx")[0], ":443")+"/")
	if in.place, err = placeOf(registry, u.Sandbox.Places()); err != nil {
		return PackageInstalled{}, err
	}
	dir, err := packageDir(cfg, name)
	if err != nil {
		return PackageInstalled{}, err
	}
	is, err := npm.Install(ctx, npm.Order{Package: p, Dir: dir, Registry: registry, Run: in.run})
	return PackageInstalled{name, is}, err
}

// placeOf is the place of a registry, as the upstream's own list has it where it does.
// Without TLS it is on this machine.
func placeOf(registry string, listed []string) (string, error) {
	u, err := url.Parse(registry)
	if err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", fmt.Errorf("the registry must be a URL such as https://registry.example.com/, without credentials or a query")
	}
	at, _ := netip.ParseAddr(u.Hostname())
	switch {
	case u.Scheme == "https":
	case u.Scheme == "http" && at.IsLoopback():
	default:
		return "", errors.New("the registry must be reached by https://")
	}
	place := net.JoinHostPort(strings.ToLower(u.Hostname()), cmp.Or(u.Port(), map[string]string{"https": "443", "http": "80"}[u.Scheme]))
	for _, l := range listed {
		if host, _, pinned := strings.Cut(l, "="); pinned && strings.EqualFold(host, place) {
			return l, nil
		}
	}
	return place, nil
}

// installation is one run of npm.
type installation struct {
	name        string
	program     string // npm
	pack        npm.Package
	place       string // of the registry
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

// run runs npm in a directory, which is the one place that it may write.
func (in *installation) run(ctx context.Context, dir string, args []string) error {
	proxy, err := egress.New(egress.Config{Upstream: in.name, Allow: []string{in.place}, Report: in.report})
	if err != nil {
		return fmt.Errorf("making an egress proxy: %w", err)
	}
	given := sandbox.Given{
		Write: []string{dir}, Own: []string{dir}, Hide: in.hide, Weaker: in.weaker,
		Limits: sandbox.Limits{Memory: installMemory, Disk: installDisk, Wall: installTime},
	}
	set := upstream.Settings{
		Name: in.name, Dir: dir, Command: append([]string{in.program}, args...),
		Sandbox: &upstream.Confinement{Given: given, Allow: []string{in.place}},
	}
	plan, env, err := upstream.ProvenBy(set, in.environment)
	if err != nil {
		return fmt.Errorf("preparing npm: %w", err)
	}
	// Process 1 ends with the thread that started it (PR_SET_PDEATHSIG).
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var mk sandbox.Maker
	defer mk.Close()
	if sandbox.Probes {
		proof, err := mk.Prove(ctx, plan, env, (*exec.Cmd).Start)
		if err = errors.Join(err, proof.Err()); err != nil {
			return fmt.Errorf("npm is not confined as it should be: %w", err)
		}
	}
	said := &head{}
	cmd := &exec.Cmd{Path: plan.Path, Args: set.Command, Dir: dir, Env: env, Stdout: said, Stderr: said}
	box, err := mk.Confine(cmd, plan, func(l net.Listener) {
		_ = proxy.Serve(l) // npm says then that it has no way out
	})
	if err != nil {
		return err
	}
	return in.wait(ctx, cmd, box, said)
}

// wait starts npm and waits for its end.
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

// fault says why npm failed.
func (in *installation) fault(err error, said string, limits []string) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	switch {
	case strings.Contains(said, "EINTEGRITY"):
		err = errors.New("npm refused an archive, which is not what the registry, or the list of the last installation, says that it is (EINTEGRITY)")
	case strings.Contains(said, "code E404"), strings.Contains(said, "code ETARGET"):
		err = fmt.Errorf("the registry at %s does not have it, or not what it needs", in.place)
	case in.silent != "":
		err = fmt.Errorf("the registry at %s does not answer: %s", in.place, in.silent)
	}
	if len(limits) > 0 {
		slices.Sort(limits)
		err = fmt.Errorf("%w; it met its limit of %s", err, strings.Join(slices.Compact(limits), ", "))
	}
	said = gate.Visible(strings.TrimSpace(said))
	return fmt.Errorf("installing %s: %w; npm said: %s", &in.pack, err, said[:min(len(said), maxNPMShown)])
}

// head keeps the beginning of what is written.
type head struct{ bytes.Buffer }

// Write takes everything, and keeps what there is room for.
func (h *head) Write(b []byte) (int, error) {
	if room := maxNPMOutput - h.Len(); room > 0 {
		h.Buffer.Write(b[:min(len(b), room)])
	}
	return len(b), nil
}
