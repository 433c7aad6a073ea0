package sight

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// kind is what a token is (CSS Syntax 3, section 4).
type kind uint8

const (
	ident    kind = iota
	function      // a name and its bracket
	atWord        // @name
	hash
	quoted
	address // url(...) without quotes
	bad     // a string or an address that is none: no declaration may have one
	number  // with its unit, % included
	mark    // any other character by itself: , . ! / <
	colon   // :
	ender   // ;
	opens   // ( [ {
	closes  // ) ] }
)

// token is a word of a style. Escapes are read. Names and units are in lower case, but for those of
// variables, whose case makes a difference.
type token struct {
	kind   kind
	spaced bool    // a blank stands before it
	takes  int32   // how many tokens there are up to the one that closes what it opens; 0 of one that opens nothing
	text   string  // a name, a unit, what a string says, or the character
	num    float64 // of a number
	raw    string  // a number as it stands there, with its unit
}

// lexer takes a style to pieces. Its text has line feeds alone for ends of lines and no NUL.
type lexer struct {
	s string
	i int
}

// perToken is how many bytes of a style a token has, about.
const perToken = 4

// tokens are those of a style, without its comments and blanks.
func tokens(style string) []token {
	l := lexer{s: preprocessed(style)}
	ts := make([]token, 0, len(style)/perToken+1)
	spaced := false
	for l.comments(); l.i < len(l.s); l.comments() {
		if white(l.at(0)) {
			l.blanks()
			spaced = true
			continue
		}
		t := l.next()
		t.spaced, spaced = spaced, false
		ts = append(ts, t)
	}
	match(ts)
	return ts
}

// match finds for each bracket the one that closes it; one that none closes goes on to the end (section 5.4.8).
func match(ts []token) {
	var open []int
	for i, t := range ts {
		switch n := len(open); {
		case t.kind == function || t.kind == opens:
			ts[i].takes = int32(len(ts) - i) //nolint:gosec // below maxStyle
			open = append(open, i)
		case n > 0 && t.kind == closes && closer(ts[open[n-1]]) == t.text:
			ts[open[n-1]].takes = int32(i + 1 - open[n-1]) //nolint:gosec // below maxStyle
			open = open[:n-1]
		}
	}
}

// closer is the bracket that closes what a token opens.
func closer(t token) string {
	switch {
	case t.kind == opens && t.text == "[":
		return "]"
	case t.kind == opens && t.text == "{":
		return "}"
	}
	return ")"
}

// preprocessed is what is read for a style (CSS Syntax 3, section 3.3).
func preprocessed(style string) string {
	if strings.ContainsAny(style, "\r\f\x00") {
		return strings.NewReplacer("\r\n", "\n", "\r", "\n", "\f", "\n", "\x00", string(unicode.ReplacementChar)).Replace(style)
	}
	return style
}

// at is a byte from here on; 0 behind the end.
func (l *lexer) at(n int) byte {
	if l.i+n < len(l.s) {
		return l.s[l.i+n]
	}
	return 0
}

// comments goes on behind comments; one without an end goes to the end.
func (l *lexer) comments() {
	for strings.HasPrefix(l.s[l.i:], "/*") {
		n := strings.Index(l.s[l.i+2:], "*/")
		if n < 0 {
			l.i = len(l.s)
			return
		}
		l.i += n + 4
	}
}

// next is the token that begins here (section 4.3.1).
func (l *lexer) next() token {
	c := l.at(0)
	switch {
	case c == '"' || c == '\'':
		return l.quoted(c)
	case l.number():
		return l.numeric()
	case strings.HasPrefix(l.s[l.i:], "-->"):
		return l.mark(len("-->"))
	case strings.HasPrefix(l.s[l.i:], "<!--"):
		return l.mark(len("<!--"))
	case l.word(0):
		return l.wordLike()
	case c == '#' && (nameByte(l.at(1)) || l.escape(1)):
		l.i++
		return token{kind: hash, text: folded(l.name())}
	case c == '@' && l.word(1):
		l.i++
		return token{kind: atWord, text: folded(l.name())}
	}
	t := l.mark(1)
	switch c {
	case ':':
		t.kind = colon
	case ';':
		t.kind = ender
	case '(', '[', '{':
		t.kind = opens
	case ')', ']', '}':
		t.kind = closes
	}
	return t
}

// mark is the next n bytes, which stand for themselves.
func (l *lexer) mark(n int) token {
	l.i += n
	return token{kind: mark, text: l.s[l.i-n : l.i]}
}

func (l *lexer) blanks() {
	for white(l.at(0)) {
		l.i++
	}
}

// quoted reads a string (section 4.3.5). One that a line ends before its quote is bad.
func (l *lexer) quoted(by byte) token {
	var b strings.Builder
	for l.i++; l.i < len(l.s); {
		switch c := l.at(0); {
		case c == by:
			l.i++
			return token{kind: quoted, text: b.String()}
		case c == '\n':
			return token{kind: bad}
		case c == '\\' && l.at(1) == '\n':
			l.i += 2
		case c == '\\' && l.i+1 == len(l.s):
			l.i++
		case c == '\\':
			b.WriteRune(l.escaped())
		default:
			b.WriteByte(c)
			l.i++
		}
	}
	return token{kind: quoted, text: b.String()}
}

