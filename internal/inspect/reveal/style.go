package reveal

import (
	"html"
	"strconv"
	"strings"
)

// element is what the attributes of a start tag say about whether people see it.
type element struct {
	gone    bool   // no display shows it
	colour  string // of its letters, as shade names it; empty if not said
	ground  string // behind them
	value   string // of a form field
	clipped bool   // what does not fit is cut off
	flat    bool   // it has no width or no height
}

func (e *element) invisible() bool {
	if e.gone || e.clipped && e.flat || e.colour == "transparent" {
		return true
	}
	ground := e.ground
	if ground == "" {
		ground = "white"
	}
	return e.colour != "" && e.colour == ground
}

// attributes reads the attributes of a start tag after its name.
func attributes(s string) element {
	var e element
	for {
		s = strings.TrimLeft(s, " \t\r\n\f/>")
		if s == "" {
			return e
		}
		n := strings.IndexAny(s, "= \t\r\n\f/>")
		if n < 0 {
			n = len(s)
		}
		if n == 0 {
			s = s[1:]
			continue
		}
		name := strings.ToLower(s[:n])
		s = strings.TrimLeft(s[n:], " \t\r\n\f")
		value := ""
		if strings.HasPrefix(s, "=") {
			value, s = attributeValue(strings.TrimLeft(s[1:], " \t\r\n\f"))
		}
		e.attribute(name, value)
	}
}

func attributeValue(s string) (value, rest string) {
	if s != "" && (s[0] == '"' || s[0] == '\'') {
		value, rest, _ = strings.Cut(s[1:], s[:1])
		return value, rest
	}
	n := strings.IndexAny(s, " \t\r\n\f>")
	if n < 0 {
		n = len(s)
	}
	return s[:n], s[n:]
}

func (e *element) attribute(name, value string) {
	switch name {
	case "hidden":
		e.gone = true
	case "aria-hidden":
		e.gone = e.gone || strings.EqualFold(value, "true")
	case "type":
		e.gone = e.gone || strings.EqualFold(value, "hidden")
	case "value":
		e.value = html.UnescapeString(value)
	case "color":
		e.colour = shade(value)
	case "bgcolor":
		e.ground = shade(value)
	case "class":
		for c := range strings.FieldsSeq(strings.ToLower(value)) {
			switch c {
			case "sr-only", "visually-hidden", "visuallyhidden", "screen-reader-text", "d-none", "hidden", "invisible", "hide", "is-hidden", "hidden-text":
				e.gone = true
			}
		}
	case "style":
		if strings.IndexByte(value, '&') >= 0 {
			value = html.UnescapeString(value)
		}
		for d := range strings.SplitSeq(uncommented(value), ";") {
			if property, v, ok := strings.Cut(d, ":"); ok {
				e.declare(strings.ToLower(strings.TrimSpace(property)), strings.ToLower(strings.TrimSpace(strings.Replace(v, "!important", "", 1))))
			}
		}
	}
}

// uncommented is a style without its comments.
func uncommented(s string) string {
	for {
		before, rest, found := strings.Cut(s, "/*")
		if !found {
			return s
		}
		_, after, closed := strings.Cut(rest, "*/")
		if !closed {
			return before
		}
		s = before + after
	}
}

// unreadable is the largest size of letters, in pixels or points, that nobody reads.
const unreadable = 2

// declare takes one declaration of a style.
func (e *element) declare(property, v string) {
	size, number := leadingNumber(v)
	switch property {
	case "display":
		e.gone = e.gone || v == "none"
	case "visibility", "content-visibility":
		e.gone = e.gone || v == "hidden" || v == "collapse"
	case "mso-hide":
		e.gone = e.gone || v == "all"
	case "opacity":
		e.gone = e.gone || number && size < 0.05
	case "font-size", "font":
		e.gone = e.gone || number && (size < 0.2 || size <= unreadable && (strings.Contains(v, "px") || strings.Contains(v, "pt") || strings.Contains(v, "%")))
	case "zoom", "scale":
		e.gone = e.gone || number && size < 0.05
	case "width", "height", "max-width", "max-height", "line-height":
		e.flat = e.flat || number && size <= 1 && !strings.HasSuffix(v, "em") && (size == 0 || strings.HasSuffix(v, "px"))
		e.gone = e.gone || property == "max-height" && number && size == 0
	case "overflow":
		e.clipped = v == "hidden" || v == "clip"
	case "text-indent", "left", "right", "top", "bottom", "margin", "margin-left", "margin-top", "margin-right", "letter-spacing":
		e.gone = e.gone || number && size <= -100
	case "clip", "clip-path":
		v = strings.ReplaceAll(v, " ", "")
		for _, none := range [...]string{"rect(0", "rect(1px,1px", "inset(50%", "inset(100%", "circle(0", "polygon(00"} {
			e.gone = e.gone || strings.HasPrefix(v, none)
		}
	case "transform":
		v = strings.ReplaceAll(v, " ", "")
		e.gone = e.gone || strings.Contains(v, "scale(0)") || strings.Contains(v, "scale(0,") || strings.Contains(v, "translate(-999") || strings.Contains(v, "translatex(-999")
	case "filter":
		e.gone = e.gone || strings.HasPrefix(strings.ReplaceAll(v, " ", ""), "opacity(0")
	case "color", "-webkit-text-fill-color":
		e.colour = shade(v)
	case "background", "background-color":
		if first, _, _ := strings.Cut(v, " "); v != "" {
			if strings.Contains(first, "(") {
				first = v
			}
			e.ground = shade(first)
		}
	}
}

// leadingNumber is the number that a value begins with.
func leadingNumber(v string) (float64, bool) {
	n := 0
	for n < len(v) && n < 16 && (v[n] >= '0' && v[n] <= '9' || v[n] == '.' || n == 0 && v[n] == '-') {
		n++
	}
	f, err := strconv.ParseFloat(v[:n], 64)
	return f, err == nil
}

// shade names white, black and no colour, however they are written.
func shade(s string) string {
	s = strings.ToLower(strings.NewReplacer(" ", "", "\t", "").Replace(strings.Trim(s, "'\"")))
	switch s {
	case "white", "#fff", "#ffffff", "#ffff", "#ffffffff", "ffffff", "snow", "ivory", "ghostwhite", "whitesmoke", "floralwhite", "azure", "mintcream",
		"#fefefe", "#fdfdfd", "#fcfcfc", "#fafafa", "rgb(254,254,254)", "hsl(0,0%,100%)", "rgb(100%,100%,100%)":
		return "white"
	case "black", "#000", "#000000", "000000", "rgb(0,0,0)", "hsl(0,0%,0%)":
		return "black"
	}
	inner, isFunction := strings.CutSuffix(s, ")")
	switch {
	case isFunction && strings.Contains(inner, "a(") && strings.Count(inner, ",") == 3 || strings.Contains(inner, "/"):
		if alpha, ok := leadingNumber(inner[strings.LastIndexAny(inner, ",/")+1:]); ok && alpha < 0.05 {
			return "transparent"
		}
	case len(s) == 9 && s[0] == '#' && strings.HasSuffix(s, "00"), len(s) == 5 && s[0] == '#' && s[4] == '0':
		return "transparent"
	}
	if strings.HasPrefix(s, "rgb(255,255,255") || strings.HasPrefix(s, "rgba(255,255,255") {
		return "white"
	}
	return s
}
