package sight

// grounds are the words that may stand in the shorthand background, one of each line (CSS Backgrounds 3,
// section 2.10).
//
//nolint:gochecknoglobals // read-only
var grounds = [...]string{"repeat repeat-x repeat-y no-repeat", "scroll fixed"}

// groundOf is what lies behind letters by the shorthand background; ok only if every browser takes it: none,
// or a colour, a picture and where it stands, each once.
func groundOf(v []token) (ground colour, ok bool) {
	if name(v) == "none" {
		return colour{of: mixed}, true // of alpha 0: what is behind it is seen
	}
	ground.of = mixed
	over := ground
	colours, pictures, places, said := 0, 0, 0, [len(grounds)]bool{}
	for len(v) > 0 {
		n := component(v)
		if c, ok := inkOf(v[:n]); ok {
			colours++
			ground = c
		} else if c, ok := pictureOf(v[:n]); ok {
			pictures++
			over = c
		} else if n = place(v); n > 0 {
			places++
		} else if n = word(v[0], &said); n == 0 {
			return colour{}, false
		}
		v = v[n:]
	}
	if over.alpha >= faint || over.of == picture && ground.of == mixed && ground.alpha < faint { // of a picture nobody knows whether it is there
		ground = over
	}
	return ground, colours+pictures > 0 && max(colours, pictures, places) == 1
}

// word takes one of grounds that was not said: how many tokens it took.
func word(t token, said *[len(grounds)]bool) int {
	for i, list := range grounds {
		if t.kind == ident && isIn(t.text, list) && !said[i] {
			said[i] = true
			return 1
		}
	}
	return 0
}

// place takes where a picture stands, and its size: how many tokens it took.
func place(v []token) (n int) {
	one := func(i int, words string) bool {
		if i >= len(v) {
			return false
		}
		_, ok := length(v[i : i+1])
		return ok || isIn(name(v[i:i+1]), words)
	}
	switch {
	case one(0, "left center right"):
		if n = 1; one(1, "top center bottom") {
			n = 2
		}
	case one(0, "top bottom"):
		n = 1
	default:
		return 0
	}
	if n < len(v) && v[n].kind == mark && v[n].text == "/" {
		if isIn(name(v[n+1:min(n+2, len(v))]), "cover contain") {
			return n + 2
		}
		return 0
	}
	return n
}

// pictureOf is what a value has behind letters that is an address, or a gradient; ok only if every browser
// takes it. Of a gradient whose colours cannot be told apart it is the first of them.
func pictureOf(v []token) (c colour, ok bool) {
	c.of = picture
	if len(v) == 1 && v[0].kind == address {
		return c, true
	}
	f, inner, ok := call(v)
	switch {
	case !ok:
		return c, false
	case f == "url":
		return c, len(inner) == 1 && inner[0].kind == quoted
	case f != "linear-gradient" && f != "radial-gradient":
		return c, false
	}
	stops := parted(inner)
	if f == "linear-gradient" && isDirection(stops[0]) || f == "radial-gradient" && isIn(name(stops[0]), "circle ellipse") {
		stops = stops[1:]
	}
	same := true
	for i, s := range stops {
		stop, ok := stopOf(s)
		if !ok {
			return c, false
		}
		if i == 0 {
			c = stop
		}
		same = same && invisible(stop, c)
	}
	if !same {
		c = colour{of: picture}
	}
	return c, len(stops) > 1
}

// stopOf is the colour of a stop of a gradient, behind which it may say where that is.
func stopOf(v []token) (c colour, ok bool) {
	if len(v) == 0 {
		return c, false
	}
	n := component(v)
	if _, ok = length(v[n:]); n < len(v) && !ok {
		return c, false
	}
	c, ok = inkOf(v[:n])
	return c, ok && c.of == mixed
}

// isDirection tells whether a value is that of a gradient: a side, a corner or an angle.
func isDirection(v []token) bool {
	if len(v) == 1 && v[0].kind == number {
		_, ok := degrees(size{v[0].num, v[0].text})
		return ok && v[0].text != ""
	}
	if len(v) < 2 || len(v) > 3 || name(v[:1]) != "to" {
		return false
	}
	level, upright := 0, 0
	for i := range v[1:] {
		switch {
		case isIn(name(v[i+1:i+2]), "left right"):
			level++
		case isIn(name(v[i+1:i+2]), "top bottom"):
			upright++
		default:
			return false
		}
	}
	return level <= 1 && upright <= 1
}
