package paths_test

import (
	"html"
	"net/url"
	"os"
	"path"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// tree is what a hostile value must get out of. It shares no code with the
// judge.
type tree struct {
	windows bool
	under   string
	base    string // of relative paths; empty: the working directory, outside
	closed  string // a directory, in lower case
	names   func(name string) bool
}

// escape returns the readers, in order, that see the path outside of the tree
// or in a closed part, and "" when none of them does. Up to depth readers are
// chained.
func (t *tree) escape(raw string, depth int) string {
	type reading struct{ text, by string }
	seen := map[string]bool{raw: true}
	last := []reading{{raw, "as it is"}}
	for range depth + 1 {
		var next []reading
		for _, r := range last {
			if t.outside(r.text) {
				return r.by
			}
			for _, reader := range readers(t.windows) {
				for _, text := range reader.read(r.text) {
					if !seen[text] && text != "" {
						seen[text] = true
						next = append(next, reading{text, r.by + ", " + reader.name})
					}
				}
			}
		}
		last = next
	}
	return ""
}

func (t *tree) outside(s string) bool {
	if strings.ContainsRune(s, 0) {
		return false // no system opens it; the reader that cuts is another
	}
	if t.windows {
		return t.outsideWindows(s)
	}
	if !strings.HasPrefix(s, "/") {
		if t.base == "" {
			return true
		}
		s = t.base + "/" + s
	}
	return t.left(path.Clean(s), t.under)
}

func (t *tree) outsideWindows(s string) bool {
	s = strings.ReplaceAll(s, `\`, "/")
	if len(s) < 3 || s[1] != ':' || s[2] != '/' {
		return true // relative, drive-relative, UNC, verbatim
	}
	for name := range strings.SplitSeq(s[3:], "/") {
		stem, _, _ := strings.Cut(name, ".")
		if device.MatchString(strings.TrimRight(stem, " ")) || short.MatchString(name) {
			return true
		}
	}
	return t.left(path.Clean(strings.ToLower(s)), strings.ToLower(strings.ReplaceAll(t.under, `\`, "/")))
}

var (
	device = regexp.MustCompile(`(?i)^(con|prn|aux|nul|conin\$|conout\$|clock\$|(com|lpt)[0-9¹²³])$`)
	short  = regexp.MustCompile(`~[0-9]`)
)

func (t *tree) left(s, under string) bool {
	if s != under && !strings.HasPrefix(s, under+"/") {
		return true
	}
	if t.names == nil {
		return false
	}
	low := strings.ToLower(s)
	if low == t.closed || strings.HasPrefix(low, t.closed+"/") {
		return true
	}
	for name := range strings.SplitSeq(low, "/") {
		if t.names(name) {
			return true
		}
	}
	return false
}

type reader struct {
	name string
	read func(string) []string
}

func one(f func(string) string) func(string) []string {
	return func(s string) []string { return []string{f(s)} }
}

// readers are the ways in which a program somewhere behind the gateway may
// read a path.
func readers(windows bool) []reader {
	all := []reader{
		{"percent-decoded", one(decode)},
		{"unicode-escape-decoded", one(func(s string) string { return u4.ReplaceAllStringFunc(s, decodeU4) })},
		{"overlong-decoded", one(func(s string) string { return overlong.Replace(s) })},
		{"NFKC", one(norm.NFKC.String)},
		{"look-alikes mapped", one(func(s string) string { return alike.Replace(s) })},
		{"backslash to slash", one(func(s string) string { return strings.ReplaceAll(s, `\`, "/") })},
		{"trimmed", one(func(s string) string { return strings.TrimFunc(s, trimmed) })},
		{"components trimmed", one(eachComponent(func(c string) string { return strings.TrimFunc(c, trimmed) }))},
		{"trailing dots and spaces dropped", one(eachComponent(dropDots))},
		{"trailing tilde dropped", one(eachComponent(func(c string) string { return strings.TrimRight(c, "~") }))},
		{"cut at NUL", one(cutAt("\x00"))},
		{"cut at a fragment", one(cutAt("#"))},
		{"cut at a query", one(cutAt("?"))},
		{"cut at a line", one(cutAt("\n"))},
		{"parameters dropped", one(eachComponent(cutAt(";")))},
		{"invisible dropped", one(func(s string) string { return strings.Map(visible, s) })},
		{"quotes dropped", one(func(s string) string { return quotes.Replace(s) })},
		{"lower case", one(strings.ToLower)},
		{"../ dropped once", one(func(s string) string { return strings.ReplaceAll(s, "../", "") })},
		{"home expanded", one(home)},
		{"variables expanded", one(func(s string) string { return os.Expand(s, func(string) string { return "../../../../root" }) })},
		{"%variables% expanded", one(func(s string) string { return percents.ReplaceAllString(s, "../../../../root") })},
		{"URI", one(fromURI)},
		{"entities decoded", one(html.UnescapeString)},
		{"split as a list", split},
	}
	if windows {
		all = all[:len(all)-1] // the colon of the drive is no list
		all = append(all, reader{"stream dropped", one(func(s string) string {
			if len(s) < 2 {
				return s
			}
			return s[:2] + eachComponent(cutAt(":"))(s[2:])
		})})
	}
	return all
}

var (
	u4       = regexp.MustCompile(`(?i)%u[0-9a-f]{4}`)
	percents = regexp.MustCompile(`%[A-Za-z_][A-Za-z0-9_()]*%`)
	overlong = strings.NewReplacer("\xc0\xae", ".", "\xc0\xaf", "/", "\xe0\x80\xae", ".", "\xe0\x80\xaf", "/", "\xc0\x2e", ".", "\xc1\x9c", `\`, "\xc0\x80", "\x00")
	alike    = strings.NewReplacer("∕", "/", "⁄", "/", "⧸", "/", "╱", "/", "․", ".", "∖", `\`, "⧵", `\`)
	quotes   = strings.NewReplacer(`"`, "", `'`, "", "`", "")
	scheme   = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]+:`)
)

// decode takes percent escapes off and leaves what is none, as lenient
// decoders do; url.PathUnescape agrees wherever it succeeds.
func decode(s string) string {
	if d, err := url.PathUnescape(s); err == nil {
		return d
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b = append(b, byte(n))
				i += 2
				continue
			}
		}
		b = append(b, s[i])
	}
	return string(b)
}

