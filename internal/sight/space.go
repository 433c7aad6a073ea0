package sight

import (
	"fmt"
	"math"
)

// computed is the colour that a function is (CSS Color 4, sections 5.1 and 7 to 10); unsaid for none.
func computed(name string, inner []token) (c colour) {
	space := ""
	if name == "color" && len(inner) > 0 {
		space, inner = inner[0].text, inner[1:]
	}
	list, plain := channels(inner)
	if len(list) != 3 && len(list) != 4 {
		return colour{}
	}
	c = colour{of: mixed, alpha: 1}
	if len(list) == 4 {
		c.alpha = min(max(list[3].num/per(list[3]), 0), 1)
		plain = plain && (list[3].unit == "" || list[3].unit == "%")
	}
	light := 0.0
	switch name {
	case "rgb", "rgba":
		c.sure = plain && (list[0].unit == "" || list[0].unit == "%") && list[0].unit == list[1].unit && list[0].unit == list[2].unit
		for i := range c.rgb {
			c.rgb[i] = min(max(list[i].num*255/byteOf(list[i]), 0), 255)
		}
		return c
	case "hsl", "hsla":
		_, isAngle := degrees(list[0])
		c.sure = plain && isAngle && list[1].unit == "%" && list[2].unit == "%"
		c.rgb = hsl(list[0], list[1].num/100, list[2].num/100)
		return c
	case "hwb":
		c.rgb = hwb(list[0], list[1].num/100, list[2].num/100)
		return c
	case "color":
		for i := range c.rgb {
			c.rgb[i] = 255 * min(max(list[i].num/per(list[i]), 0), 1)
		}
		return c
	case "lab", "lch":
		light = list[0].num / 100
	case "oklab", "oklch":
		light = list[0].num / per(list[0])
	default:
		return colour{}
	}
	if light > 0.98 || light < 0.02 {
		light = 255 * min(max(light, 0), 1)
		c.rgb = [3]float64{light, light, light}
		return c
	}
	c.of, c.text = text, name+space+fmt.Sprint(list)
	return c
}

// byteOf is how many of a size are a whole part of a colour.
func byteOf(s size) float64 {
	if s.unit == "%" {
		return 100
	}
	return 255
}

// degrees are those of an angle; false for what is none.
func degrees(s size) (float64, bool) {
	switch s.unit {
	case "", "deg":
		return s.num, true
	case "grad":
		return s.num * 0.9, true
	case "rad":
		return s.num * 180 / math.Pi, true
	case "turn":
		return s.num * 360, true
	}
	return s.num, false
}

// hsl is a colour of a hue, with parts of saturation and light (CSS Color 4, section 7.1).
func hsl(hue size, saturation, light float64) (rgb [3]float64) {
	angle, _ := degrees(hue)
	saturation, light = min(max(saturation, 0), 1), min(max(light, 0), 1)
	for i, n := range [...]float64{0, 8, 4} {
		k := math.Mod(math.Mod(n+angle/30, 12)+12, 12)
		rgb[i] = 255 * (light - saturation*min(light, 1-light)*max(-1, min(k-3, 9-k, 1)))
	}
	return rgb
}

// hwb is a colour of a hue, with parts of white and black (section 8.1).
func hwb(hue size, white, black float64) (rgb [3]float64) {
	white, black = max(white, 0), max(black, 0)
	if all := white + black; all >= 1 {
		white, black = white/all, black/all
	}
	rgb = hsl(hue, 1, 0.5)
	for i := range rgb {
		rgb[i] = rgb[i]*(1-white-black) + 255*white
	}
	return rgb
}

// channels are the numbers of a colour; plain tells whether they stand as every browser takes them: all
// with commas between, or with blanks and a slash before the last.
func channels(inner []token) (list []size, plain bool) {
	form := ""
	for len(inner) > 0 {
		t, n := inner[0], 1
		switch {
		case t.kind == mark && (t.text == "," || t.text == "/"):
			form += t.text
		case t.kind == number:
			list, form = append(list, size{t.num, t.text}), form+"n"
		case t.kind == ident && t.text == "none":
			list, form = append(list, size{}), form+"?"
		default:
			var s size
			if s, n = sized(inner); n == 0 {
				return nil, false
			}
			list, form = append(list, s), form+"?"
		}
		inner = inner[n:]
	}
	return list, isIn(form, "n,n,n n,n,n,n nnn nnn/n")
}
