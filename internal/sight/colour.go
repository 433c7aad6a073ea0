package sight

import (
	"math"
	"strconv"
	"strings"
)

// origin is what a colour is known by.
type origin uint8

const (
	unsaid  origin = iota
	mixed          // its red, green and blue
	text           // only how it is written
	current        // it is that of the letters
	picture        // what lies behind is no plain colour
)

// colour is one of letters, or of what lies behind them.
type colour struct {
	of    origin
	rgb   [3]float64 // 0 to 255
	alpha float64    // 0, nothing of it is seen, to 1
	text  string
	sure  bool // every browser takes it
}

// on is a colour over another one.
func (c colour) on(ground colour) colour {
	for i := range c.rgb {
		c.rgb[i] = c.alpha*c.rgb[i] + (1-c.alpha)*ground.rgb[i]
	}
	return c
}

// paper is what is behind letters where nothing is said.
func paper() colour { return colour{of: mixed, rgb: [3]float64{255, 255, 255}, alpha: 1} }

// alike is how far red, green and blue may be apart in what cannot be told apart: ivory from white.
const alike = 16

// invisible tells whether letters of a colour cannot be seen on a ground.
func invisible(ink, ground colour) bool {
	switch {
	case ground.of == current, ink.of != unsaid && ink.of != current && ink.alpha < faint:
		return true
	case ink.of == unsaid, ink.of == current, ground.of == picture:
		return false
	case ground.of == unsaid, ground.alpha < faint:
		ground = paper()
	}
	if ink.of != ground.of {
		return false
	}
	if ink.of == text {
		return ink.text == ground.text
	}
	ground = ground.on(paper())
	ink = ink.on(ground)
	for i := range ink.rgb {
		if math.Abs(ink.rgb[i]-ground.rgb[i]) > alike {
			return false
		}
	}
	return true
}

// inkOf is the colour that a value is; ok only if every browser takes it.
func inkOf(v []token) (c colour, ok bool) {
	c, n := colourOf(v)
	return c, n > 0 && n == len(v) && c.sure
}

// loose are the colours that stand in a value: browsers may take them.
func loose(v []token) (list []colour) {
	if c, ok := quirkOf(v); ok {
		return []colour{c}
	}
	for ; len(v) > 0; v = v[component(v):] {
		if c, n := colourOf(v); n > 0 {
			list = append(list, c)
		}
	}
	return list
}

// quirkOf is the colour that digits without a number sign are in a page without a DOCTYPE (Quirks Mode
// Standard, section 3.1).
func quirkOf(v []token) (c colour, ok bool) {
	if len(v) != 1 || v[0].kind != ident && v[0].kind != number {
		return colour{}, false
	}
	digits := v[0].raw
	if v[0].kind == ident {
		digits = v[0].text
	}
	if len(digits) != 3 && len(digits) != 6 {
		return colour{}, false
	}
	c, n := hex(digits)
	return c, n > 0
}

// colourOf takes a colour from the front of tokens: how many it took, 0 for none.
func colourOf(v []token) (c colour, n int) {
	if len(v) == 0 {
		return c, 0
	}
	switch t := v[0]; {
	case t.kind == hash:
		c, n = hex(t.text)
	case t.kind == ident && t.text == "transparent":
		return colour{of: mixed, sure: true}, 1
	case t.kind == ident && t.text == "currentcolor":
		return colour{of: current, sure: true}, 1
	case t.kind == ident:
		if rgb, is := named()[t.text]; is {
			c, n = hex(rgb)
			c.sure = !strings.HasPrefix(t.text, "canvas") // which is younger
		}
	case t.kind == function:
		n = component(v)
		inner, _ := group(v)
		if c = computed(t.text, inner); c.of == unsaid {
			n = 0
		}
	}
	return c, n
}

// hex reads the digits of a colour: three, four, six or eight (CSS Color 4, section 5.2).
func hex(digits string) (c colour, n int) {
	if len(digits) == 3 || len(digits) == 4 {
		var b strings.Builder
		for i := range digits {
			b.WriteString(strings.Repeat(digits[i:i+1], 2))
		}
		digits = b.String()
	}
	if len(digits) != 6 && len(digits) != 8 {
		return colour{}, 0
	}
	c.of, c.alpha, c.sure = mixed, 1, true
	for i := 0; i < len(digits); i += 2 {
		part, err := strconv.ParseUint(digits[i:i+2], 16, 8)
		if err != nil {
			return colour{}, 0
		}
		if i == 6 {
			c.alpha = float64(part) / 255
			break
		}
		c.rgb[i/2] = float64(part)
	}
	return c, 1
}
