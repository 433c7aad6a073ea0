package npm

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Package is what a command of npx runs.
type Package struct {
	Name    string
	Version string   // exact
	Args    []string // of the package's own program
}

func (p *Package) String() string { return p.Name + "@" + p.Version }

// What a command lacks for its package to be installed.
var (
	ErrNotNPX  = errors.New("the command is not npx PACKAGE@VERSION")
	ErrInexact = errors.New("no exact version is named")
)

// maxName is npm's bound of a name, in bytes (validate-npm-package-name).
const maxName = 214

// The names and versions that are taken: those that a registry takes of a new package
// (docs.npmjs.com, package.json, name), and Semantic Versioning 2.0.0. None can be a path
// that leads elsewhere, nor an option.
//
//nolint:gochecknoglobals // compiled when first used; read-only
var (
	names = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^(@[a-z0-9_~-][a-z0-9._~-]*/)?[a-z0-9~-][a-z0-9._~-]*$`)
	})
	versions = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$`)
	})
)

// Node is the node that an npx runs with: the one beside it, where it is named by its path
// and one is there; else that of PATH.
func Node(npx string) string {
	name := "node"
	if strings.EqualFold(filepath.Ext(npx), ".cmd") || strings.EqualFold(filepath.Ext(npx), ".exe") { // of Windows
		name = "node.exe"
	}
	beside := filepath.Join(filepath.Dir(npx), name)
	if info, err := os.Stat(beside); filepath.IsAbs(npx) && err == nil && info.Mode().IsRegular() {
		return beside
	}
	return "node"
}

// Of is the package of a command: npx PACKAGE@VERSION, or npx -y before it. Any other
// option of npx makes it another command.
func Of(command []string) (Package, error) {
	if len(command) == 0 || !isNPX(command[0]) {
		return Package{}, ErrNotNPX
	}
	words := command[1:]
	for len(words) > 0 && slices.Contains([]string{"-y", "--yes"}, words[0]) {
		words = words[1:]
	}
	if len(words) > 0 && words[0] == "--" {
		words = words[1:]
	}
	if len(words) == 0 || strings.HasPrefix(words[0], "-") {
		return Package{}, ErrNotNPX
	}
	p := Package{Name: words[0], Args: words[1:]}
	if at := strings.LastIndex(words[0], "@"); at > 0 {
		p.Name, p.Version = words[0][:at], words[0][at+1:]
	}
	switch {
	case len(p.Name) > maxName || !names().MatchString(p.Name) || strings.HasPrefix(p.Name, "-"):
		return Package{}, fmt.Errorf("%w: %q is no name of a package in a registry", ErrNotNPX, p.Name)
	case len(p.Version) > maxName || !versions().MatchString(p.Version):
		return Package{}, fmt.Errorf("%w: write %s@1.2.3", ErrInexact, p.Name)
	}
	return p, nil
}

func isNPX(word string) bool {
	name := strings.ToLower(path.Base(strings.ReplaceAll(word, `\`, "/")))
	return slices.Contains([]string{"npx", "npx.cmd", "npx.exe"}, name)
}
