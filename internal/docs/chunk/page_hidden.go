package chunk

import (
	"unicode"

	"doorward/internal/sight"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// hides tells whether an element is not shown to the readers of a page, as far as it says
// so itself: style sheets are not read.
func hides(n *html.Node) bool {
	var e sight.Element
	for _, a := range n.Attr {
		if a.Namespace == "" && (a.Key != "color" || n.DataAtom == atom.Font) {
			e.Attribute(a.Key, a.Val)
		}
	}
	return e.Invisible()
}

// wordsHidden is how many letters a hidden stretch has at least to be counted: a mark that
// leads to a heading, or an icon's name, is no message.
const wordsHidden = 16

// counts tells whether a hidden element holds what could be a message.
func counts(n *html.Node) bool {
	letters := 0
	for d := range n.Descendants() {
		if d.Type != html.TextNode || d.Parent != nil && (d.Parent.DataAtom == atom.Script || d.Parent.DataAtom == atom.Style) {
			continue
		}
		for _, r := range d.Data {
			if unicode.IsLetter(r) {
				letters++
			}
		}
		if letters >= wordsHidden {
			return true
		}
	}
	return false
}
