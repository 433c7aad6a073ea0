package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os/exec"
	"strings"

	"doorward/internal/config"
	"doorward/internal/npm"
	"doorward/internal/python"
	"doorward/internal/sandbox"
)

// PackageInstalled is the package that was installed for an upstream.
type PackageInstalled struct {
	Upstream  string   `json:"upstream"`
	Name      string   `json:"name"`
	Version   string   `json:"version"`
	Integrity string   `json:"integrity"`       // of its archive
	Packages  int      `json:"packages"`        // with those that it depends on
	Unrun     []string `json:"unrun,omitempty"` // the packages with a script for the installation, which was not run; of Python, files with lines that would run at every start, and do not
	Dir       string   `json:"dir"`             // that it is installed in
	Script    string   `json:"script"`          // that the interpreter runs
	Python    string   `json:"python,omitempty"`
}

// PackageOrder says for which upstream a package is to be installed.
type PackageOrder struct {
	Upstream    string
	Registry    string   // URL; empty: that of npm, or PyPI's index
	Python      string   // the interpreter for a package of Python; empty: the first python3 in PATH that is no script
	Environment []string // Doorward's own
}

// InstallPackage installs the package that an upstream's command names, with npm or pip in a
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
	dir, err := packageDir(cfg, name)
	if err != nil {
		return PackageInstalled{}, err
	}
	in := installation{name: name, environment: o.Environment, weaker: u.Sandbox.AllowWeaker, hide: Owned(cfg, path)}
	p, err := npm.Of(u.Command)
	if err == nil {
		return in.fromNPM(ctx, npm.Order{Package: p, Dir: dir, Registry: o.Registry}, u.Sandbox.Places())
	}
	of, other := python.Of(u.Command)
	switch {
	case other == nil:
		return in.fromPyPI(ctx, python.Order{Package: of, Dir: dir, Index: o.Registry, Python: o.Python}, u.Sandbox.Places())
	case !errors.Is(other, python.ErrNotRunner):
		err = other
	case errors.Is(err, npm.ErrNotNPX):
		err = fmt.Errorf("%w, nor uvx, uv tool run or pipx run with one", err)
	}
	return PackageInstalled{}, fmt.Errorf("upstream %s: %w", name, err)
}

// fromNPM installs a package of npm.
func (in *installation) fromNPM(ctx context.Context, o npm.Order, listed []string) (done PackageInstalled, err error) {
	in.tool = "npm"
	if in.program, err = exec.LookPath("npm"); err != nil {
		return done, fmt.Errorf("npm is needed to install a package, and is not here: install Node.js with npm: %w", err)
	}
	o.Registry = cmp.Or(o.Registry, "https://"+strings.TrimSuffix(sandbox.Registries("npx")[0], ":443")+"/")
	place, err := placeOf(o.Registry, listed)
	if err != nil {
		return done, err
	}
	in.places, o.Run = []string{place}, in.run
	is, err := npm.Install(ctx, o)
	return PackageInstalled{in.name, is.Name, is.Version, is.Integrity, is.Packages, is.Unrun, is.Dir, is.Script, ""}, err
}

// fromPyPI installs a package of Python.
func (in *installation) fromPyPI(ctx context.Context, o python.Order, listed []string) (done PackageInstalled, err error) {
	in.tool = "pip"
	if in.program, err = interpreter(o.Python, in.environment); err != nil {
		return done, err
	}
	in.places = sandbox.Registries("uvx") // the index, and where it has its files
	if o.Index != "" {
		place, err := placeOf(o.Index, listed)
		if err != nil {
			return done, err
		}
		in.places = []string{place}
	}
	o.Index, o.Python, o.Run = cmp.Or(o.Index, "https://"+strings.TrimSuffix(in.places[0], ":443")+"/simple/"), in.program, in.run
	is, err := python.Install(ctx, o)
	return PackageInstalled{in.name, is.Name, is.Version, is.Integrity, is.Packages, is.Unrun, is.Dir, is.Script, is.Python}, err
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
