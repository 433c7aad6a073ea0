package chunk

import (
	"errors"
	"strings"

	"doorward/internal/docs"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// writer writes a page as Markdown.
type writer struct {
	b      strings.Builder
	owed   int  // line ends before the next text
	space  bool // a blank before it
	indent string
	hidden int
	code   bool // within code: what is code in it is plain text
	left   *int // of maxWork, shared by all that write a page; below 0: nothing more is written
}

// maxWork bounds what is done for one page: nodes and attributes that are looked at, and
// bytes that are written, those of a line that is put into another each time. A
// page of the largest size whose text stands in a cell of a table of a table takes half.
const maxWork = 4 * docs.MaxDocument

var errWork = errors.New("the page's elements lie in one another in a way that takes too long to read")

// spend takes n from what is left, and tells whether there was so much.
func (w *writer) spend(n int) bool {
	*w.left = max(*w.left-n, -1)
	return *w.left >= 0
}

// weight is what it takes to look at an element.
func weight(n *html.Node) int {
	sum := 1
	for _, a := range n.Attr {
		sum += 3 * len(a.Val) // a style is taken to pieces
	}
	return sum
}

func (w *writer) children(n *html.Node) {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		w.node(c)
	}
}

// lineEnd has the next text begin a line, or with 2 a paragraph.
func (w *writer) lineEnd(n int) { w.owed, w.space = max(w.owed, n), false }

// node writes an element, or text.
func (w *writer) node(n *html.Node) {
	if !w.spend(weight(n)) {
		return
	}
	if n.Type == html.TextNode {
		w.text(n.Data)
		return
	}
	if n.Type != html.ElementNode {
		return
	}
	if hides(n) {
		if counts(n) {
			w.hidden++
		}
		return
	}
	if dropped(n) {
		w.uncover(n)
		return
	}
	w.element(n)
}

// uncover counts what is hidden in an element that is left out anyway. One count is
// enough: nothing of it is kept.
func (w *writer) uncover(n *html.Node) {
	if n.DataAtom == atom.Head || n.DataAtom == atom.Script || n.DataAtom == atom.Style {
		return
	}
	for d := range n.Descendants() {
		if d.Type == html.ElementNode && hides(d) && counts(d) {
			w.hidden++
			return
		}
	}
}

func (w *writer) element(n *html.Node) {
	switch n.DataAtom {
	case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
		if s := w.line(n); s != "" {
			w.paragraph(strings.Repeat("#", int(n.Data[1]-'0')) + " " + s)
		}
	case atom.Pre:
		w.pre(n)
	case atom.Li:
		w.lineEnd(1)
		w.start()
		w.b.WriteString("- ")
		was := w.indent
		w.indent += "  "
		w.children(n)
		w.indent = was
		w.lineEnd(1)
	case atom.Ul, atom.Ol:
		ends := 2
		if w.indent != "" {
			ends = 1
		}
		w.lineEnd(ends)
		w.children(n)
		w.lineEnd(ends)
	case atom.Table:
		w.table(n)
	case atom.Br:
		w.lineEnd(1)
	case atom.Hr:
		w.lineEnd(2)
	case atom.P, atom.Div, atom.Section, atom.Article, atom.Main, atom.Header, atom.Blockquote, atom.Dl, atom.Dd, atom.Dt, atom.Figure, atom.Figcaption, atom.Details, atom.Summary, atom.Address, atom.Fieldset:
		w.lineEnd(2)
		w.children(n)
		w.lineEnd(2)
	case atom.Code, atom.Kbd, atom.Samp:
		w.codeOf(n)
	default:
		w.children(n)
	}
}

// codeOf writes a stretch of code. One with a grave accent in it would end there, and is
// plain text.
func (w *writer) codeOf(n *html.Node) {
	if w.code {
		w.children(n)
		return
	}
	w.code = true
	s := w.line(n)
	w.code = false
	switch {
	case s == "":
	case strings.Contains(s, "`"):
		w.inline(s)
	default:
		w.inline("`" + s + "`")
	}
}

// text writes text in which any white space is one blank.
func (w *writer) text(s string) {
	words := strings.Fields(s)
	if len(words) == 0 {
		w.space = w.space || s != ""
		return
	}
	w.space = w.space || strings.TrimLeft(s, " \t\n\r\f") != s
	w.inline(strings.Join(words, " "))
	w.space = strings.TrimRight(s, " \t\n\r\f") != s
}

