package sight

import (
	"slices"
	"strings"
)

// Bounds of what can be seen.
const (
	faint      = 0.05 // an opacity or a scale below it is as good as none
	tiny       = 0.2  // a size of letters below it is, whatever its unit
	unreadable = 2    // and one up to this many pixels, points or hundredths
	aside      = -100 // pixels, or hundredths, that lead out of a page
	far        = -999 // the same of a shift of what is shown, which menus have
)

// judged is what a value says of a property; unknown for one that says nothing of what is seen.
func judged(property string, v []token) verdict {
	switch property {
	case "display":
		return display(v)
	case "visibility":
		return words(v, "visible", "hidden collapse")
	case "content-visibility":
		return words(v, "visible auto", "hidden")
	case "mso-hide":
		return words(v, "none", "all")
	case "overflow", "overflow-x", "overflow-y":
		return words(v, "visible", "hidden clip scroll auto")
	case "opacity":
		return measured(v, "", func(s size) bool { return s.unit != "" && s.unit != "%" }, func(s size) bool { return s.num < faint*per(s) })
	case "font-size":
		return measured(v, fontSizes, badFont, tinyFont)
	case "font":
		return font(v)
	case "zoom", "scale":
		return measured(v, "none normal reset", func(s size) bool { return s.unit != "" && s.unit != "%" || property == "zoom" && s.num < 0 },
			func(s size) bool { return s.num > -faint*per(s) && s.num < faint*per(s) })
	case "text-indent", "left", "right", "top", "bottom", "inset", "inset-inline", "inset-block", "inset-inline-start", "inset-inline-end", "inset-block-start", "inset-block-end",
		"margin", "margin-left", "margin-top", "margin-right", "margin-bottom", "margin-inline", "margin-block", "margin-inline-start", "margin-block-start", "letter-spacing", "word-spacing":
		return measured(v, "auto normal", badLength, func(s size) bool { return beyond(s, aside) })
	case "clip":
		return clip(v)
	case "clip-path", "-webkit-clip-path":
		return clipPath(v)
	case "transform", "-webkit-transform", "-ms-transform":
		return each(v, transform)
	case "translate":
		return measured(v, "none", badLength, func(s size) bool { return beyond(s, far) })
	case "filter", "-webkit-filter":
		return each(v, func(name string, args []size) bool {
			return name == "opacity" && len(args) > 0 && args[0].num < faint*per(args[0])
		})
	}
	if slices.Contains(sides[:], property) {
		return side(property, v)
	}
	return unknown
}

// matters tells whether a property may hide what an element holds.
func matters(property string) bool {
	return slices.Contains(sides[:], property) || isIn(property, properties)
}

// properties are those that are judged besides sides.
const properties = `display visibility content-visibility mso-hide opacity font-size zoom scale text-indent left right top bottom inset inset-inline inset-block
	inset-inline-start inset-inline-end inset-block-start inset-block-end margin margin-left margin-top margin-right margin-bottom margin-inline margin-block
	margin-inline-start margin-block-start letter-spacing word-spacing clip clip-path -webkit-clip-path transform -webkit-transform -ms-transform translate
	filter -webkit-filter`

// per is how many of a size one is: a hundred of hundredths.
func per(s size) float64 {
	if s.unit == "%" {
		return 100
	}
	return 1
}

// words judges a value that is one word, or the same one for both directions.
func words(v []token, showing, hiding string) verdict {
	all := unknown
	for _, t := range v {
		one := unknown
		switch {
		case t.kind != ident:
		case isIn(t.text, hiding):
			one = hides
		case isIn(t.text, showing):
			one = shows
		}
		if one == unknown {
			return unknown
		}
		all = max(all, one)
	}
	return all
}

// isIn tells whether a word is one of a list with blanks between.
func isIn(word, list string) bool {
	for w := range strings.FieldsSeq(list) {
		if w == word {
			return true
		}
	}
	return false
}

// displays are the values of display with which text is shown in every browser (CSS Display 3).
const displays = `block inline inline-block flex inline-flex grid inline-grid flow flow-root contents table inline-table table-row-group table-header-group
	table-footer-group table-row table-cell table-caption list-item ruby ruby-text`

func display(v []token) verdict {
	switch {
	case len(v) == 1:
		return words(v, displays, "none table-column table-column-group")
	case len(v) == 2 && isIn(v[0].text, "block inline"):
		return words(v[1:], "flow flow-root flex grid table", "")
	}
	return unknown
}

// measured judges a value of words and sizes: it hides if one of them does, and is none that every
// browser takes if one is bad.
func measured(v []token, showing string, bad, hiding func(size) bool) verdict {
	all := unknown
	for len(v) > 0 {
		s, n := sized(v)
		switch {
		case n > 0 && s.unit == "" && bad(s) && hiding(size{s.num, "px"}): // pixels, in pages without a DOCTYPE
			return hides
		case n > 0 && !bad(s):
			all = max(all, shows)
			if hiding(s) {
				all = hides
			}
		case n == 0 && v[0].kind == ident && isIn(v[0].text, showing):
			all, n = max(all, shows), 1
		default:
			return unknown
		}
		v = v[n:]
	}
	return all
}

// badLength tells of a size that is no length: only nothing has no unit.
func badLength(s size) bool { return s.unit == "" && s.num != 0 }

// beyond tells whether a distance leads out of a page. What is relative to the window does if it is a
// whole one.
func beyond(s size, most float64) bool {
	if s.unit == "%" || relative(s.unit) {
		return s.num <= most
	}
	return s.px() <= most
}

const fontSizes = "xx-small x-small small medium large x-large xx-large xxx-large smaller larger"

func badFont(s size) bool { return s.num < 0 || badLength(s) }

func tinyFont(s size) bool {
	return s.num < tiny || s.unit == "%" && s.num <= unreadable || s.unit == "pt" && s.num <= unreadable || !relative(s.unit) && s.unit != "%" && s.px() <= unreadable
}

// font judges the shorthand: the size in it stands before the family.
func font(v []token) verdict {
	if len(v) == 1 {
		return words(v, "caption icon menu message-box small-caption status-bar", "")
	}
	for i := 0; i < len(v); i += component(v[i:]) {
		s, n := sized(v[i:])
		word := v[i].kind == ident && isIn(v[i].text, fontSizes)
		if !word && (n == 0 || badFont(s)) {
			continue // a weight, or a style
		}
		last := v[len(v)-1]
		switch {
		case n > 0 && tinyFont(s):
			return hides
		case last.kind == ident && i < len(v)-1 && !isIn(last.text, fontSizes), last.kind == quoted:
			return shows
		}
		return unknown
	}
	return unknown
}

// side judges a width or a height.
func side(property string, v []token) verdict {
	if r := words(v, "auto none normal max-content min-content fit-content", ""); r != unknown {
		return r
	}
	s, ok := alone(v)
	switch {
	case ok && s.num == 1 && s.unit == "" && property != "line-height": // a pixel, in pages without a DOCTYPE
		return thin
	case !ok || s.num < 0 || badLength(s) && property != "line-height":
		return unknown
	case s.num < faint && property == "line-height", s.px() <= 1 && s.num >= faint && s.unit != "%" && s.unit != "":
		return thin
	case s.num < faint:
		return flat
	}
	return shows
}
