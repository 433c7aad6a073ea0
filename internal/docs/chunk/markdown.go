package chunk

import (
	"strings"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"

	"doorward/internal/docs"
)

// markdown cuts Markdown (CommonMark) along its blocks. Inline marks are not looked at: a
// block is where it is whatever stands in it.
func markdown(body string) *Text {
	t := &Text{Type: "text/markdown", Body: body}
	title, at := frontMatter(body)
	t.Title = title
	if at > 0 {
		t.blocks = append(t.blocks, block{kind: whole})
	}
	if nested(body[at:]) || strings.Count(body[at:], "\n") > maxLines {
		t.blocks = append(t.blocks, paragraphs(body, at, "")...)
		return t
	}
	src := []byte(body[at:])
	o := outline{text: t, from: at, titled: title != ""}
	blocks := parser.NewParser(parser.WithBlockParsers(parser.DefaultBlockParsers()...))
	for n := blocks.Parse(text.NewReader(src)).FirstChild(); n != nil; n = n.NextSibling() {
		o.add(n, src)
	}
	if len(t.blocks) == 0 || t.blocks[0].start > 0 {
		t.blocks = append([]block{{}}, t.blocks...)
	}
	return t
}

// maxLines is how many lines are parsed: a node of the parser takes some 300 bytes. A text
// with more is cut at its blank lines.
const maxLines = 400_000

// outline collects blocks under their headings.
type outline struct {
	text   *Text
	from   int // byte of the text at which what was parsed begins
	path   []string
	under  string // path as one, of docs.MaxHeading at most
	levels []int
	titled bool // the text has its title
}

// add takes in a block of the document; of a list each item.
func (o *outline) add(n ast.Node, src []byte) {
	switch n := n.(type) {
	case *ast.Heading:
		o.enter(n.Level, inline(shorten(string(n.Lines().Value(src)), maxMarked)))
		o.put(n, head)
	case *ast.FencedCodeBlock, *ast.CodeBlock:
		o.put(n, whole)
	case *ast.List:
		for item := n.FirstChild(); item != nil; item = item.NextSibling() {
			o.put(item, flow)
		}
	case *ast.Paragraph:
		if tabular(string(n.Lines().Value(src))) {
			o.put(n, whole)
			return
		}
		o.put(n, flow)
	default:
		o.put(n, flow)
	}
}

// put begins a block at the line of a node. What the parser places before the block that
// came last belongs to that.
func (o *outline) put(n ast.Node, k kind) {
	if n.Pos() < 0 {
		return
	}
	at := lineStart(o.text.Body, o.from+n.Pos())
	if len(o.text.blocks) >= maxBlocks || at < o.from || len(o.text.blocks) > 0 && at <= o.text.blocks[len(o.text.blocks)-1].start && at > 0 {
		return
	}
	o.text.blocks = append(o.text.blocks, block{start: at, heading: o.under, kind: k})
}

// enter goes below a heading. The first of level 1 is the title of a text that has no
// other, and is in no path: it is said with every passage anyway.
func (o *outline) enter(level int, name string) {
	for len(o.levels) > 0 && o.levels[len(o.levels)-1] >= level {
		o.levels, o.path = o.levels[:len(o.levels)-1], o.path[:len(o.path)-1]
	}
	if level == 1 && (!o.titled || name == o.text.Title) {
		o.titled, o.text.Title = true, name
	} else {
		o.levels, o.path = append(o.levels, level), append(o.path, shorten(strings.ReplaceAll(name, under, " "), docs.MaxHeading))
	}
	o.under = shorten(strings.Join(o.path, under), docs.MaxHeading)
}

// maxMarked is how much of a heading is looked at for its marks, in bytes.
const maxMarked = 4 << 10

// inline is a heading's text without its marks.
func inline(s string) string {
	if i := strings.Index(s, "{#"); i >= 0 && strings.HasSuffix(strings.TrimSpace(s), "}") {
		s = s[:i]
	}
	for from := 0; ; {
		mid := strings.Index(s[from:], "](")
		if mid < 0 {
			break
		}
		mid += from
		open, end := strings.LastIndexByte(s[:mid], '['), strings.IndexByte(s[mid:], ')')
		if open < 0 || end < 0 {
			break
		}
		s = s[:open] + s[open+1:mid] + s[mid+end+1:]
		from = max(mid-1, 0)
	}
	return strings.Join(strings.Fields(strings.NewReplacer("`", "", "**", "", "__", "", `\`, "").Replace(s)), " ")
}

// tabular tells whether the second line of a paragraph is the line below a table's head.
func tabular(s string) bool {
	_, rest, _ := strings.Cut(s, "\n")
	line, _, _ := strings.Cut(rest, "\n")
	return strings.Contains(line, "-") && strings.Contains(s, "|") && strings.Trim(line, " |:-\t") == ""
}

// maxNested is how many blocks one line may open in others. A parser's time grows with
// their number for every line that follows.
const maxNested = 64

// nested tells whether a line opens more.
func nested(body string) bool {
	for line := range strings.SplitSeq(body, "\n") {
		n := 0
		for i := 0; i < len(line); i++ {
			switch c := line[i]; {
			case c == '>':
				n++
			case strings.IndexByte("-*+.)", c) >= 0:
				if i+1 < len(line) && (line[i+1] == ' ' || line[i+1] == '\t') {
					n++
					if i > 2*maxNested { // an item lies two columns deeper than the one that it is in
						return true
					}
				}
			case c == ' ' || c == '\t' || c >= '0' && c <= '9':
			default:
				i = len(line)
			}
		}
		if n > maxNested {
			return true
		}
	}
	return false
}
