package authorize

import "strings"

// maxLayers is how many layers of percent-encoding are looked through. A URI
// with more is refused: nobody encodes four times in good faith, and an
// upstream that decodes so often would see another path than was judged.
const maxLayers = 3

// unsafeURI says why a resource's URI could mean one path here and another to
// an upstream; empty when it could not. Each layer of percent-encoding is
// judged: "%252e%252e" is a dot segment for whoever decodes twice (CWE-22,
// CWE-174).
func unsafeURI(uri string) string {
	s := uri
	for layer := 0; ; layer++ {
		if why := unsafeText(s); why != "" {
			return why
		}
		next, slash := decode(s)
		switch {
		case slash:
			return "encoded slash or backslash in the URI"
		case next == s:
			return ""
		case layer == maxLayers:
			return "percent-encoding nested too deep in the URI"
		}
		s = next
	}
}

// unsafeText judges one layer.
func unsafeText(s string) string {
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ' || c == 0x7f:
			return "control character in the URI"
		case c == '\\':
			return "backslash in the URI"
		}
	}
	rest := s
	if colon := strings.IndexByte(s, ':'); colon >= 0 && strings.IndexByte(s[:colon], '/') < 0 {
		rest = s[colon+1:] // "x:.." has a dot segment too
	}
	// Query and fragment are cut into segments as well: what an upstream takes
	// for a file name may stand there.
	for rest != "" {
		end := strings.IndexAny(rest, "/?#&=;")
		segment := rest
		if end >= 0 {
			segment, rest = rest[:end], rest[end+1:]
		} else {
			rest = ""
		}
		if segment == "." || segment == ".." {
			return "dot segment in the URI"
		}
	}
	return ""
}

// decode takes one layer of percent-encoding off and reports a slash or a
// backslash that comes out of it. What is no hex pair stays as it is.
func decode(s string) (plain string, slash bool) {
	if strings.IndexByte(s, '%') < 0 {
		return s, false
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '%' || i+2 >= len(s) {
			b = append(b, s[i])
			continue
		}
		hi, lo := nibble(s[i+1]), nibble(s[i+2])
		if hi > 15 || lo > 15 {
			b = append(b, s[i])
			continue
		}
		c := hi<<4 | lo
		if c == '/' || c == '\\' {
			return "", true
		}
		b = append(b, c)
		i += 2
	}
	return string(b), false
}

// nibble is the value of a hexadecimal digit, 16 for anything else.
func nibble(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return 16
}
