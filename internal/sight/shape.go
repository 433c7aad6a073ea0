package sight

import (
	"math"
	"slices"
	"strings"
)

// clip judges a rectangle: top, right, bottom, left.
func clip(v []token) verdict {
	if name(v) == "auto" {
		return shows
	}
	f, inner, ok := call(v)
	if !ok || f != "rect" {
		return unknown
	}
	list, ok := arguments(inner)
	switch {
	case !ok && slices.ContainsFunc(inner, func(t token) bool { return t.kind == ident && t.text == "auto" }):
		return shows
	case !ok || len(list) != 4 || slices.ContainsFunc(list, badLength):
		return unknown
	case list[2].px()-list[0].px() <= 1 || list[1].px()-list[3].px() <= 1:
		return hides
	}
	return shows
}

// clipPath judges a shape, of which what lies without is cut off.
func clipPath(v []token) verdict {
	if name(v) == "none" {
		return shows
	}
	f, inner, ok := call(v)
	if !ok {
		return unknown
	}
	inner = before(before(inner, "at"), "round")
	if rule, rest, is := cut(inner); is && isIn(name(trimmed(rule)), "nonzero evenodd") {
		inner = rest
	}
	args, all := arguments(inner)
	nothing := false
	switch {
	case f == "inset" && len(args) > 0:
		nothing = inset(args)
	case (f == "circle" || f == "ellipse") && len(args) > 0:
		nothing = slices.ContainsFunc(args, func(s size) bool { return s.num < faint || s.unit != "%" && s.px() <= 1 })
	case f == "polygon" && len(args) > 1:
		nothing = line(args)
	default:
		return unknown
	}
	switch {
	case nothing:
		return hides
	case all:
		return shows
	}
	return unknown
}

// before are the tokens before a word, all where it is not among them.
func before(ts []token, word string) []token {
	i := slices.IndexFunc(ts, func(t token) bool { return t.kind == ident && t.text == word })
	if i < 0 {
		return ts
	}
	return ts[:i]
}

// whole is how many pixels nothing is expected to be as wide as.
const whole = 1000

// inset tells whether what is cut off from opposite sides leaves nothing.
func inset(args []size) bool {
	of := func(i int) size { // top, right, bottom, left, of which the last may be missing
		for i >= len(args) {
			i = max(i-2, 0)
		}
		return args[i]
	}
	for i := range 2 {
		parts := 0.0
		for _, s := range [...]size{of(i), of(i + 2)} {
			if s.unit == "%" {
				parts += s.num / 100
			} else {
				parts += s.px() / whole
			}
		}
		if parts >= 1 {
			return true
		}
	}
	return false
}

// line tells whether the points of a polygon lie on one upright or level line.
func line(args []size) bool {
	level, upright := true, true
	for i := 2; i+1 < len(args); i += 2 {
		upright = upright && near(args[i], args[0])
		level = level && near(args[i+1], args[1])
	}
	return level || upright
}

// near tells whether two places are a pixel or a hundredth apart at most.
func near(a, b size) bool {
	if a.unit == "%" && b.unit == "%" {
		return math.Abs(a.num-b.num) <= 1
	}
	return (a.unit != "%" || a.num == 0) && (b.unit != "%" || b.num == 0) && math.Abs(a.px()-b.px()) <= 1
}

// each judges a value of functions: it hides if one of them does.
func each(v []token, hiding func(name string, args []size) bool) verdict {
	if name(v) == "none" {
		return shows
	}
	known := len(v) > 0
	for len(v) > 0 {
		n := component(v)
		inner, _ := group(v)
		args, ok := arguments(inner)
		if v[0].kind == function && hiding(v[0].text, args) {
			return hides
		}
		known = known && ok && v[0].kind == function
		v = v[n:]
	}
	if known {
		return shows
	}
	return unknown
}

// transform tells whether a function of transform leaves nothing, or moves it out of the page.
func transform(name string, args []size) bool {
	none := func(s size) bool { return s.num > -faint*per(s) && s.num < faint*per(s) }
	switch {
	case strings.HasPrefix(name, "translate"):
		return slices.ContainsFunc(args, func(s size) bool { return beyond(s, far) })
	case name == "scalez":
		return false
	case name == "scale3d" && len(args) == 3:
		args = args[:2]
	case name == "matrix" && len(args) == 6:
		return none(args[0]) && none(args[1]) || none(args[2]) && none(args[3]) || args[4].num <= far || args[5].num <= far
	}
	return strings.HasPrefix(name, "scale") && slices.ContainsFunc(args, none)
}
