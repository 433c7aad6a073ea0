package chunk

import (
	"go/ast"
	"go/parser"
	"go/token"

	"doorward/internal/docs"
)

// source cuts a file of Go at its declarations, each with its comment. One that cannot be
// parsed is cut as any other code.
func source(body string) *Text {
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, "", body, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return code(body)
	}
	t := &Text{Type: "text/plain", Body: body}
	of := "package " + f.Name.Name
	t.blocks = append(t.blocks, block{heading: of})
	file := set.File(f.Pos())
	for _, d := range f.Decls[:min(len(f.Decls), maxBlocks)] {
		pos, name := declaration(d)
		at := lineStart(body, file.Offset(pos))
		if name == "" || at <= t.blocks[len(t.blocks)-1].start {
			continue
		}
		t.blocks = append(t.blocks, block{start: at, heading: shorten(of+under+name, docs.MaxHeading)})
	}
	return t
}

// declaration is where one begins, with its comment, and what it declares; "" for imports.
func declaration(d ast.Decl) (token.Pos, string) {
	pos, doc := d.Pos(), (*ast.CommentGroup)(nil)
	name := ""
	switch d := d.(type) {
	case *ast.FuncDecl:
		doc, name = d.Doc, "func "
		if d.Recv != nil && len(d.Recv.List) > 0 {
			name += "(" + receiver(d.Recv.List[0].Type) + ") "
		}
		name += d.Name.Name
	case *ast.GenDecl:
		doc = d.Doc
		if d.Tok != token.IMPORT && len(d.Specs) > 0 {
			name = d.Tok.String() + " " + first(d.Specs[0])
		}
	}
	if doc != nil {
		pos = doc.Pos()
	}
	return pos, name
}

// receiver is the name of a method's type.
func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.IndexListExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}

// first is the first name that is declared.
func first(s ast.Spec) string {
	switch s := s.(type) {
	case *ast.TypeSpec:
		return s.Name.Name
	case *ast.ValueSpec:
		return s.Names[0].Name
	}
	return ""
}
