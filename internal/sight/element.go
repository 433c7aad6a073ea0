package sight

import "strings"

// Element gathers what the attributes of a start tag say about whether people see it. The zero value
// is an element without any.
type Element struct {
	gone   bool // no display shows it
	styled bool // it has a style: browsers take the first one
	ink    colour
	ground colour
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
		if e.styled {
			return
		}
		e.styled = true
		var gone bool
		gone, e.ink, e.ground = read(value)
		e.gone = e.gone || gone
	}
}

// Invisible tells whether people do not see what the element holds.
func (e *Element) Invisible() bool {
	ink, ground := e.ink, e.ground
	if ink.of == unsaid {
		ink = e.inkHint
	}
	if ground.of == unsaid {
		ground = e.groundHint
	}
	return e.gone || invisible(ink, ground)
}
