package reveal

import (
	"html"
	"strings"
	"unicode/utf8"

	"doorward/internal/sight"
)

// element is what the attributes of a start tag say about whether people see it.
type element struct {
	sight.Element

	other *sight.Element // what it is if character references are read as in attributes, if that differs
	gone  bool           // no display shows it
	value string         // of a form field
}

func (e *element) invisible() bool {
	return e.gone || e.Invisible() || e.other != nil && e.other.Invisible()
}

// attributes reads the attributes of a start tag after its name.
func attributes(s string) element {
	var e element
	for {
		s = strings.TrimLeft(s, " \t\r\n\f/>")
		if s == "" {
			return e
		}
		n := 1 // an equals sign that a name begins with is one of its letters
		if end := strings.IndexAny(s[1:], "= \t\r\n\f/>"); end >= 0 {
			n += end
		} else {
			n = len(s)
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
	strict := value
	if strings.IndexByte(value, '&') >= 0 {
		value, strict = html.UnescapeString(value), unescaped(value)
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
		if e.other == nil && strict != value {
			other := e.Element
			e.other = &other
		}
		e.Attribute(name, value)
		if e.other != nil {
			e.other.Attribute(name, strict)
		}
	}
}

// unescaped is the value of an attribute with its character references read: a name without a semicolon is
// none before a letter, a digit or an equals sign (WHATWG HTML, 13.2.5.73), as it is in text.
func unescaped(value string) string {
	text, value, found := strings.Cut(value, "&")
	var b strings.Builder
	b.WriteString(text)
	for found {
		if text, value, found = strings.Cut(value, "&"); strings.HasPrefix(text, "#") {
			b.WriteString(numeric(text))
			continue
		}
		n := 0
		for n < len(text) && (asciiLetter(text[n]) || text[n] >= '0' && text[n] <= '9') {
			n++
		}
		most := 1 // characters of what a name without a semicolon stands for
		if n < len(text) && text[n] == ';' {
			n++
			most = 2
		}
		reference := "&" + text[:n]
		if r := html.UnescapeString(reference); utf8.RuneCountInString(r) <= most && (most == 2 || n == len(text) || text[n] != '=') {
			reference = r
		}
		b.WriteString(reference)
		b.WriteString(text[n:])
	}
	return b.String()
}

// numeric is what stands behind an ampersand and begins with a number sign, with its reference read. The
// library takes one without digits for one, and none of a single digit without a semicolon.
func numeric(text string) string {
	digits := text[1:]
	switch {
	case digits != "" && digits[0] >= '0' && digits[0] <= '9':
		return html.UnescapeString("&#0" + digits)
	case len(digits) > 1 && digits[0]|0x20 == 'x' && strings.IndexByte("0123456789abcdefABCDEF", digits[1]) >= 0:
		return html.UnescapeString("&" + text)
	}
	return "&" + text
}
