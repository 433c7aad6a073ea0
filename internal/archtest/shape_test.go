package archtest_test

import (
	"go/ast"
	"go/token"
	"iter"
	"slices"
	"strings"
	"testing"
	"unicode"
)

const (
	maxFile       = 500
	maxTestFile   = 800
	maxFunction   = 80
	maxParameters = 5
	maxMethods    = 5
)

// Names that say where code was put and not what it is.
var banned = []string{"manager", "util", "utils", "common", "helper", "helpers", "misc", "base", "engine", "service", "processor"}

// all ranges over every file of the module and the package it is in.
func all(t *testing.T) iter.Seq2[*pkg, *file] {
	t.Helper()
	found := packages(t)
	return func(yield func(*pkg, *file) bool) {
		for _, p := range found {
			for _, f := range p.files {
				if !yield(p, f) {
					return
				}
			}
		}
	}
}

func TestFilesStayShort(t *testing.T) {
	for _, f := range all(t) {
		limit := maxFile
		if f.test {
			limit = maxTestFile
		}
		if f.lines > limit && !ast.IsGenerated(f.ast) {
			t.Errorf("%s has %d lines, the limit is %d: split it by what it does", f.path, f.lines, limit)
		}
	}
}

func TestFunctionsStayShort(t *testing.T) {
	for _, f := range all(t) {
		for _, d := range f.ast.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Body == nil || f.test {
				continue
			}
			// The lines between the braces, as the linter counts them.
			if n := f.line(fn.Body.Rbrace) - f.line(fn.Body.Lbrace) - 1; n > maxFunction {
				t.Errorf("%s:%d: %s has %d lines, the limit is %d", f.path, f.line(fn.Pos()), fn.Name.Name, n, maxFunction)
			}
		}
	}
}

func TestFunctionsTakeFewParameters(t *testing.T) {
	for _, f := range all(t) {
		for _, d := range f.ast.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if n := fn.Type.Params.NumFields(); n > maxParameters {
				t.Errorf("%s:%d: %s takes %d parameters, the limit is %d: use a struct", f.path, f.line(fn.Pos()), fn.Name.Name, n, maxParameters)
			}
		}
	}
}

func TestInterfacesStaySmall(t *testing.T) {
	for _, f := range all(t) {
		eachType(f, func(spec *ast.TypeSpec) {
			if i, ok := spec.Type.(*ast.InterfaceType); ok && i.Methods.NumFields() > maxMethods {
				t.Errorf("%s:%d: interface %s has %d methods, the limit is %d", f.path, f.line(spec.Pos()), spec.Name.Name, i.Methods.NumFields(), maxMethods)
			}
		})
	}
}

func TestNoInit(t *testing.T) {
	for _, f := range all(t) {
		for _, d := range f.ast.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s:%d: func init runs unseen: call it from where it is needed", f.path, f.line(fn.Pos()))
			}
		}
	}
}

func TestPackagesHaveAComment(t *testing.T) {
	for _, p := range packages(t) {
		documented, testOnly := false, true
		for _, f := range p.files {
			testOnly = testOnly && f.test
			documented = documented || !f.test && f.ast.Doc != nil
		}
		if !testOnly && !documented {
			t.Errorf("package %s has no package comment: say what it is, who calls it and what it never does", p.name)
		}
	}
}

func TestNamesSaySomething(t *testing.T) {
	for p, f := range all(t) {
		for element := range strings.SplitSeq(p.name, "/") {
			if slices.Contains(banned, element) {
				t.Errorf("package %s: the name %q says nothing", p.name, element)
			}
		}
		base := strings.TrimSuffix(f.path[strings.LastIndex(f.path, "/")+1:], ".go")
		for element := range strings.SplitSeq(base, "_") {
			if slices.Contains(banned, element) {
				t.Errorf("%s: %q says nothing in a file's name", f.path, element)
			}
		}
		eachType(f, func(spec *ast.TypeSpec) {
			for _, word := range words(spec.Name.Name) {
				if slices.Contains(banned, word) {
					t.Errorf("%s:%d: %q says nothing in the name of type %s", f.path, f.line(spec.Pos()), word, spec.Name.Name)
				}
			}
		})
	}
}

func TestWords(t *testing.T) {
	for _, tc := range []struct{ name, want string }{
		{"KeyManager", "key manager"},
		{"manager", "manager"},
		{"HTTPService", "http service"},
		{"Database", "database"},
		{"base64Reader", "base64 reader"},
		{"ID", "id"},
	} {
		if got := strings.Join(words(tc.name), " "); got != tc.want {
			t.Errorf("words(%q) = %q, want %q", tc.name, got, tc.want)
		}
	}
}

// words splits a Go name into its words, in lower case.
func words(name string) []string {
	var list []string
	runes := []rune(name)
	start := 0
	for i := 1; i <= len(runes); i++ {
		if i < len(runes) {
			lower := unicode.IsUpper(runes[i]) && !unicode.IsUpper(runes[i-1])
			acronym := unicode.IsUpper(runes[i]) && i+1 < len(runes) && unicode.IsLower(runes[i+1])
			if !lower && !acronym {
				continue
			}
		}
		list = append(list, strings.ToLower(string(runes[start:i])))
		start = i
	}
	return list
}

// eachType calls fn for every type a file declares at its top level.
func eachType(f *file, fn func(*ast.TypeSpec)) {
	for _, d := range f.ast.Decls {
		decl, ok := d.(*ast.GenDecl)
		if !ok || decl.Tok != token.TYPE {
			continue
		}
		for _, s := range decl.Specs {
			if spec, ok := s.(*ast.TypeSpec); ok {
				fn(spec)
			}
		}
	}
}

func (f *file) line(p token.Pos) int { return f.set.Position(p).Line }
