package python

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"doorward/internal/fetched"
)

// Requirement is one distribution in one version.
type Requirement struct {
	Name    string   // as it is written
	Extras  []string // that are installed with it
	Version string   // exact
}

// String is the requirement as pip reads it (PEP 508).
func (r Requirement) String() string {
	extras := ""
	if len(r.Extras) > 0 {
		extras = "[" + strings.Join(r.Extras, ",") + "]"
	}
	return r.Name + extras + "==" + r.Version
}

// Package is what a command of a runner runs.
type Package struct {
	Requirement

	With    []Requirement // installed beside it
	Program string        // of its programs; empty: its only one, or the one of its name
	Args    []string      // of that
}

// What a command lacks for its package to be installed.
var (
	ErrNotRunner = errors.New("the command is not uvx PACKAGE@VERSION, uvx --from PACKAGE==VERSION PROGRAM, uv tool run or pipx run")
	ErrOption    = errors.New("the command says more than which package and program")
	ErrInexact   = errors.New("no exact version is named")
)

// maxWord bounds a requirement, in bytes. The longest name on PyPI has fewer than 100.
const maxWord = 214

// What is taken of a requirement: names and extras of the core metadata (PEP 508), and
// versions of PEP 440 without a star. None can be a path, a URL or an option.
//
//nolint:gochecknoglobals // compiled when first used; read-only
var (
	requirements = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)(?:\[([A-Za-z0-9._,-]+)\])?(?:==|@)(.*)$`)
	})
	versions = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^(\d+!)?\d+(\.\d+)*((a|b|rc)\d+)?(\.post\d+)?(\.dev\d+)?(\+[a-z0-9]+(\.[a-z0-9]+)*)?$`)
	})
	names = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$`) })
)

// idle are options of a runner that change nothing of what is installed.
//
//nolint:gochecknoglobals // a table; read-only
var idle = []string{"--quiet", "--verbose", "--isolated", "--no-progress", "--no-config", "--no-cache", "--offline", "--no-python-downloads"}

// Of is the package of a command. Any other option of a runner is an error.
func Of(command []string) (Package, error) {
	r, ok := fetched.RunnerOf(command)
	if !ok {
		return Package{}, ErrNotRunner
	}
	if len(r.Words) == 0 {
		return Package{}, fmt.Errorf("%w: it names none", ErrInexact)
	}
	var p Package
	from := ""
	for _, o := range r.Options {
		switch {
		case (o.Name == "--from" || o.Name == "--spec") && from == "":
			from = o.Value
		case o.Name == "--with":
			for word := range strings.SplitSeq(o.Value, ",") {
				with, err := requirement(word)
				if err != nil {
					return Package{}, err
				}
				p.With = append(p.With, with)
			}
		case slices.Contains(idle, o.Name):
		default:
			return Package{}, fmt.Errorf("%w: take %s out", ErrOption, o.Name)
		}
	}
	p.Args = r.Words[1:]
	if from == "" {
		from = r.Words[0]
	} else if p.Program = r.Words[0]; !names().MatchString(p.Program) {
		return Package{}, fmt.Errorf("%w: %q is no name of a program", ErrOption, p.Program)
	}
	own, err := requirement(from)
	if err != nil {
		return Package{}, err
	}
	p.Requirement = own
	return p, nil
}

// requirement reads name==1.2.3, and name@1.2.3 as uv has it.
func requirement(word string) (Requirement, error) {
	parts := requirements().FindStringSubmatch(word)
	if len(word) > maxWord || parts == nil || !versions().MatchString(parts[3]) {
		return Requirement{}, fmt.Errorf("%w: write NAME==1.2.3 in place of %q", ErrInexact, word[:min(len(word), maxWord)])
	}
	r := Requirement{Name: parts[1], Version: parts[3]}
	if parts[2] != "" {
		r.Extras = strings.Split(parts[2], ",")
	}
	return r, nil
}

// separators are what names may have one for the other (PEP 503).
//
//nolint:gochecknoglobals // compiled when first used; read-only
var separators = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`[-_.]+`) })

// Normal is a name as indexes compare them (PEP 503).
func Normal(name string) string { return separators().ReplaceAllString(strings.ToLower(name), "-") }

// asked are the requirements of a package in one spelling, sorted.
func (p *Package) asked() []string {
	var all []string
	for _, r := range append([]Requirement{p.Requirement}, p.With...) {
		r.Name = Normal(r.Name)
		r.Extras = slices.Clone(r.Extras)
		for i, e := range r.Extras {
			r.Extras[i] = Normal(e)
		}
		slices.Sort(r.Extras)
		all = append(all, r.String())
	}
	slices.Sort(all)
	return all
}
