package cli_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The parts of docs/reference/findings.md that -update writes: the rules about
// credentials, which are many and say what they are by their names.
const (
	credentialsBegin = "<!-- rules about credentials: written by go test ./internal/cli -update -->\n"
	credentialsEnd   = "<!-- end of the rules about credentials -->\n"
)

// sources are the packages whose findings people see, by the classes of their
// rules. A file stands for itself.
var sources = []struct{ path, classes string }{
	{"inspect", "hidden poison preference malicious parameter shadow definition injection secret personal"},
	{"scan", "config"},
	{"gate/finding.go", "judge"},
	{"app/judge.go", "judge"},
}

// TestFindingsPageHasEveryRule holds docs/reference/findings.md against the rules
// that stand in the sources of the detectors: each has a row, and no row is about
// anything else.
func TestFindingsPageHasEveryRule(t *testing.T) {
	rules := map[string]bool{}
	for _, s := range sources {
		files := parsed(t, filepath.Join("..", s.path))
		for _, f := range files {
			collect(t, f, strings.Fields(s.classes), tables(files, f.Name.Name), rules)
		}
	}
	path := filepath.Join("..", "..", "docs", "reference", "findings.md")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	page := string(raw)
	head, rest, ok := strings.Cut(page, credentialsBegin)
	_, tail, end := strings.Cut(rest, credentialsEnd)
	if !ok || !end {
		t.Fatal("docs/reference/findings.md has lost its marks around the rules about credentials")
	}
	if *update {
		page = head + credentialsBegin + credentials(rules, head) + credentialsEnd + tail
		if err := os.WriteFile(path, []byte(page), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	rows := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)(?:^\\| |, |^)`([a-z]+\\.[a-z0-9_]+)`").FindAllStringSubmatch(page, -1) {
		rows[m[1]] = true
	}
	for rule := range rules {
		if !rows[rule] {
			t.Errorf("docs/reference/findings.md lacks %s (secret.*: run go test ./internal/cli -update)", rule)
		}
		delete(rows, rule)
	}
	for rule := range rows {
		t.Errorf("docs/reference/findings.md has %s, which nothing finds (secret.*: run go test ./internal/cli -update)", rule)
	}
}

// credentials lists the rules of the class secret, but those with a row of their own.
func credentials(rules map[string]bool, head string) string {
	var list []string
	for rule := range rules {
		if strings.HasPrefix(rule, "secret.") && !strings.Contains(head, "| `"+rule+"` |") {
			list = append(list, "`"+rule+"`")
		}
	}
	slices.Sort(list)
	var b strings.Builder
	for row := range slices.Chunk(list, 6) {
		b.WriteString(strings.Join(row, ", ") + ",\n")
	}
	return strings.TrimSuffix(b.String(), ",\n") + "\n"
}

// parsed are the Go files at and below a path that are no tests.
func parsed(t *testing.T, root string) (files []*ast.File) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, _ os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		files = append(files, f)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatalf("no source below %s", root)
	}
	return files
}

// composed are the packages that put the class before a name, and where in their
// sources the names stand: as the value of a key of a literal, as the first element
// of a row of a table whose rows begin with that key, as what a function returns that calls
// its result so, or as the first argument of a call.
var composed = map[string]struct {
	class, key string
	calls      []string
}{
	"reveal":   {"hidden.", "method", []string{"encoded", "ciphered", "hiddenText"}},
	"secrets":  {"secret.", "rule", []string{"add"}},
	"personal": {"personal.", "rule", []string{"add"}},
}

var (
	aWhole = regexp.MustCompile(`^([a-z]+)\.[a-z][a-z0-9_]*$`)
	aName  = regexp.MustCompile(`^[a-z][a-z0-9_]+$`)
)

// collect adds the rules of a file: whole ones, and those that are composed.
func collect(t *testing.T, f *ast.File, classes []string, rows, rules map[string]bool) {
	t.Helper()
	by, composes := composed[f.Name.Name]
	name := func(e ast.Expr) {
		if s := text(e); composes && aName.MatchString(s) {
			rules[by.class+s] = true
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BasicLit:
			if m := aWhole.FindStringSubmatch(text(n)); m != nil && slices.Contains(classes, m[1]) {
				rules[m[0]] = true
			}
		case *ast.BinaryExpr:
			if s := text(n.X); strings.HasSuffix(s, ".") && slices.Contains(classes, strings.TrimSuffix(s, ".")) && s != by.class {
				t.Errorf("package %s composes rules of the class %q: say in composed where their names stand", f.Name.Name, s)
			}
		case *ast.KeyValueExpr:
			if key, ok := n.Key.(*ast.Ident); ok && key.Name == by.key {
				name(n.Value)
			}
		case *ast.CallExpr:
			if len(n.Args) > 0 && slices.Contains(by.calls, callee(n)) {
				name(n.Args[0])
			}
		case *ast.CompositeLit:
			if list, ok := n.Type.(*ast.ArrayType); ok && (begins(list.Elt, by.key) || rows[named(list.Elt)]) {
				for _, row := range n.Elts {
					name(firstOf(row))
				}
			}
		case *ast.FuncDecl:
			if results := n.Type.Results; composes && results != nil && len(results.List[0].Names) > 0 && results.List[0].Names[0].Name == by.key {
				for _, e := range returned(n) {
					name(e)
				}
			}
		}
		return true
	})
}

// tables are the types of a package that are rows of a table of rules.
func tables(files []*ast.File, of string) map[string]bool {
	all := map[string]bool{}
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			if spec, ok := n.(*ast.TypeSpec); ok && f.Name.Name == of && begins(spec.Type, composed[of].key) {
				all[spec.Name.Name] = true
			}
			return true
		})
	}
	return all
}

// begins tells whether a type is a struct whose first field is called key.
func begins(e ast.Expr, key string) bool {
	s, ok := e.(*ast.StructType)
	return ok && key != "" && len(s.Fields.List) > 0 && len(s.Fields.List[0].Names) > 0 && s.Fields.List[0].Names[0].Name == key
}

func named(e ast.Expr) string {
	if id, ok := e.(*ast.Ident); ok {
		return id.Name
	}
	return ""
}

// text is what a literal of a string says; empty for any other expression.
func text(e ast.Expr) string {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return ""
	}
	s, err := strconv.Unquote(lit.Value)
	if err != nil {
		return ""
	}
	return s
}

// callee is the last name of what is called.
func callee(n *ast.CallExpr) string {
	switch f := n.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	}
	return ""
}

// firstOf is the first element of a row of a table, which is written without its
// type and its keys.
func firstOf(row ast.Expr) ast.Expr {
	if indexed, ok := row.(*ast.KeyValueExpr); ok {
		row = indexed.Value
	}
	if lit, ok := row.(*ast.CompositeLit); ok && lit.Type == nil && len(lit.Elts) > 0 {
		return lit.Elts[0]
	}
	return nil
}

// returned are the first values that a function returns.
func returned(n *ast.FuncDecl) (all []ast.Expr) {
	ast.Inspect(n, func(n ast.Node) bool {
		if r, ok := n.(*ast.ReturnStmt); ok && len(r.Results) > 0 {
			all = append(all, r.Results[0])
		}
		return true
	})
	return all
}
