package archtest_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// A pkg is one directory with Go files in it.
type pkg struct {
	name  string // below internal/, or the path for the rest: "gate", "cmd/doorward"
	files []*file
}

// A file is one parsed Go file.
type file struct {
	path  string // from the root of the module, with slashes
	test  bool
	lines int
	set   *token.FileSet
	ast   *ast.File
}

const module = "doorward"

var load = sync.OnceValues(func() ([]*pkg, error) { return walk("../..") })

// packages returns every package of the module, parsed once for all tests.
func packages(t *testing.T) []*pkg {
	t.Helper()
	found, err := load()
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		t.Fatal("found no package: is this the module's root?")
	}
	return found
}

func walk(root string) ([]*pkg, error) {
	var found []*pkg
	byName := map[string]*pkg{}
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			if rel != "." && skipped(root, rel, d.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(rel, ".go") {
			return nil
		}
		f, err := parse(name, rel)
		if err != nil {
			return err
		}
		short := shortName(path.Dir(rel))
		if byName[short] == nil {
			byName[short] = &pkg{name: short}
			found = append(found, byName[short])
		}
		byName[short].files = append(byName[short].files, f)
		return nil
	})
	return found, err
}

// skipped says which directories the go command does not look into either:
// hidden ones, test data, and modules of their own.
func skipped(root, rel, base string) bool {
	if base == "testdata" || base == "vendor" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") {
		return true
	}
	_, err := os.Stat(filepath.Join(root, filepath.FromSlash(rel), "go.mod"))
	return err == nil
}

func parse(name, rel string) (*file, error) {
	src, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	set := token.NewFileSet()
	tree, err := parser.ParseFile(set, rel, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	return &file{
		path:  rel,
		test:  strings.HasSuffix(rel, "_test.go"),
		lines: strings.Count(string(src), "\n"),
		set:   set,
		ast:   tree,
	}, nil
}

// ours lists the imports that belong to this module, by short name.
func (f *file) ours() []string {
	var names []string
	for _, spec := range f.ast.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue // the parser has refused it already
		}
		if rest, ok := strings.CutPrefix(imported, module+"/"); ok {
			names = append(names, shortName(rest))
		}
	}
	return names
}

func shortName(dir string) string { return strings.TrimPrefix(dir, "internal/") }
