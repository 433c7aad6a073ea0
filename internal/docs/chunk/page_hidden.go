package chunk

import (
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// hides tells whether an element is not shown to the readers of a page, as far as it says
// so itself: style sheets are not read.
func hides(n *html.Node) bool {
	for _, a := range n.Attr {
		switch a.Key {
		case "hidden":
			return true
		case "aria-hidden":
			if strings.EqualFold(strings.TrimSpace(a.Val), "true") {
				return true
			}
		case "style":
			if unseen(a.Val) {
				return true
			}
		case "color":
			if n.DataAtom == atom.Font && white(strings.ToLower(strings.TrimSpace(a.Val))) {
				return true
			}
		}
	}
	return false
}

// unseen tells whether a style leaves nothing to be seen. One that does so if it is read as
// though nothing in it were a comment counts as well: where those begin is easily misjudged.
func unseen(style string) bool {
	return leavesNothing(uncommented(style)) || leavesNothing(style)
}

// leavesNothing tells whether a style leaves nothing to be seen: not displayed, of no size, out of
// the page, transparent, or written in the colour that it is written on.
func leavesNothing(style string) bool {
	is := map[string]string{}
	for rule := range strings.SplitSeq(style, ";") {
		name, value, _ := strings.Cut(rule, ":")
		name, value = strings.ToLower(unescaped(name)), strings.ToLower(unescaped(value))
		value, _, _ = strings.Cut(value, "!important")
		is[strings.TrimSpace(name)] = strings.Join(strings.Fields(value), "")
	}
	back := is["background-color"]
	if back == "" {
		back = is["background"]
	}
	color := is["color"]
	switch {
	case is["display"] == "none", is["visibility"] == "hidden", is["visibility"] == "collapse", is["content-visibility"] == "hidden",
		zero(is["opacity"]), zero(is["font-size"]), color == "transparent",
		back == "" && white(color), color != "" && (color == back || white(color) && white(back)):
		return true
	case (zero(is["width"]) || zero(is["height"]) || zero(is["max-height"]) || zero(is["max-width"])) && is["overflow"] != "visible":
		return true
	case strings.HasPrefix(is["clip"], "rect(0"), strings.HasPrefix(is["clip"], "rect(1px"), strings.HasPrefix(is["clip-path"], "inset(50%"), strings.HasPrefix(is["clip-path"], "inset(100%"), strings.HasPrefix(is["transform"], "scale(0)"):
		return true
	}
	for _, side := range [...]string{"left", "right", "top", "bottom", "text-indent", "margin-left", "margin-top"} {
		if far(is[side]) {
			return true
		}
	}
	return false
}

// zero tells whether a size is nothing, or as good as nothing: a pixel, a hundredth.
func zero(value string) bool {
	number := strings.TrimRight(value, "abcdefghijklmnopqrstuvwxyz%")
	unit := strings.TrimPrefix(value, number)
	n, err := strconv.ParseFloat(number, 64)
	return err == nil && (n < 0.05 || unit == "px" && n <= 1)
}

// far tells whether a distance leads out of a page: at least four figures below nothing.
func far(value string) bool {
	number, ok := strings.CutPrefix(value, "-")
	if !ok {
		return false
	}
	number, _, _ = strings.Cut(strings.TrimRight(number, "abcdefghijklmnopqrstuvwxyz%"), ".")
	return len(number) >= 4 || strings.HasSuffix(value, "vw") && len(number) >= 3
}

// white tells whether a colour is that of paper.
func white(c string) bool {
	switch c {
	case "white", "#fff", "#ffff", "#ffffff", "#fefefe", "#ffffffff", "rgb(255,255,255)", "rgb(255255255)", "rgba(255,255,255,1)", "hsl(0,0%,100%)":
		return true
	}
	return false
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
