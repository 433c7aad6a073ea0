package paths

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/bmatcuk/doublestar/v4"
	"golang.org/x/text/unicode/norm"
)

// closed is one entry of Rule.Not, as written and folded. With Windows both are
// written with slashes.
type closed struct {
	glob          bool
	exact, folded string
}

// meta are the characters that mean something to the glob matcher.
const meta = `*?[]{}\`

// not takes a directory or a glob in. The glob matcher reads a backslash as an
// escape, Windows as a separator: there only a directory may have one.
func (c *compiler) not(field, entry string) {
	signs := meta
	if c.judge.windows {
		signs = `*?[]{}`
	}
	_, absolute := c.judge.start(entry)
	switch plain := !strings.ContainsAny(entry, signs); {
	case absolute && plain:
		if dir, ok := c.directory(field, entry); ok {
			dir = c.judge.slashed(dir)
			c.judge.closed = append(c.judge.closed, closed{exact: dir, folded: fold(dir)})
		}
	case c.judge.windows && strings.IndexByte(entry, '\\') >= 0:
		c.fault(field, "is a glob with backslashes: separate with /")
	default:
		c.glob(field, entry)
	}
}

func (c *compiler) glob(field, pattern string) {
	pattern = strings.TrimSuffix(pattern, "/")
	folded := fold(pattern)
	_, absolute := c.judge.start(pattern)
	switch {
	case len(pattern) > maxPattern:
		c.fault(field, "is a glob of more than 1024 bytes")
	case !utf8.ValidString(pattern):
		c.fault(field, whyText)
	case strings.ContainsFunc(pattern, unicode.IsControl):
		c.fault(field, whyControl)
	case !absolute && !strings.HasPrefix(pattern, "**"):
		c.fault(field, `is neither an absolute directory nor a glob that begins with one or with "**/"`)
	case strings.Count(pattern, "{") > maxBraces:
		c.fault(field, "is a glob of more than 4 braces")
	case !doublestar.ValidatePattern(pattern):
		c.fault(field, "is a malformed glob: a bracket, a brace or a backslash is left open")
	case !doublestar.ValidatePattern(folded), metas(folded) != metas(pattern), emptyRange(folded):
		c.fault(field, "is a glob that means something else without case or once folded (NFKC): write it without such ranges and characters")
	default:
		c.judge.closed = append(c.judge.closed, closed{glob: true, exact: pattern + "/**", folded: folded + "/**"})
	}
}

// emptyRange tells whether a class has a range that runs backwards, such as
// "[z-a]": it matches nothing.
func emptyRange(pattern string) bool {
	class, runes := false, []rune(pattern)
	for i, r := range runes {
		switch {
		case r == '[':
			class = true
		case r == ']':
			class = false
		case class && r == '-' && i+1 < len(runes) && runes[i-1] != '[' && runes[i+1] != ']' && runes[i-1] > runes[i+1]:
			return true
		}
	}
	return false
}

func metas(s string) int {
	n := 0
	for i := range len(s) {
		if strings.IndexByte(meta, s[i]) >= 0 {
			n++
		}
	}
	return n
}

// isClosed asks every entry, about the path as it stands and about what a
// volume or a reader that folds names would make of it.
func (j *Judge) isClosed(path string) bool {
	path = j.slashed(path)
	if n := len(path); n > 1 && path[n-1] == '/' {
		path = path[:n-1]
	}
	folded := fold(path)
	for i := range j.closed {
		if j.closed[i].match(path, folded) {
			return true
		}
	}
	return false
}

func (c *closed) match(path, folded string) bool {
	if c.glob {
		// Validated when compiled, so the pattern cannot be bad here.
		return doublestar.MatchUnvalidated(c.exact, path) || doublestar.MatchUnvalidated(c.folded, folded)
	}
	return isOrBelow(path, c.exact) || isOrBelow(folded, c.folded)
}

func isOrBelow(path, dir string) bool {
	rest, ok := strings.CutPrefix(path, dir)
	return ok && (rest == "" || rest[0] == '/')
}

// slashed is the path with slashes for the separators of Windows.
func (j *Judge) slashed(path string) string {
	if !j.windows {
		return path
	}
	return strings.ReplaceAll(path, `\`, "/")
}

// fold brings spellings that some volume or reader takes for one name to one
// form: compatibility characters (NFKC), case, invisible characters, and the
// apostrophes that a shell would drop.
func fold(s string) string {
	if strings.IndexFunc(s, foldable) < 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for _, r := range norm.NFKC.String(s) {
		switch {
		case r == '\'', unicode.In(r, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point):
		case r == 'ß' || r == 'ẞ':
			b.WriteString("ss")
		default:
			b.WriteRune(unicode.ToLower(unicode.ToUpper(r))) // by way of upper case: "ſ", "ı" and "ς" have none lower
		}
	}
	return split(norm.NFKC.String(b.String()))
}

func foldable(r rune) bool { return r >= utf8.RuneSelf || r >= 'A' && r <= 'Z' || r == '\'' }
