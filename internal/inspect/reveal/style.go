package reveal

import (
	"html"
	"strings"

	"doorward/internal/sight"
)

// element is what the attributes of a start tag say about whether people see it.
type element struct {
	sight.Element

	gone  bool   // no display shows it
	value string // of a form field
}

func (e *element) invisible() bool { return e.gone || e.Invisible() }

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
	if strings.IndexByte(value, '&') >= 0 {
		value = html.UnescapeString(value)
	}
	switch name {
	case "type":
		e.gone = e.gone || strings.EqualFold(value, "hidden")
	case "value":
		e.value = value
	case "class":
		for c := range strings.FieldsSeq(strings.ToLower(value)) {
			switch c {
			case "sr-only", "visually-hidden", "visuallyhidden", "screen-reader-text", "d-none", "hidden", "invisible", "hide", "is-hidden", "hidden-text":
				e.gone = true
			}
		}
	default:
		e.Attribute(name, value)
	}
}
