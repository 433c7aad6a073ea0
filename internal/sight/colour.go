package sight

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
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
	return c, n > 0 && n == len(v)
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

// grounds are the words of the shorthand background that say nothing of colours.
const grounds = `none repeat repeat-x repeat-y no-repeat space round scroll fixed local border-box padding-box content-box
	left right top bottom center cover contain auto`

// groundOf is the colour that a background has.
func groundOf(v []token) (ground colour, ok bool) {
	ground.of = mixed // of alpha 0: what is behind it is seen
	for v = dense(v); len(v) > 0; {
		c, n := colourOf(v)
		_, sizes := sized(v)
		switch {
		case n > 0:
			if ground.of != picture {
				ground = c
			}
		case sizes > 0:
			n = sizes
		case v[0].kind == address, v[0].kind == function && (v[0].text == "url" || strings.HasSuffix(v[0].text, "-gradient") || strings.HasSuffix(v[0].text, "image-set")):
			ground, n = colour{of: picture}, component(v)
		case v[0].kind == mark && (v[0].text == "/" || v[0].text == ","), v[0].kind == ident && isIn(v[0].text, grounds):
			n = 1
		default:
			return colour{}, false
		}
		v = v[n:]
	}
	return ground, true
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
		return colour{of: mixed}, 1
	case t.kind == ident && t.text == "currentcolor":
		return colour{of: current}, 1
	case t.kind == ident:
		if rgb, is := named()[t.text]; is {
			c, n = hex(rgb)
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
	c.of, c.alpha = mixed, 1
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

// computed is the colour that a function is (CSS Color 4, sections 5.1 and 7 to 10); unsaid for one that
// not every browser takes.
func computed(name string, inner []token) (c colour) {
	inner = dense(inner)
	space := ""
	if name == "color" && len(inner) > 0 {
		space, inner = inner[0].text, inner[1:]
	}
	list, ok := parts(inner)
	if !ok {
		return colour{}
	}
	c = colour{of: text, alpha: 1, text: name + space + fmt.Sprint(list)}
	if len(list) == 4 {
		c.alpha = min(max(list[3].num/per(list[3]), 0), 1)
	}
	light := 0.0
	switch name {
	case "rgb", "rgba":
		c.of = mixed
		for i := range c.rgb {
			c.rgb[i] = list[i].num
			if list[i].unit == "%" {
				c.rgb[i] *= 2.55
			}
			c.rgb[i] = min(max(c.rgb[i], 0), 255)
		}
		return c
	case "hsl", "hsla":
		light = list[2].num / 100
		if s := list[1].num; s > 0 && light > 0 && light < 1 {
			return c
		}
	case "hwb":
		if light = list[1].num / 100; light < 1 && list[2].num < 100 {
			return c
		}
	case "lab", "lch":
		light = list[0].num / 100
	case "oklab", "oklch":
		light = list[0].num / per(list[0])
	case "color":
		c.of = mixed
		for i := range c.rgb {
			c.rgb[i] = 255 * min(max(list[i].num/per(list[i]), 0), 1)
		}
		return c
	default:
		return colour{}
	}
	if light > 0.98 || light < 0.02 || strings.HasPrefix(name, "h") {
		light = 255 * min(max(light, 0), 1)
		c.of, c.rgb = mixed, [3]float64{light, light, light}
	}
	return c
}

// parts are the three or four numbers of a colour, with commas, blanks or a slash between.
func parts(inner []token) (list []size, ok bool) {
	for len(inner) > 0 {
		t, n := inner[0], 1
		switch {
		case t.kind == mark && (t.text == "," || t.text == "/"):
		case t.kind == ident && t.text == "none":
			list = append(list, size{})
		case t.kind == number:
			list = append(list, size{t.num, t.text})
		default:
			var s size
			if s, n = sized(inner); n == 0 {
				return nil, false
			}
			list = append(list, s)
		}
		inner = inner[n:]
	}
	return list, len(list) == 3 || len(list) == 4
}

// attribute is the colour that an attribute of HTML names: anything is one (WHATWG HTML, 2.4.6).
func attribute(value string) colour {
	value = lower(strings.TrimSpace(value))
	if value == "" || value == "transparent" {
		return colour{}
	}
	digits, is := named()[value]
	if short, signed := strings.CutPrefix(value, "#"); !is && signed && len(short) == 3 {
		if c, n := hex(short); n > 0 {
			return c
		}
	}
	if !is {
		digits = legacy(value)
	}
	c, _ := hex(digits)
	return c
}

// maxLegacy is how many characters of such an attribute are read.
const maxLegacy = 128

// legacy are the six digits that a text stands for.
func legacy(value string) string {
	var b []byte
	for _, r := range value {
		if r > 0xffff {
			b = append(b, '0')
		}
		if r >= utf8.RuneSelf || !strings.ContainsRune("0123456789abcdef", r) && (r != '#' || len(b) > 0) {
			r = '0'
		}
		if b = append(b, byte(r)); len(b) >= maxLegacy {
			b = b[:maxLegacy]
			break
		}
	}
	if len(b) > 0 && b[0] == '#' {
		b = b[1:]
	}
	for len(b) == 0 || len(b)%3 != 0 {
		b = append(b, '0')
	}
	n := len(b) / 3
	parts := [3][]byte{b[:n], b[n : 2*n], b[2*n:]}
	for i := range parts {
		parts[i] = parts[i][max(0, n-8):]
	}
	for len(parts[0]) > 2 && parts[0][0] == '0' && parts[1][0] == '0' && parts[2][0] == '0' {
		for i := range parts {
			parts[i] = parts[i][1:]
		}
	}
	var digits strings.Builder
	for _, p := range parts {
		if len(p) == 1 {
			digits.WriteByte('0')
		}
		digits.Write(p[:min(2, len(p))])
	}
	return digits.String()
}
