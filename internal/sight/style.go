package sight

// verdict is what a value says of a property.
type verdict uint8

const (
	unknown verdict = iota // nothing, or not for certain
	shows                  // it leaves the text to be seen
	thin                   // a size that leaves nothing of what does not fit, if that is cut off
	flat                   // the same, unless what does not fit is said to be shown
	hides
)

// style is what the declarations of an element come to.
type style struct {
	says   map[string]verdict  // of each property that is judged
	paints map[string][]colour // color, -webkit-text-fill-color and background: what browsers may take
	custom map[string][]token  // variables
	left   int                 // how many tokens may still be put in for variables
}

// maxStyle is how many bytes of a style are read: no person writes one that is longer, so it hides.
const maxStyle = 64 << 10

// read is what a style says, once for each way in which browsers part its declarations.
func read(text string) []reading {
	if len(text) > maxStyle {
		return []reading{{gone: true}}
	}
	ts := tokens(text)
	list := []reading{cascaded(declarations(ts, false), len(ts)).reading()}
	for _, t := range ts {
		if t.text == "{" || t.text == "}" {
			return append(list, cascaded(declarations(ts, true), len(ts)).reading())
		}
	}
	return list
}

// cascaded applies declarations of n tokens in the order of their weight: those that are important last
// (CSS Cascade 5, section 6.1).
func cascaded(list []declaration, n int) *style {
	s := &style{says: map[string]verdict{}, paints: map[string][]colour{}, custom: map[string][]token{}, left: 2*n + maxTokens}
	for _, important := range [...]bool{false, true} {
		for _, d := range list {
			switch {
			case d.important != important || !isCustom(d.name):
			case reset(d.value): // it is as though it were not set
				delete(s.custom, d.name)
			default:
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

// name is a value that is one word.
func name(ts []token) string {
	if len(ts) == 1 && ts[0].kind == ident {
		return ts[0].text
	}
	return ""
}

// reset tells of the words that any property takes, by which it is as though nothing were said.
func reset(value []token) bool {
	switch name(value) {
	case "initial", "inherit", "unset", "revert", "revert-layer":
		return true
	}
	return false
}

// Bounds of a value, in tokens: who writes for people needs fewer. What is beyond them is not read.
const (
	maxValue = 128
	maxShape = 512 // of polygons, and of backgrounds of many pictures
)

// apply has a declaration take effect: it takes the place of those before it if every browser takes it,
// and hides if it says so.
func (s *style) apply(d declaration) {
	if d.name == "all" && reset(d.value) {
		clear(s.says)
		clear(s.paints)
		return
	}
	p, is := judged()[d.name]
	if !is {
		return
	}
	key := d.name
	if p.key != "" {
		key = p.key
	}
	value, ok := s.substituted(d.value)
	switch {
	case !ok || len(value) > max(p.most, maxValue):
		s.says[key] = hides
	case reset(value):
		delete(s.says, key)
		delete(s.paints, key)
	case p.paint != nil:
		s.paint(key, p.paint, value)
	case p.shows(value):
		s.says[key] = max(shows, p.hides(value))
	default:
		if v := p.hides(value); v != unknown {
			s.says[key] = max(s.says[key], v)
		}
	}
}

// maxPaints is how many colours a property may have about which browsers may differ; with more it hides.
const maxPaints = 8

// paint has a colour take effect.
func (s *style) paint(key string, sure func([]token) (colour, bool), value []token) {
	if c, ok := sure(value); ok {
		s.paints[key] = []colour{c}
		delete(s.says, key)
		return
	}
	list := append(s.possible(key), loose(value)...)
	if len(list) > maxPaints {
		s.says[key] = hides
		return
	}
	s.paints[key] = list
}

// possible are the colours that browsers may take for a property.
func (s *style) possible(key string) []colour {
	if list, is := s.paints[key]; is {
		return list
	}
	return []colour{{}}
}

// reading is what a style comes to.
func (s *style) reading() reading {
	r := reading{gone: s.hidden(), grounds: s.possible("background")}
	for _, c := range s.possible("-webkit-text-fill-color") {
		if c.of == unsaid || c.of == current {
			r.inks = append(r.inks, s.possible("color")...)
		} else {
			r.inks = append(r.inks, c)
		}
	}
	return r
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
	for _, v := range s.says {
		if v == flat && (cuts || !shown) || v == thin && cuts {
			return true
		}
	}
	return false
}
