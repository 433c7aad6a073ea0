package app

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"doorward/internal/config"
	"doorward/internal/npm"
	"doorward/internal/python"
	"doorward/internal/sandbox"
	"doorward/internal/upstream"
)

// packageDir is where the package of an upstream's command is installed, without links.
func packageDir(cfg *config.Config, name string) (string, error) {
	dir, err := filepath.Abs(cfg.DataDir)
	if err != nil {
		return "", fmt.Errorf("finding data_dir: %w", err)
	}
	if led, err := filepath.EvalSymlinks(dir); err == nil {
		dir = led // else it is not there yet
	}
	return filepath.Join(dir, "packages", name), nil
}

// installed has a command of npx, uvx or pipx run what was installed for its upstream, without
// what it was let out for. One that names something else than what is installed is not
// started; nor is one for which nothing is, unless it may fetch its package at each start.
func installed(cfg *config.Config, set *upstream.Settings) {
	if set.Sandbox != nil && set.Sandbox.Kind != "" { // a container has its image's
		return
	}
	dir, err := packageDir(cfg, set.Name)
	if p, ours := npm.Of(set.Command); ours == nil {
		var is npm.Installed
		if err == nil {
			is, err = npm.At(dir, p)
		}
		runs(set, p.String(), dir, append([]string{npm.Node(set.Command[0]), is.Script}, p.Args...), err)
		return
	}
	p, ours := python.Of(set.Command)
	if ours != nil {
		return
	}
	var is python.Installed
	if err == nil {
		is, err = python.At(dir, p)
	}
	runs(set, p.String(), dir, is.Command(p.Args), err)
	if err == nil && set.Sandbox != nil {
		set.Sandbox.Read = append(slices.Clone(set.Sandbox.Read), dir)
	}
}

// runs has an upstream run what is installed in a directory, unless err says why it cannot.
func runs(set *upstream.Settings, named, dir string, command []string, err error) {
	from := sandbox.Registries(set.Command[0])
	if from == nil {
		from = sandbox.Registries("uvx") // uv tool run
	}
	ofRegistry := func(place string) bool {
		host, _, _ := strings.Cut(strings.TrimPrefix(place, "tcp://"), "=")
		return slices.Contains(from, strings.ToLower(host))
	}
	switch {
	case err == nil:
		set.Command = command
		if set.Sandbox != nil {
			set.Sandbox.Own = []string{dir}
			set.Sandbox.Allow = slices.DeleteFunc(slices.Clone(set.Sandbox.Allow), ofRegistry)
		}
	case (errors.Is(err, npm.ErrNone) || errors.Is(err, python.ErrNone)) && (set.Sandbox == nil || slices.ContainsFunc(set.Sandbox.Allow, ofRegistry)):
	default:
		set.Absent = fmt.Sprintf("%s: %v: doorward upstream install %s", named, err, set.Name)
	}
}
