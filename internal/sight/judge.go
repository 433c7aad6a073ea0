package sight

import (
	"slices"
	"strings"
	"sync"
)

// Bounds of what can be seen.
const (
	faint      = 0.05 // an opacity or a scale below it is as good as none
	tiny       = 0.2  // a size of letters below it is, whatever its unit
	unreadable = 2    // and one up to this many pixels, points or hundredths
	aside      = -100 // pixels, or hundredths, that lead out of a page
	far        = -999 // the same of a shift of what is shown, which menus have
)

// property tells what values say of a property: hides, what a value says that it may hide, whether or not
// browsers take it; shows, whether it is one that every browser takes for certain. Of a colour there is
// paint alone, the colour that every browser takes.
type property struct {
	hides func([]token) verdict
	shows func([]token) bool
	paint func([]token) (colour, bool)
	key   string // of a property whose place it takes
	most  int    // tokens of a value, where it is more than maxValue
}

// judged are the properties by which an element may hide what it holds.
//
//nolint:gochecknoglobals // made once, read-only
var judged = sync.OnceValue(func() map[string]property {
	m := map[string]property{
		"display":                 {hides: is("none table-column table-column-group"), shows: one(displays)},
		"visibility":              {hides: is("hidden collapse"), shows: one("visible")},
		"content-visibility":      {hides: is("hidden"), shows: one("visible")},
		"mso-hide":                {hides: is("all"), shows: one("none")},
		"opacity":                 {hides: measured(func(s size) bool { return s.num < faint*per(s) }), shows: ratio},
		"font-size":               {hides: measured(tinyFont), shows: fontSize},
		"font":                    {hides: fontHides, shows: fontShows, key: "font-size"},
		"zoom":                    {hides: measured(nothing), shows: ratio},
		"scale":                   {hides: measured(nothing), shows: one("none")},
		"translate":               {hides: measured(func(s size) bool { return beyond(s, far) }), shows: one("none")},
		"clip":                    {hides: clip, shows: one("auto")},
		"letter-spacing":          {hides: measured(outside), shows: shift("normal", 1)},
		"word-spacing":            {hides: measured(outside), shows: shift("normal", 1)},
		"color":                   {paint: inkOf},
		"-webkit-text-fill-color": {paint: inkOf},
		"background":              {paint: groundOf, most: maxShape},
		"background-color":        {paint: inkOf, key: "background"},
		"line-height":             {hides: func(v []token) verdict { return side("line-height", v) }, shows: lineHeight},
	}
	for list, p := range map[string]property{
		"overflow overflow-x overflow-y":            {hides: is("hidden clip scroll auto"), shows: one("visible")},
		"clip-path -webkit-clip-path":               {hides: clipPath, shows: one("none"), most: maxShape},
		"transform -webkit-transform -ms-transform": {hides: each(transform), shows: scaled},
		"filter -webkit-filter":                     {hides: each(dimmed), shows: one("none")},
		"text-indent":                               {hides: measured(outside), shows: shift("", 1)},
		"left right top bottom":                     {hides: measured(outside), shows: shift("auto", 1)},
		"margin-left margin-right margin-top":       {hides: measured(outside), shows: shift("auto", 1)},
		"margin-bottom":                             {hides: measured(outside), shows: shift("auto", 1)},
		"margin-inline-start margin-inline-end":     {hides: measured(outside), shows: shift("auto", 1)},
		"margin-block-start margin-block-end":       {hides: measured(outside), shows: shift("auto", 1)},
		"inset-inline-start inset-inline-end":       {hides: measured(outside), shows: shift("auto", 1)},
		"inset-block-start inset-block-end":         {hides: measured(outside), shows: shift("auto", 1)},
		"margin inset":                              {hides: measured(outside), shows: shift("auto", 4)},
		"margin-inline margin-block":                {hides: measured(outside), shows: shift("auto", 2)},
		"inset-inline inset-block":                  {hides: measured(outside), shows: shift("auto", 2)},
		"width height inline-size block-size":       {hides: func(v []token) verdict { return side("", v) }, shows: extent("auto")},
		"max-width max-height":                      {hides: func(v []token) verdict { return side("", v) }, shows: extent("none")},
		"max-inline-size max-block-size":            {hides: func(v []token) verdict { return side("", v) }, shows: extent("none")},
	} {
		for name := range strings.FieldsSeq(list) {
			m[name] = p
		}
	}
	return m
})

// displays are the values of display with which text is shown in every browser.
const displays = `block inline inline-block flex inline-flex grid inline-grid flow-root contents table inline-table table-row-group
	table-header-group table-footer-group table-row table-cell table-caption list-item`

// per is how many of a size one is: a hundred of hundredths.
func per(s size) float64 {
	if s.unit == "%" {
		return 100
	}
	return 1
}

// is judges a value of words: it hides if one of them does.
func is(hiding string) func([]token) verdict {
	return func(v []token) verdict {
		for _, t := range v {
			if t.kind == ident && isIn(t.text, hiding) {
				return hides
			}
		}
		return unknown
	}
}

