package app

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"doorward/internal/config"
	"doorward/internal/npm"
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

// installed has a command of npx run what was installed for its upstream, without what it
// was let out for. One that names something else than what is installed is not started;
// nor is one for which nothing is, unless it may fetch its package at each start.
func installed(cfg *config.Config, set *upstream.Settings) {
	p, err := npm.Of(set.Command)
	if err != nil || set.Sandbox != nil && set.Sandbox.Kind != "" { // a container has its image's
		return
	}
	dir, err := packageDir(cfg, set.Name)
	var is npm.Installed
	if err == nil {
		is, err = npm.At(dir, p)
	}
	switch {
	case err == nil:
		set.Command = append([]string{npm.Node(set.Command[0]), is.Script}, p.Args...)
		if set.Sandbox != nil {
			set.Sandbox.Own = []string{dir}
			set.Sandbox.Allow = slices.DeleteFunc(slices.Clone(set.Sandbox.Allow), ofRegistry)
		}
	case errors.Is(err, npm.ErrNone) && (set.Sandbox == nil || slices.ContainsFunc(set.Sandbox.Allow, ofRegistry)):
	default:
		set.Absent = fmt.Sprintf("%s: %v: doorward upstream install %s", &p, err, set.Name)
	}
}

// ofRegistry tells of a place that is the registry which npx fetches from.
func ofRegistry(place string) bool {
	host, _, _ := strings.Cut(strings.TrimPrefix(place, "tcp://"), "=")
	return slices.Contains(sandbox.Registries("npx"), strings.ToLower(host))
}