// inline writes a stretch of a line. One that would be read as a heading or as a fence is
// none.
func (w *writer) inline(s string) {
	if !w.spend(len(s)) {
		return
	}
	begins := w.owed > 0 || w.b.Len() == 0
	if !begins && w.space {
		w.b.WriteByte(' ')
	}
	w.start()
	if begins && (strings.HasPrefix(s, "#") || strings.HasPrefix(s, "```") || strings.HasPrefix(s, "~~~") || strings.HasPrefix(s, "---") || strings.HasPrefix(s, "+++")) {
		w.b.WriteByte('\\')
	}
	w.b.WriteString(s)
	w.space = false
}

// start writes the line ends that are owed.
func (w *writer) start() {
	if w.owed > 0 && w.b.Len() > 0 && w.spend(len(w.indent)) {
		w.b.WriteString(strings.Repeat("\n", w.owed))
		w.b.WriteString(w.indent)
	}
	w.owed = 0
}

// paragraph writes lines of their own.
func (w *writer) paragraph(s string) {
	w.lineEnd(2)
	w.start()
	w.b.WriteString(s)
	w.lineEnd(2)
}

// line is what an element shows, on one line.
func (w *writer) line(n *html.Node) string {
	in := writer{code: w.code, left: w.left}
	in.children(n)
	w.hidden += in.hidden
	return strings.TrimPrefix(strings.Join(strings.Fields(in.b.String()), " "), `\`)
}

// pre writes text as it stands, in a fence that is longer than any in it.
func (w *writer) pre(n *html.Node) {
	var b strings.Builder
	w.verbatim(&b, n)
	s := strings.Trim(lines(b.String()), "\n")
	if strings.TrimSpace(s) == "" {
		return
	}
	fence := strings.Repeat("`", max(3, 1+longest(s, '`')))
	was := w.indent
	w.indent = ""
	w.paragraph(fence + "\n" + s + "\n" + fence)
	w.indent = was
}

// longest is the length of the longest run of a byte.
func longest(s string, of byte) int {
	most, run := 0, 0
	for i := range len(s) {
		if run++; s[i] != of {
			run = 0
		}
		most = max(most, run)
	}
	return most
}

// verbatim collects what an element shows as it stands there.
func (w *writer) verbatim(b *strings.Builder, n *html.Node) {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if !w.spend(weight(c) + len(c.Data)) {
			return
		}
		switch {
		case c.Type == html.TextNode:
			b.WriteString(c.Data)
		case c.Type != html.ElementNode:
		case hides(c):
			if counts(c) {
				w.hidden++
			}
		case c.DataAtom == atom.Br:
			b.WriteByte('\n')
		case !dropped(c):
			w.verbatim(b, c)
		}
	}
}

// table writes a table of Markdown; one within a cell is part of its line.
func (w *writer) table(n *html.Node) {
	w.lineEnd(2)
	first := true
	for row := range n.Descendants() {
		if !w.spend(1) {
			return
		}
		if row.Type != html.ElementNode || row.DataAtom != atom.Tr || row.Parent == nil || w.owner(row) != n {
			continue
		}
		if w.concealed(row, n) {
			continue
		}
		var cells []string
		for c := row.FirstChild; c != nil; c = c.NextSibling {
			if c.DataAtom != atom.Td && c.DataAtom != atom.Th {
				continue
			}
			if hides(c) {
				if counts(c) {
					w.hidden++
				}
				continue
			}
			cells = append(cells, strings.ReplaceAll(w.line(c), "|", `\|`))
		}
		if len(cells) == 0 {
			continue
		}
		w.lineEnd(1)
		w.start()
		w.b.WriteString("| " + strings.Join(cells, " | ") + " |")
		if first {
			w.b.WriteString("\n" + w.indent + strings.Repeat("| --- ", len(cells)) + "|")
			first = false
		}
	}
	w.lineEnd(2)
}

// owner is the table that a row is of.
func (w *writer) owner(row *html.Node) *html.Node {
	for n := row.Parent; n != nil && w.spend(1); n = n.Parent {
		if n.DataAtom == atom.Table {
			return n
		}
	}
	return nil
}

// concealed tells whether a row, or what it is in, is hidden.
func (w *writer) concealed(row, table *html.Node) bool {
	for n := row; n != table && w.spend(weight(n)); n = n.Parent {
		if hides(n) {
			if counts(row) {
				w.hidden++
			}
			return true
		}
	}
	return false
}
