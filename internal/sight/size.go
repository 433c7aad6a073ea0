package sight

import (
	"math"
	"strings"
)

// pixels are how many pixels a unit of length is (CSS Values 4, section 6); of those that depend on
// letters or on the window, what is usual.
func pixels(unit string) (float64, bool) {
	switch unit {
	case "px":
		return 1, true
	case "in":
		return 96, true
	case "cm":
		return 96 / 2.54, true
	case "mm":
		return 96 / 25.4, true
	case "q":
		return 96 / 101.6, true
	case "pt":
		return 96.0 / 72, true
	case "pc", "em", "rem", "ic", "ric":
		return 16, true
	case "lh", "rlh":
		return 20, true
	case "ex", "ch", "rex", "rch":
		return 8, true
	case "cap", "rcap":
		return 11, true
	}
	return 10, relative(unit)
}

// relative tells whether a unit is a part of the window, or of what holds the element.
func relative(unit string) bool {
	if n := len(unit); n > 2 && strings.IndexByte("sld", unit[0]) >= 0 { // the window with or without what browsers show around it
		unit = unit[1:]
	}
	unit = strings.Replace(unit, "cq", "v", 1)
	switch unit {
	case "vw", "vh", "vi", "vb", "vmin", "vmax":
		return true
	}
	return false
}

// size is a number, a length or a percentage.
type size struct {
	num  float64
	unit string // "" for a number, "%", or a unit of length
}

// px is a length in pixels; none is 0 of any unit.
func (s size) px() float64 {
	per, _ := pixels(s.unit)
	return s.num * per
}

// sized reads one token, or one calculation, from the front of tokens: how many it took, 0 for none.
func sized(ts []token) (s size, n int) {
	if len(ts) == 0 {
		return size{}, 0
	}
	if t := ts[0]; t.kind == number {
		if _, is := pixels(t.text); is || t.text == "" || t.text == "%" {
			return size{t.num, t.text}, 1
		}
		return size{}, 0
	}
	if s, n = calculated(ts, 0); math.IsNaN(s.num) { // section 10.9.1
		s.num = 0
	}
	return s, n
}

// common are the units of length that every browser knows.
const common = "px em rem pt pc in cm mm ex ch vw vh vmin vmax"

// plain is a value that is one size that every browser takes: a number, a percentage or a length, and
// no calculation.
func plain(v []token) (size, bool) {
	if len(v) != 1 || v[0].kind != number || v[0].text != "" && v[0].text != "%" && !isIn(v[0].text, common) {
		return size{}, false
	}
	return size{v[0].num, v[0].text}, true
}

// length is the same of a length or a percentage.
func length(v []token) (size, bool) {
	s, ok := plain(v)
	return s, ok && (s.unit != "" || s.num == 0)
}

// maxCalculated is how deep calculations are read.
const maxCalculated = 8

// calculated reads a calculation (CSS Values 4, section 10): of one kind of sizes, for others depend
// on what is not known.
func calculated(ts []token, depth int) (s size, n int) {
	inner, n := group(ts)
	if n == 0 || depth == maxCalculated {
		return size{}, 0
	}
	var all []size
	for _, arg := range parted(inner) {
		s, ok := sum(arg, depth+1)
		if !ok || len(all) > 0 && all[0].unit != s.unit {
			return size{}, 0
		}
		all = append(all, s)
	}
	switch name := ts[0].text; {
	case len(all) == 1 && (name == "(" || name == "calc" || name == "-webkit-calc" || name == "-moz-calc"):
		return all[0], n
	case name == "min":
		for _, s := range all {
			all[0].num = min(all[0].num, s.num)
		}
		return all[0], n
	case name == "max":
		for _, s := range all {
			all[0].num = max(all[0].num, s.num)
		}
		return all[0], n
	case len(all) == 3 && name == "clamp":
		all[1].num = max(all[0].num, min(all[1].num, all[2].num))
		return all[1], n
	}
	return size{}, 0
}

// sum reads sums of products, in which lengths are pixels.
func sum(ts []token, depth int) (total size, ok bool) {
	total, n := product(ts, depth)
	if n == 0 {
		return size{}, false
	}
	for ts = ts[n:]; len(ts) > 0; {
		sign := 1.0
		switch {
		case ts[0].kind != mark || len(ts) < 2 || !ts[0].spaced || !ts[1].spaced:
			return size{}, false
		case ts[0].text == "-":
			sign = -1
		case ts[0].text != "+":
			return size{}, false
		}
		next, n := product(ts[1:], depth)
		if n == 0 || next.unit != total.unit {
			return size{}, false
		}
		total.num += sign * next.num
		ts = ts[1+n:]
	}
	return total, true
}

// product reads sizes with * and / between them.
func product(ts []token, depth int) (total size, n int) {
	total, n = factor(ts, depth)
	for n > 0 && n < len(ts) && ts[n].kind == mark && (ts[n].text == "*" || ts[n].text == "/") {
		next, taken := factor(ts[n+1:], depth)
		switch {
		case taken == 0, next.unit != "" && (total.unit != "" || ts[n].text == "/"):
			return size{}, 0
		case ts[n].text == "/":
			total.num /= next.num
		default:
			total = size{total.num * next.num, total.unit + next.unit}
		}
		n += 1 + taken
	}
	return total, n
}

// factor reads one size of a calculation.
func factor(ts []token, depth int) (size, int) {
	if len(ts) > 0 && ts[0].kind == number {
		t := ts[0]
		per, is := pixels(t.text)
		switch {
		case is:
			return size{t.num * per, "px"}, 1
		case t.text == "", t.text == "%":
			return size{t.num, t.text}, 1
		}
		return size{}, 0
	}
	return calculated(ts, depth)
}

// parted are the arguments of a function, which commas part.
func parted(ts []token) [][]token {
	var args [][]token
	begin := 0
	for i := 0; i < len(ts); i += component(ts[i:]) {
		if ts[i].kind == mark && ts[i].text == "," {
			args, begin = append(args, ts[begin:i]), i+1
		}
	}
	return append(args, ts[begin:])
}

// arguments are the sizes that a function begins with, with commas or blanks between them.
func arguments(ts []token) (list []size) {
	for len(ts) > 0 {
		if ts[0].kind == mark && ts[0].text == "," {
			ts = ts[1:]
			continue
		}
		s, n := sized(ts)
		if n == 0 {
			break
		}
		list, ts = append(list, s), ts[n:]
	}
	return list
}