// one tells whether a value is one word of a list.
func one(showing string) func([]token) bool {
	return func(v []token) bool { return isIn(name(v), showing) }
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

// ratio tells whether a value is a number or hundredths.
func ratio(v []token) bool {
	s, ok := plain(v)
	return ok && s.num >= 0 && (s.unit == "" || s.unit == "%")
}

// shift tells whether a value is of up to most distances; word is one as well.
func shift(word string, most int) func([]token) bool {
	return func(v []token) bool {
		for i := range v {
			if _, ok := length(v[i : i+1]); !ok && (word == "" || name(v[i:i+1]) != word) {
				return false
			}
		}
		return len(v) > 0 && len(v) <= most
	}
}

// extent tells whether a value is a width or a height; word is one as well.
func extent(word string) func([]token) bool {
	return func(v []token) bool {
		s, ok := length(v)
		return ok && s.num >= 0 || name(v) == word
	}
}

func lineHeight(v []token) bool {
	s, ok := plain(v)
	return ok && s.num >= 0 || name(v) == "normal"
}

// measured judges a value of words and sizes: it hides if one of them does. A number is pixels where it
// must be a length, as it is in pages without a DOCTYPE.
func measured(hiding func(size) bool) func([]token) verdict {
	return func(v []token) verdict {
		for len(v) > 0 {
			s, n := sized(v)
			if n > 0 && hiding(s) {
				return hides
			}
			v = v[max(n, component(v)):]
		}
		return unknown
	}
}

// nothing tells whether a size, as a part of another, leaves nothing of it.
func nothing(s size) bool { return s.num > -faint*per(s) && s.num < faint*per(s) }

// outside tells whether a distance leads out of a page.
func outside(s size) bool { return beyond(s, aside) }

// beyond tells whether a distance leads further than most. What is relative to the window does if it is a
// whole one.
func beyond(s size, most float64) bool {
	if s.unit == "%" || s.unit == "" || relative(s.unit) {
		return s.num <= most
	}
	return s.px() <= most
}

const fontSizes = "xx-small x-small small medium large x-large xx-large smaller larger"

func tinyFont(s size) bool {
	switch {
	case s.num < tiny:
		return true
	case s.unit == "%", s.unit == "pt", s.unit == "":
		return s.num <= unreadable
	}
	return !relative(s.unit) && s.px() <= unreadable
}

func fontSize(v []token) bool {
	s, ok := length(v)
	return ok && s.num >= 0 || isIn(name(v), fontSizes)
}

// fontHides judges the shorthand: its first length is the size of letters.
func fontHides(v []token) verdict {
	for ; len(v) > 0; v = v[component(v):] {
		if s, n := sized(v); n > 0 && s.num >= 0 && (s.unit != "" || s.num == 0) {
			return measured(tinyFont)(v[:n])
		}
	}
	return unknown
}

// fontWords are those that may stand before the size of letters, one of each line.
//
//nolint:gochecknoglobals // read-only
var fontWords = [...]string{
	"italic oblique",
	"small-caps",
	"bold bolder lighter 100 200 300 400 500 600 700 800 900",
}

// fontShows tells whether the shorthand is of known words, a size, a height of lines, and families.
func fontShows(v []token) bool {
	said := [len(fontWords)]bool{}
	for len(v) > 0 && !fontSize(v[:1]) {
		i := slices.IndexFunc(fontWords[:], func(list string) bool {
			return v[0].kind == ident && isIn(v[0].text, list) || v[0].kind == number && isIn(v[0].raw, list)
		})
		if i < 0 || said[i] {
			return false
		}
		said[i], v = true, v[1:]
	}
	if len(v) < 2 {
		return false
	}
	if v = v[1:]; v[0].kind == mark && v[0].text == "/" {
		if len(v) < 2 || !lineHeight(v[1:2]) {
			return false
		}
		v = v[2:]
	}
	for _, family := range parted(v) {
		if !isFamily(family) {
			return false
		}
	}
	return true
}

// isFamily tells whether a value names a family of letters: a string or words.
func isFamily(v []token) bool {
	if len(v) == 1 && v[0].kind == quoted {
		return true
	}
	for i, t := range v {
		if t.kind != ident || reset(v[i:i+1]) || t.text == "default" {
			return false
		}
	}
	return len(v) > 0
}

// side judges a width or a height.
func side(property string, v []token) verdict {
	s, n := sized(v)
	switch {
	case n == 0 || n < len(v) || s.num < 0:
		return unknown
	case s.num == 1 && s.unit == "" && property != "line-height": // a pixel, in pages without a DOCTYPE
		return thin
	case s.num < faint && property == "line-height", s.px() <= 1 && s.num >= faint && s.unit != "%" && s.unit != "":
		return thin
	case s.num < faint:
		return flat
	}
	return unknown
}