// wordLike reads a name, a function or an address (section 4.3.4).
func (l *lexer) wordLike() token {
	name := folded(l.name())
	if l.at(0) != '(' {
		return token{kind: ident, text: name}
	}
	l.i++
	if name != "url" {
		return token{kind: function, text: name}
	}
	l.blanks()
	if c := l.at(0); c == '"' || c == '\'' {
		return token{kind: function, text: name}
	}
	return l.address()
}

// address reads an address without quotes, and what is left of a bad one (section 4.3.6).
func (l *lexer) address() token {
	t := token{kind: address}
	for l.i < len(l.s) {
		switch c := l.at(0); {
		case c == ')':
			l.i++
			return t
		case white(c):
			if l.blanks(); l.i < len(l.s) && l.at(0) != ')' {
				t.kind = bad
			}
		case l.escape(0):
			l.escaped()
		default:
			if c == '"' || c == '\'' || c == '(' || c == '\\' || c < ' ' || c == 0x7f {
				t.kind = bad
			}
			l.i++
		}
	}
	return t
}

// number tells whether a number begins here (section 4.3.10).
func (l *lexer) number() bool {
	n := 0
	if c := l.at(0); c == '+' || c == '-' {
		n++
	}
	if l.at(n) == '.' {
		n++
	}
	return digit(l.at(n))
}

// numeric reads a number and its unit (section 4.3.3).
func (l *lexer) numeric() token {
	start := l.i
	l.i++ // a sign, a point or a digit
	if l.s[start] != '.' {
		l.digits()
		if l.at(0) == '.' && digit(l.at(1)) {
			l.i++
		}
	}
	l.digits()
	if c := l.at(0); c == 'e' || c == 'E' {
		n := 1
		if s := l.at(1); s == '+' || s == '-' {
			n++
		}
		if digit(l.at(n)) {
			l.i += n
			l.digits()
		}
	}
	t := token{kind: number}
	t.num, _ = strconv.ParseFloat(l.s[start:l.i], 64) // what is too large is infinite
	switch {
	case l.word(0):
		t.text = folded(l.name())
	case l.at(0) == '%':
		l.i++
		t.text = "%"
	}
	t.raw = l.s[start:l.i]
	return t
}

func (l *lexer) digits() {
	for digit(l.at(0)) {
		l.i++
	}
}

// word tells whether a name begins n bytes from here (section 4.3.9).
func (l *lexer) word(n int) bool {
	if l.at(n) != '-' {
		return nameByte(l.at(n)) && !digit(l.at(n)) || l.escape(n)
	}
	return l.at(n+1) == '-' || nameByte(l.at(n+1)) && !digit(l.at(n+1)) || l.escape(n+1)
}

// escape tells whether an escape begins n bytes from here (section 4.3.8). One at the very end
// stands for what cannot be read.
func (l *lexer) escape(n int) bool { return l.at(n) == '\\' && l.at(n+1) != '\n' }

// name reads a name with its escapes (section 4.3.11).
func (l *lexer) name() string {
	start := l.i
	for nameByte(l.at(0)) {
		l.i++
	}
	if !l.escape(0) {
		return l.s[start:l.i]
	}
	var b strings.Builder
	b.WriteString(l.s[start:l.i])
	for {
		switch {
		case l.escape(0):
			b.WriteRune(l.escaped())
		case nameByte(l.at(0)):
			b.WriteByte(l.at(0))
			l.i++
		default:
			return b.String()
		}
	}
}

// maxEscape is how many digits an escape has at most (section 4.3.7).
const maxEscape = 6

// escaped reads the escape that begins here: up to six hexadecimal digits and a blank, or any
// other character, which stands for itself.
func (l *lexer) escaped() rune {
	l.i++
	end := l.i
	for end < len(l.s) && end < l.i+maxEscape && strings.IndexByte("0123456789abcdefABCDEF", l.s[end]) >= 0 {
		end++
	}
	if end == l.i {
		r, n := utf8.DecodeRuneInString(l.s[l.i:])
		l.i += n
		return r
	}
	code, err := strconv.ParseUint(l.s[l.i:end], 16, 32)
	l.i = end
	if white(l.at(0)) {
		l.i++
	}
	r := rune(code) //nolint:gosec // of six digits
	if err != nil || code == 0 || !utf8.ValidRune(r) {
		return unicode.ReplacementChar
	}
	return r
}

func white(c byte) bool { return c == ' ' || c == '\t' || c == '\n' }

func digit(c byte) bool { return c >= '0' && c <= '9' }

// nameByte tells whether a byte may be of a name (section 4.2).
func nameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || digit(c) || c == '_' || c == '-' || c >= utf8.RuneSelf
}

// folded is a name in lower case, unless it is that of a variable.
func folded(name string) string {
	if strings.HasPrefix(name, "--") {
		return name
	}
	return lower(name)
}

// lower is a name in lower case, in which letters of ASCII alone have one: a Kelvin sign is no k.
func lower(s string) string {
	for i := range len(s) {
		if s[i] >= 'A' && s[i] <= 'Z' {
			b := []byte(s)
			for ; i < len(b); i++ {
				if b[i] >= 'A' && b[i] <= 'Z' {
					b[i] += 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}
