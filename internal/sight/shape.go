package sight

import (
	"math"
	"slices"
	"strings"
)

// clip judges a rectangle.
func clip(v []token) verdict {
	if f, inner, ok := call(v); ok && f == "rect" && slit(inner) {
		return hides
	}
	return unknown
}

// slit tells whether a rectangle (top, right, bottom, left) is a pixel high or wide at most. An edge that is
// auto cuts nothing off.
func slit(inner []token) bool {
	var edges []float64
	for len(inner) > 0 {
		s, n := sized(inner)
		switch {
		case n > 0 && s.unit == "%":
			edges = append(edges, s.num/100*whole)
		case n > 0:
			edges = append(edges, s.px())
		case name(inner[:1]) == "auto" && (len(edges) == 0 || len(edges) == 3): // the top or the left
			edges = append(edges, 0)
		case name(inner[:1]) == "auto":
			edges = append(edges, math.Inf(1))
		}
		inner = inner[max(n, component(inner)):]
	}
	return len(edges) == 4 && (edges[2]-edges[0] <= 1 || edges[1]-edges[3] <= 1)
}

// clipPath judges shapes, of which what lies without is cut off.
func clipPath(v []token) verdict {
	for ; len(v) > 0; v = v[component(v):] {
		if inner, _ := group(v); v[0].kind == function && empty(v[0].text, inner) {
			return hides
		}
	}
	return unknown
}

// empty tells whether a shape has nothing in it.
func empty(shape string, inner []token) bool {
	inner = before(before(inner, "at"), "round")
	if rule, rest, is := cut(inner); is && isIn(name(rule), "nonzero evenodd") {
		inner = rest
	}
	args := arguments(inner)
	narrow := func(s size) bool { return s.num < faint || s.unit != "%" && s.px() <= 1 }
	switch {
	case shape == "inset" && len(args) > 0:
		return inset(args)
	case shape == "circle" || shape == "ellipse":
		return slices.ContainsFunc(args, narrow)
	case shape == "polygon" && len(args) > 1:
		return line(args)
	case shape == "rect":
		return slit(inner)
	case shape == "xywh" && len(args) >= 4:
		return slices.ContainsFunc(args[2:4], narrow)
	}
	return false
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
func each(hiding func(name string, args []size) bool) func([]token) verdict {
	return func(v []token) verdict {
		for ; len(v) > 0; v = v[component(v):] {
			inner, _ := group(v)
			if args := arguments(inner); v[0].kind == function && hiding(v[0].text, args) {
				return hides
			}
		}
		return unknown
	}
}

// dimmed tells whether a function of filter leaves nothing.
func dimmed(name string, args []size) bool {
	return name == "opacity" && len(args) > 0 && args[0].num < faint*per(args[0])
}

// scaled tells whether a value of transform changes nothing, or is one size for both directions.
func scaled(v []token) bool {
	if name(v) == "none" {
		return true
	}
	f, inner, ok := call(v)
	s, isPlain := plain(inner)
	return ok && f == "scale" && isPlain && s.unit == ""
}

// transform tells whether a function of transform leaves nothing, or moves it out of the page.
func transform(name string, args []size) bool {
	switch {
	case strings.HasPrefix(name, "translate"):
		return slices.ContainsFunc(args, func(s size) bool { return beyond(s, far) })
	case name == "scalez":
		return false
	case name == "scale3d" && len(args) == 3:
		args = args[:2]
	case name == "matrix" && len(args) == 6:
		return nothing(args[0]) && nothing(args[1]) || nothing(args[2]) && nothing(args[3]) || args[4].num <= far || args[5].num <= far
	}
	return strings.HasPrefix(name, "scale") && slices.ContainsFunc(args, nothing)
}
