// Command systems checks the types of everything that the gateway's binary is made of,
// for each system that is named to it but this one. make lint runs it, with the systems of
// make cross, which builds the binaries. It reads the sources alone and makes nothing: building six binaries anew
// costs six minutes and more, this some seconds for each, and what breaks a build for
// another system is nearly always a name that is missing there.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// maxErrors bounds what is said of one package.
const maxErrors = 10

func main() {
	module := flag.String("module", "doorward", "whose functions are looked into; of others only what they declare")
	root := flag.String("root", "./cmd/doorward", "the binary's package")
	flag.Parse()
	if err := run(os.Stdout, *module, *root, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run checks all targets but this system, as many at a time as there are processors.
func run(w io.Writer, module, root string, targets []string) error {
	targets = slices.DeleteFunc(slices.Clone(targets), func(target string) bool { return target == runtime.GOOS+"/"+runtime.GOARCH })
	if len(targets) == 0 {
		return errors.New("no other system is named: SYSTEM/PROCESSOR, as go tool dist list has them")
	}
	var wg sync.WaitGroup
	room := make(chan struct{}, runtime.GOMAXPROCS(0))
	found := make([]error, len(targets))
	for i, target := range targets {
		wg.Go(func() {
			room <- struct{}{}
			defer func() { <-room }()
			found[i] = check(target, module, root)
		})
	}
	wg.Wait()
	for i, target := range targets {
		if found[i] == nil {
			_, _ = fmt.Fprintln(w, "ok", target)
		}
	}
	return errors.Join(found...)
}

// source is a package as go list tells of it.
type source struct {
	ImportPath, Dir string
	GoFiles         []string
	ImportMap       map[string]string
}

// check reads and checks every package that a target's binary has, each after those that it imports.
func check(target, module, root string) error {
	system, arch, _ := strings.Cut(target, "/")
	cmd := exec.Command("go", "list", "-deps", "-json=ImportPath,Dir,GoFiles,ImportMap", root)
	cmd.Env = append(os.Environ(), "GOOS="+system, "GOARCH="+arch, "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("listing packages for %s: %w", target, err)
	}
	c := checker{arch: arch, module: module, fset: token.NewFileSet(), seen: map[string]*types.Package{"unsafe": types.Unsafe}}
	for list := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p source
		if err := list.Decode(&p); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("listing packages for %s: %w", target, err)
		}
		if err := c.add(&p); err != nil {
			return fmt.Errorf("%s: %w", target, err)
		}
	}
}

type checker struct {
	arch, module string
	fset         *token.FileSet
	seen         map[string]*types.Package
}

// add checks one package.
func (c *checker) add(p *source) error {
	if p.ImportPath == "unsafe" {
		return nil
	}
	ours := p.ImportPath == c.module || strings.HasPrefix(p.ImportPath, c.module+"/")
	files := make([]*ast.File, 0, len(p.GoFiles))
	for _, name := range p.GoFiles {
		f, err := parser.ParseFile(c.fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		files = append(files, f)
	}
	var found []error
	conf := types.Config{
		IgnoreFuncBodies: !ours, FakeImportC: true, Sizes: types.SizesFor("gc", c.arch),
		Importer: imports{c, p.ImportMap},
		Error: func(err error) {
			if len(found) < maxErrors {
				found = append(found, err)
			}
		},
	}
	checked, _ := conf.Check(p.ImportPath, c.fset, files, nil)
	c.seen[p.ImportPath] = checked
	if !ours {
		return nil // the compiler of its authors has seen it
	}
	return errors.Join(found...)
}

// imports finds what a package imports among those that were checked before it.
type imports struct {
	c  *checker
	as map[string]string
}

func (i imports) Import(path string) (*types.Package, error) {
	if to, ok := i.as[path]; ok {
		path = to
	}
	if p := i.c.seen[path]; p != nil {
		return p, nil
	}
	return nil, fmt.Errorf("%s is not there", path)
}
