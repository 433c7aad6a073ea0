package policy

import "strings"

// forms are the spellings of one URI that a deny is asked about.
type forms struct {
	all [maxForms]string
	n   int
}

// maxForms: the URI as written, decoded up to three times (nobody decodes more
// often), and the last of these without query and fragment.
const maxForms = 5

// maxDecodes is how often percent-encoding is taken off.
const maxDecodes = 3

func (f *forms) add(s string) {
	for i := range f.n {
		if f.all[i] == s {
			return
		}
	}
	if f.n < maxForms {
		f.all[f.n] = s
		f.n++
	}
}

func formsOf(uri string) forms {
	var f forms
	f.add(uri)
	s := canonical(uri)
	f.add(s)
	for range maxDecodes - 1 {
		next := canonical(s)
		if next == s {
			break
		}
		s = next
		f.add(s)
	}
	if i := strings.IndexAny(s, "?#"); i >= 0 {
		f.add(s[:i])
	}
	return f
}

// canonical decodes percent-encoding once, puts scheme and host in lower case
// (RFC 3986 §6.2.2.1: they are case-insensitive) and makes one slash of
// several in the path. It returns uri itself when there is nothing to do.
func canonical(uri string) string {
	s := uri
	if strings.IndexByte(s, '%') >= 0 {
		s = unescape(s, false)
	}
	head := authorityEnd(s)
	if lower := strings.ToLower(s[:head]); lower != s[:head] {
		s = lower + s[head:]
	}
	for strings.Contains(s[head:], "//") {
		s = s[:head] + strings.ReplaceAll(s[head:], "//", "/")
	}
	return s
}

// canonicalPattern does to a deny pattern what canonical does to a URI; what
// decoding brings out is literal and stays so.
func canonicalPattern(p string) string {
	if strings.IndexByte(p, '%') >= 0 {
		p = unescape(p, true)
	}
	head := authorityEnd(p)
	if strings.ContainsAny(p[:head], `[\`) {
		return p // lower case would change a class or an escape
	}
	return strings.ToLower(p[:head]) + p[head:]
}

// authorityEnd is where the path of scheme://host/path begins; without an
// authority, where the scheme ends.
func authorityEnd(s string) int {
	colon := strings.IndexByte(s, ':')
	if colon < 0 || strings.IndexByte(s[:colon], '/') >= 0 {
		return 0
	}
	rest := s[colon+1:]
	if !strings.HasPrefix(rest, "//") {
		return colon + 1
	}
	if end := strings.IndexAny(rest[2:], "/?#"); end >= 0 {
		return colon + 3 + end
	}
	return len(s)
}

// unescape decodes %XX and leaves what is no hex pair as it is. With quoted, a
// decoded metacharacter of globs is preceded by a backslash.
func unescape(s string, quoted bool) string {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]) {
			c := nibble(s[i+1])<<4 | nibble(s[i+2])
			if quoted && strings.IndexByte(meta, c) >= 0 {
				b = append(b, '\\')
			}
			b = append(b, c)
			i += 2
			continue
		}
		b = append(b, s[i])
	}
	return string(b)
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func nibble(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c <= 'F':
		return c - 'A' + 10
	default:
		return c - 'a' + 10
	}
}

// withoutExpressions replaces each {expression} of a URI template (RFC 6570)
// by one "x". A brace that nothing closes stays.
func withoutExpressions(template string) string {
	if strings.IndexByte(template, '{') < 0 {
		return template
	}
	var b strings.Builder
	for {
		before, after, ok := strings.Cut(template, "{")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		_, rest, closed := strings.Cut(after, "}")
		if !closed {
			b.WriteString("{" + after)
			return b.String()
		}
		b.WriteByte('x')
		template = rest
	}
}