func decodeU4(s string) string {
	n, _ := strconv.ParseUint(s[2:], 16, 16)
	return string(rune(n))
}

func trimmed(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune("\"'`", r) || visible(r) < 0
}

func visible(r rune) rune {
	if unicode.In(r, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point) {
		return -1
	}
	return r
}

func eachComponent(f func(string) string) func(string) string {
	return func(s string) string {
		cut := func(r rune) bool { return r == '/' || r == '\\' }
		var b strings.Builder
		for s != "" {
			i := strings.IndexFunc(s, cut)
			if i < 0 {
				i = len(s)
			}
			b.WriteString(f(s[:i]))
			if i < len(s) {
				b.WriteByte(s[i])
				i++
			}
			s = s[i:]
		}
		return b.String()
	}
}

// dropDots is what Windows does to a component that is no dot segment.
func dropDots(c string) string {
	if c == "" || c == "." || c == ".." {
		return c
	}
	if d := strings.TrimRight(c, ". "); d != "" {
		return d
	}
	return ".." // of dots alone: some versions climbed
}

func cutAt(at string) func(string) string {
	return func(s string) string {
		before, _, _ := strings.Cut(s, at)
		return before
	}
}

func home(s string) string {
	if !strings.HasPrefix(s, "~") {
		return s
	}
	_, rest, _ := strings.Cut(s, "/")
	return "/root/" + rest
}

func fromURI(s string) string {
	head := scheme.FindString(s)
	if head == "" {
		return s
	}
	rest := s[len(head):]
	if after, ok := strings.CutPrefix(rest, "//"); ok {
		_, after, _ = strings.Cut(after, "/")
		return "/" + after
	}
	return rest
}

// split returns the absolute parts but the first of what looks like a list.
func split(s string) []string {
	var all []string
	parts := strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(":;,|\n ", r) })
	for _, part := range parts[min(1, len(parts)):] {
		if strings.HasPrefix(part, "/") {
			all = append(all, part)
		}
	}
	return all
}
