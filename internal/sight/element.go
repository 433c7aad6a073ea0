package sight

import "strings"

// Element gathers what the attributes of a start tag say about whether people see it. The zero value
// is an element without any.
type Element struct {
	gone   bool      // no display shows it
	styled bool      // it has a style: browsers take the first one
	read   []reading // of that style, as many as browsers differ in
	// What attributes say of colours gives way to what a style says.
	inkHint, groundHint colour
}

// Attribute takes an attribute: its name in lower case, and its value without character references.
// Those that say nothing of what is seen are passed over.
func (e *Element) Attribute(name, value string) {
	switch name {
	case "hidden":
		e.gone = true
	case "aria-hidden":
		e.gone = e.gone || strings.EqualFold(strings.TrimSpace(value), "true")
	case "color": // browsers take the first of two attributes of one name
		if e.inkHint.of == unsaid {
			e.inkHint = attribute(value)
		}
	case "bgcolor":
		if e.groundHint.of == unsaid {
			e.groundHint = attribute(value)
		}
	case "style":
		if !e.styled {
			e.styled, e.read = true, read(value)
		}
	}
}

// Invisible tells whether people do not see what the element holds, in any browser.
func (e *Element) Invisible() bool {
	if e.gone || !e.styled && invisible(e.inkHint, e.groundHint) {
		return true
	}
	for _, r := range e.read {
		if r.gone || r.faded(e.inkHint, e.groundHint) {
			return true
		}
	}
	return false
}

// reading is what a style comes to.
type reading struct {
	gone          bool     // nothing is seen, whatever its colours
	inks, grounds []colour // that browsers may have for the letters, and for what lies behind them
}

// faded tells whether letters cannot be seen on what lies behind them, for any two colours that browsers
// may have; ink and ground are those of a style that says none.
func (r reading) faded(ink, ground colour) bool {
	for _, i := range r.inks {
		if i.of == unsaid {
			i = ink
		}
		for _, g := range r.grounds {
			if g.of == unsaid {
				g = ground
			}
			if invisible(i, g) {
				return true
			}
		}
	}
	return false
}
