package chunk

import (
	"bytes"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// page reads HTML as Markdown: what the main part of a page shows its readers.
func page(raw []byte, said string) (*Text, error) {
	utf8, err := decoded(raw, said)
	if err != nil {
		return nil, err
	}
	root, err := html.Parse(bytes.NewReader(utf8)) // refuses what is nested deeper than 512
	if err != nil {
		return nil, err
	}
	left := maxWork
	w := writer{left: &left}
	if w.children(content(root)); left < 0 {
		return nil, errWork
	}
	t := markdown(strings.TrimLeft(w.b.String(), "\n"))
	if title := found(root, func(n *html.Node) bool { return n.DataAtom == atom.Title && n.Namespace == "" }); title != nil {
		t.Title = strings.TrimSpace(all(title))
	}
	if t.Hidden = w.hidden; t.Hidden > 0 {
		t.Findings = []string{FindingHTML}
	}
	return t, nil
}

// content is the part of a page that it is about: its main element, its only article, or
// its body.
func content(root *html.Node) *html.Node {
	if n := found(root, func(n *html.Node) bool { return n.DataAtom == atom.Main || attr(n, "role") == "main" }); n != nil {
		return n
	}
	is := func(n *html.Node) bool { return n.DataAtom == atom.Article }
	if n := found(root, is); n != nil && found(root, func(m *html.Node) bool { return is(m) && m != n }) == nil {
		return n
	}
	if n := found(root, func(n *html.Node) bool { return n.DataAtom == atom.Body }); n != nil {
		return n
	}
	return root
}

// found is the first element, in the order of the page, that is one.
func found(root *html.Node, is func(*html.Node) bool) *html.Node {
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && is(n) {
			return n
		}
	}
	return nil
}

// attr is an attribute of an element; "" for none.
func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key && a.Namespace == "" {
			return a.Val
		}
	}
	return ""
}

// all is the text below a node as it stands there.
func all(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return b.String()
}

// dropped are elements that hold no text of a page: programs, styles, what it is left or
// filled in by, and what stands around its content.
func dropped(n *html.Node) bool {
	switch n.Data {
	case "script", "style", "nav", "footer", "aside", "form", "template", "noscript", "iframe", "object", "svg", "canvas", "button", "select", "textarea", "head", "dialog":
		return true
	}
	return n.Namespace != "" // SVG and MathML
}
