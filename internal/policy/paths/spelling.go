package paths

import (
	"strings"
	"unicode/utf8"
)

const (
	whyDoubled   = "has a doubled separator"
	whyName      = "has a component of more than 255 bytes"
	whyDots      = "has a dot segment, or one that could be read as such: write the path without it"
	whyEdge      = "has a component that begins or ends with a space, a quote, a tilde, or ends with a dot, a comma or a colon"
	whyControl   = "has a control character"
	whyBackslash = "has a backslash: separate with /"
	whyCharacter = "has a character that is no part of a portable name (one of \" * < > ? ` { | } ;)"
	whyEscape    = "has a percent escape or a character reference: write the character itself"
	whyVariable  = "has a variable or a substitution: write it out"
)

// Masks of ASCII: letters and digits, and what may stand between them with no
// further question. Bit n of the first word is character n, of the second
// character 64+n.
const (
	wordLow  = 0x03ff_0000_0000_0000 // 0-9
	wordHigh = 0x07ff_fffe_07ff_fffe // A-Z a-z
	markLow  = 1<<' ' | 1<<'!' | 1<<'(' | 1<<')' | 1<<'+' | 1<<',' | 1<<'-' | 1<<'.' | 1<<':' | 1<<'=' | 1<<'#' | 1<<'\''
	markHigh = 1<<('@'-64) | 1<<('['-64) | 1<<(']'-64) | 1<<('^'-64) | 1<<('_'-64) | 1<<('~'-64)
)

func in(c byte, low, high uint64) bool {
	if c < 64 {
		return low>>c&1 != 0
	}
	return c < utf8.RuneSelf && high>>(c-64)&1 != 0
}

// spelling judges the form of a path alone, whatever it names.
func (j *Judge) spelling(path string) string {
	why, ascii := j.components(path, false)
	if why != "" || ascii {
		return why
	}
	return j.unusual(path)
}

// components judges one after the other. It also tells whether all are ASCII.
// Folded is said of a form that nobody wrote but some reader may see.
func (j *Judge) components(path string, folded bool) (why string, ascii bool) {
	from, _ := j.start(path)
	ascii = true
	for i := from; i <= len(path); i++ {
		if i < len(path) {
			if c := path[i]; !j.separator(c) {
				ascii = ascii && c < utf8.RuneSelf
				continue
			}
		} else if from == i {
			break // the root, or a trailing separator
		}
		why := j.component(path[from:i], folded)
		if why == "" && j.windows {
			why = windowsName(path[from:i])
		}
		if why != "" {
			return why, ascii
		}
		from = i + 1
	}
	return "", ascii
}

func (j *Judge) component(s string, folded bool) string {
	if s == "" {
		return whyDoubled
	}
	if len(s) > maxComponent && !folded {
		return whyName
	}
	word, dot, hash, quote := false, false, false, false
	for i := range len(s) {
		c := s[i]
		switch {
		case in(c, wordLow, wordHigh) || c >= utf8.RuneSelf:
			word = true
			continue
		case !in(c, markLow, markHigh):
			if why := questionable(s, i, folded); why != "" {
				return why
			}
		}
		dot, hash, quote = dot || c == '.', hash || c == '#', quote || c == '\''
	}
	switch {
	case dot && !word:
		return whyDots // "..", "....", "..+", "(..)": whoever drops punctuation sees a dot segment
	case hash && climbs(s):
		return whyDots
	case strayFirst(s[0]), strayLast(s[len(s)-1]):
		return whyEdge
	case quote: // to a shell it is not there
		return j.component(strings.ReplaceAll(s, "'", ""), folded)
	}
	return ""
}

// climbs tells whether a reader of URIs, who stops at "#", sees dots and other
// punctuation alone. One dot stays where it is: ".#name" is a lock of an editor.
func climbs(s string) bool {
	stem, _, _ := strings.Cut(s, "#")
	word := func(r rune) bool { return r >= utf8.RuneSelf || isWord(r) }
	return strings.Count(stem, ".") > 1 && !strings.ContainsFunc(stem, word)
}

// strayFirst and strayLast are what a reader may trim, expand or split at. A
// dot at the end is none to Windows.
func strayFirst(c byte) bool { return c == ' ' || c == '\'' || c == '~' }

func strayLast(c byte) bool { return strayFirst(c) || c == '.' || c == ',' || c == ':' }

// questionable judges the ASCII character at i that is no part of most names.
func questionable(s string, i int, folded bool) string {
	switch c := s[i]; {
	case c < ' ' || c == 0x7f:
		return whyControl
	case c == '\\':
		return whyBackslash
	case c == '%':
		return percent(s[i+1:])
	case c == '$':
		// Names in shells begin with a letter, a digit or other punctuation.
		if i+1 < len(s) && s[i+1] < utf8.RuneSelf && strings.IndexByte(" .,)+=", s[i+1]) < 0 {
			return whyVariable
		}
	case c == '&':
		if i+1 < len(s) && s[i+1] == '#' {
			return whyEscape // "&#46": the final semicolon is optional in HTML
		}
	case !folded && c != '/':
		return whyCharacter
	}
	return ""
}

// percent judges what follows a percent sign: two hexadecimal digits (RFC 3986
// §2.1), "u" and four (the escape of ECMAScript, Annex B), or the name of a
// variable and another percent sign. What they decode to does not matter: the
// decoded path is another file.
func percent(rest string) string {
	if hexDigits(rest, 2) {
		return whyEscape
	}
	if rest != "" && rest[0]|0x20 == 'u' && hexDigits(rest[1:], 4) {
		return whyEscape
	}
	name, _, closed := strings.Cut(rest, "%")
	if closed && name != "" && (isLetter(name[0]) || name[0] == '_') && strings.IndexByte(name, ' ') < 0 {
		return whyVariable
	}
	return ""
}

func hexDigits(s string, n int) bool {
	if len(s) < n {
		return false
	}
	for i := range n {
		if c := s[i]; (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f') {
			return false
		}
	}
	return true
}
