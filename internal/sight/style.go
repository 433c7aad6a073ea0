package sight

import "slices"

// verdict is what a value says of a property.
type verdict uint8

const (
	unknown verdict = iota // no value, or none that every browser takes
	shows                  // it leaves the text to be seen
	thin                   // a size that leaves nothing of what does not fit, if that is cut off
	flat                   // the same, unless what does not fit is said to be shown
	hides
)

// style is what the declarations of an element come to.
type style struct {
	says   map[string]verdict // of each property that is judged
	inks   map[string]colour  // color, -webkit-text-fill-color and background
	quirks map[string]colour  // the same where a later one is a colour in pages without a DOCTYPE alone
	custom map[string][]token // variables
}

// read is what a style says.
func read(text string) (gone bool, ink, ground colour) {
	ts := tokens(text)
	s := cascaded(declarations(ts, false))
	if slices.ContainsFunc(ts, func(t token) bool { return t.text == "{" || t.text == "}" }) {
		if n := cascaded(declarations(ts, true)); n.invisible() {
			s = n
		}
	}
	return s.hidden() || s.odd(), s.ink(), s.inks["background"]
}

// cascaded applies declarations in the order of their weight: those that are important last
// (CSS Cascade 5, section 6.1).
func cascaded(list []declaration) *style {
	s := &style{says: map[string]verdict{}, inks: map[string]colour{}, quirks: map[string]colour{}, custom: map[string][]token{}}
	for _, important := range [...]bool{false, true} {
		for _, d := range list {
			if d.important == important && len(d.name) > 2 && d.name[:2] == "--" {
				s.custom[d.name] = d.value
			}
		}
	}
	for _, important := range [...]bool{false, true} {
		for _, d := range list {
			if d.important == important {
				s.apply(d)
			}
		}
	}
	return s
}

// Bounds of how variables are put in: nobody needs more for what is judged here.
const (
	maxVariables = 4  // within one another
	maxTokens    = 64 // of a value with variables
)

// substituted is a value with the variables of the same style in it; false where it is beyond the bounds.
// A variable that the style does not set stays, as a function that no property takes.
func (s *style) substituted(value []token) ([]token, bool) {
	for range maxVariables {
		if !slices.ContainsFunc(value, variable) {
			return value, true
		}
		var out []token
		put := false
		for i := 0; i < len(value); {
			if len(out) > maxTokens {
				return nil, false
			}
			if !variable(value[i]) {
				out = append(out, value[i])
				i++
				continue
			}
			inner, n := group(value[i:])
			set, is := s.variable(inner)
			if !is {
				set = value[i : i+n]
			} else if len(set) > maxTokens {
				return nil, false
			}
			out, i, put = append(out, set...), i+n, put || is
		}
		if value = trimmed(out); !put {
			return value, true
		}
	}
	return value, !slices.ContainsFunc(value, variable)
}

func variable(t token) bool { return t.kind == function && t.text == "var" }

// variable is what a variable is set to, or what stands behind its name for where it is not.
func (s *style) variable(inner []token) (set []token, is bool) {
	named, fallback, has := cut(inner)
	if set, is = s.custom[name(trimmed(named))]; is {
		return set, true
	}
	return fallback, has
}

// name is a value that is one word.
func name(ts []token) string {
	if len(ts) == 1 && ts[0].kind == ident {
		return ts[0].text
	}
	return ""
}

// cut parts tokens at their first comma.
func cut(ts []token) (before, after []token, found bool) {
	i := slices.IndexFunc(ts, func(t token) bool { return t.kind == mark && t.text == "," })
	if i < 0 {
		return ts, nil, false
	}
	return ts[:i], trimmed(ts[i+1:]), true
}

// reset tells of the words that any property takes, by which it is as though nothing were said.
func reset(value []token) bool {
	switch name(value) {
	case "initial", "inherit", "unset", "revert", "revert-layer":
		return true
	}
	return false
}

// apply has a declaration take effect, if it is one that browsers take.
func (s *style) apply(d declaration) {
	key := d.name
	value, ok := s.substituted(d.value)
	if d.value = value; !ok {
		if matters(key) {
			s.says[key] = hides
		}
		return
	}
	switch {
	case key == "all" && reset(d.value):
		clear(s.says)
		clear(s.inks)
		clear(s.quirks)
		return
	case key == "font":
		key = "font-size"
	case key == "background-color":
		key = "background"
	}
	if reset(d.value) {
		delete(s.says, key)
		delete(s.inks, key)
		delete(s.quirks, key)
		return
	}
	switch key {
	case "color", "-webkit-text-fill-color", "background":
		s.paint(d.name, key, d.value)
		return
	}
	if v := judged(d.name, dense(d.value)); v != unknown {
		s.says[key] = v
	}
}

// paint has a colour take effect.
func (s *style) paint(property, key string, value []token) {
	take := inkOf
	if key == "background" {
		take = groundOf
	}
	if c, ok := take(value); ok {
		s.inks[key] = c
		delete(s.quirks, key)
	} else if c, ok := quirkOf(value); ok && (property == "color" || property == "background-color") {
		s.quirks[key] = c
	}
}

// ink is the colour of the letters.
func (s *style) ink() colour {
	if fill, ok := s.inks["-webkit-text-fill-color"]; ok && fill.of != current {
		return fill
	}
	return s.inks["color"]
}

func (s *style) invisible() bool { return s.hidden() || invisible(s.ink(), s.inks["background"]) }

// odd tells whether the style's colours leave nothing to be seen in a page without a DOCTYPE.
func (s *style) odd() bool {
	ink, ground := s.ink(), s.inks["background"]
	if c, ok := s.quirks["color"]; ok && s.inks["-webkit-text-fill-color"].of == unsaid {
		ink = c
	}
	if c, ok := s.quirks["background"]; ok {
		ground = c
	}
	return len(s.quirks) > 0 && invisible(ink, ground)
}

// hidden tells whether the style leaves nothing to be seen, whatever its colours.
func (s *style) hidden() bool {
	cuts, shown := false, false
	for property, v := range s.says {
		switch property {
		case "overflow", "overflow-x", "overflow-y":
			cuts, shown = cuts || v == hides, shown || v == shows
		default:
			if v == hides {
				return true
			}
		}
	}
	for _, property := range sides {
		switch v := s.says[property]; {
		case v == flat && (cuts || !shown), v == thin && cuts:
			return true
		}
	}
	return false
}

// sides are the properties that say how large an element is.
//
//nolint:gochecknoglobals // read-only
var sides = [...]string{
	"width", "height", "max-width", "max-height", "inline-size", "block-size", "max-inline-size", "max-block-size", "line-height",
}
