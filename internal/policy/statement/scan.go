package statement

import (
	"strings"
	"unicode/utf8"
)

// maxBytes bounds a statement; maxTokens what it is made of.
const (
	maxBytes  = 16 << 10
	maxTokens = 5_000
)

// maxIdentifier is where PostgreSQL cuts a name off (NAMEDATALEN less one) and
// what MySQL stops just above: a longer one could mean another table.
const maxIdentifier = 63

type kind uint8

const (
	end    kind = iota // no token
	word               // select, orders
	quoted             // a quoted name; text is without the quotes
	text               // a string; what it says does not matter
	number             // 1, 0x1f, 1.5e3
	symbol             // one character of punctuation, or an operator
	param              // ?, $1
)

type token struct {
	kind kind
	text string // of a word as it is written, of a symbol the whole operator
}

// is tells whether the token is the word, which is given in lower case, or the
// symbol.
func (t token) is(s string) bool {
	return t.kind == word && len(t.text) == len(s) && lower(t.text) == s || t.kind == symbol && t.text == s
}

// scanner cuts a statement into tokens. What the dialect's own scanner could cut
// elsewhere under another setting is refused.
type scanner struct {
	dialect Dialect
	s       string
	i       int
	tokens  []token
	ended   bool // a semicolon was seen
}

// scan returns the tokens without comments and without the last semicolon.
func scan(d Dialect, sql string) (tokens []token, why string) {
	switch {
	case len(sql) > maxBytes:
		return nil, "is longer than 16 KiB"
	case !utf8.ValidString(sql):
		return nil, "is not valid UTF-8"
	}
	s := &scanner{dialect: d, s: sql}
	for s.i < len(s.s) {
		if why := s.next(); why != "" {
			return nil, why
		}
		if len(s.tokens) > maxTokens {
			return nil, "is made of too many parts"
		}
	}
	return s.tokens, ""
}

func (s *scanner) rest() string { return s.s[s.i:] }

func (s *scanner) put(k kind, t string, n int) string {
	s.tokens = append(s.tokens, token{k, t})
	s.i += n
	return ""
}

func (s *scanner) next() string {
	c := s.s[s.i]
	if c == ' ' || c == '\t' || c == '\n' || c == '\r' {
		s.i++
		return ""
	}
	if s.ended {
		return "holds more than one statement, or something after its semicolon"
	}
	switch {
	case c == 0:
		return "holds a NUL"
	case c < ' ' || c == 0x7f:
		return "holds a control character outside of a string"
	case c >= utf8.RuneSelf:
		return "holds a character outside of ASCII that is in no string and no quoted name"
	case c == ';':
		s.ended = true
		s.i++
		return ""
	case strings.HasPrefix(s.rest(), "--"), c == '#' && s.dialect == MySQL:
		return s.lineComment()
	case strings.HasPrefix(s.rest(), "/*"):
		return s.comment()
	case c == '\'':
		return s.quote('\'', text)
	case c == '"' && s.dialect == MySQL:
		return "holds double quotes, which MySQL reads as a string or as a name by its settings: use single quotes for a string"
	case c == '"':
		return s.quote('"', quoted)
	case c == '`' && s.dialect != Postgres:
		return s.quote('`', quoted)
	case letter(c):
		return s.word()
	case digit(c), c == '.' && len(s.rest()) > 1 && digit(s.s[s.i+1]):
		return s.number()
	case c == '$' && s.dialect == Postgres:
		return s.dollar()
	}
	return s.symbol(c)
}

func (s *scanner) lineComment() string {
	if r := s.rest(); s.dialect == MySQL && r[0] == '-' && len(r) > 2 && r[2] != ' ' && r[2] != '\t' && r[2] != '\n' {
		return "holds -- without a space after it, which is no comment in MySQL"
	}
	n := strings.IndexAny(s.rest(), "\n\r\x00")
	switch {
	case n < 0:
		s.i = len(s.s)
		return ""
	case s.s[s.i+n] == '\r' && (s.i+n+1 >= len(s.s) || s.s[s.i+n+1] != '\n'):
		return "ends a comment with a bare carriage return" // PostgreSQL ends it there, the others do not
	}
	s.i += n // what follows is judged by next
	return ""
}

func (s *scanner) comment() string {
	body := s.rest()[2:]
	mark := strings.TrimLeft(body, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
	if strings.HasPrefix(body, "+") || strings.HasPrefix(mark, "!") { // M! is MariaDB's own
		return "holds a comment that the server obeys (a version comment or a hint)"
	}
	n := strings.Index(body, "*/")
	if n < 0 {
		return "holds a comment that is left open"
	}
	if strings.Contains(body[:n], "/*") {
		return "holds a comment in a comment"
	}
	if strings.IndexByte(body[:n], 0) >= 0 {
		return "holds a NUL"
	}
	s.i += 2 + n + 2
	return ""
}

// quote reads a string or a quoted name, in which a doubled quote stands for
// one. A backslash is a character like others, unless a quote follows: then it
// would end the string under one setting and not under the other.
func (s *scanner) quote(q byte, k kind) string {
	var b strings.Builder
	for i := s.i + 1; i < len(s.s); i++ {
		switch c := s.s[i]; {
		case c == 0:
			return "holds a NUL"
		case c == '\\' && k == quoted:
			return "holds a backslash in a quoted name"
		case c == '\\' && i+1 < len(s.s) && s.s[i+1] == q:
			return "holds a backslash before a quote, which ends the string under some settings and not under others: double the quote instead"
		case c != q:
			b.WriteByte(c)
		case i+1 < len(s.s) && s.s[i+1] == q:
			b.WriteByte(q)
			i++
		default:
			return s.close(k, b.String(), i+1-s.i)
		}
	}
	return "holds a quote that is left open"
}

func (s *scanner) close(k kind, t string, n int) string {
	if k == text {
		return s.put(text, "", n)
	}
	if t == "" || len(t) > maxIdentifier || strings.ContainsFunc(t, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "holds a quoted name that is empty, longer than 63 bytes or has a control character"
	}
	return s.put(quoted, t, n)
}

func (s *scanner) word() string {
	n := 1
	for n < len(s.rest()) && (letter(s.s[s.i+n]) || digit(s.s[s.i+n]) || s.s[s.i+n] == '$') {
		n++
	}
	w := s.rest()[:n]
	if n > maxIdentifier {
		return "holds a name longer than 63 bytes"
	}
	if n == len(s.rest()) || s.s[s.i+n] != '\'' && (s.s[s.i+n] != '"' && s.s[s.i+n] != '&' || lower(w) != "u") {
		return s.put(word, w, n)
	}
	// A letter right before a quote changes how the string is read.
	switch l := lower(w); {
	case l == "x" || l == "b" && s.dialect == Postgres:
		s.i += n
		return s.quote('\'', text)
	case l == "e" && s.dialect == Postgres:
		s.i += n
		return s.escaped()
	case len(l) > 1 && s.dialect == Postgres && l[0] != '_':
		return s.put(word, w, n) // date'2026-01-01'
	}
	return "holds a string with a prefix that is not allowed (N'…', U&'…', _charset'…')"
}

// escaped reads PostgreSQL's E'…', in which a backslash takes the next
// character with it under every setting.
func (s *scanner) escaped() string {
	for i := s.i + 1; i < len(s.s); i++ {
		switch c := s.s[i]; {
		case c == 0:
			return "holds a NUL"
		case c == '\\' && i+1 < len(s.s) && s.s[i+1] == '\'':
			return "holds a backslash before a quote: double the quote instead"
		case c == '\\':
			i++
		case c == '\'' && i+1 < len(s.s) && s.s[i+1] == '\'':
			i++
		case c == '\'':
			return s.put(text, "", i+1-s.i)
		}
	}
	return "holds a quote that is left open"
}

func (s *scanner) number() string {
	r := s.rest()
	n := 0
	for n < len(r) && (digit(r[n]) || r[n] == '.') {
		n++
	}
	switch {
	case n == 1 && r[0] == '0' && len(r) > 1 && (r[1] == 'x' || r[1] == 'X'):
		for n = 2; n < len(r) && strings.IndexByte("0123456789abcdefABCDEF", r[n]) >= 0; {
			n++
		}
	case n+1 < len(r) && (r[n] == 'e' || r[n] == 'E'):
		m := n + 1
		if r[m] == '+' || r[m] == '-' {
			m++
		}
		for n = m; n < len(r) && digit(r[n]); {
			n++
		}
	}
	if strings.Count(r[:n], ".") > 1 || n < len(r) && (letter(r[n]) || r[n] == '$' || r[n] == '.') {
		return "holds a number that runs into a word"
	}
	return s.put(number, r[:n], n)
}

// dollar reads $1, or PostgreSQL's $tag$…$tag$.
func (s *scanner) dollar() string {
	r := s.rest()
	n := 1
	for n < len(r) && digit(r[n]) {
		n++
	}
	if n > 1 {
		if n < len(r) && (letter(r[n]) || r[n] == '$') {
			return "holds a parameter that runs into a word"
		}
		return s.put(param, r[:n], n)
	}
	for n < len(r) && (letter(r[n]) || n > 1 && digit(r[n])) {
		n++
	}
	if n == len(r) || r[n] != '$' {
		return "holds a dollar sign that begins no string"
	}
	tag := r[:n+1]
	m := strings.Index(r[len(tag):], tag)
	if m < 0 {
		return "holds a quote that is left open"
	}
	if strings.IndexByte(r[:m+len(tag)], 0) >= 0 {
		return "holds a NUL"
	}
	return s.put(text, "", len(tag)+m+len(tag))
}

func (s *scanner) symbol(c byte) string {
	switch {
	case strings.IndexByte("(),.[]", c) >= 0, c == ':' && s.dialect == Postgres:
		return s.put(symbol, string(c), 1)
	case c == '?' && s.dialect != Postgres:
		return s.put(param, "?", 1)
	case c == '@' && s.dialect != Postgres:
		return "holds a variable"
	}
	n := 0
	if s.dialect == Postgres {
		n = s.operator()
	} else {
		n = s.mark()
	}
	if n == 0 {
		return "holds a character that is not allowed outside of a string"
	}
	return s.put(symbol, s.rest()[:n], n)
}

// operator is the length of PostgreSQL's: all marks that stand together, up to
// a comment.
func (s *scanner) operator() int {
	n := 0
	for n < len(s.rest()) && strings.IndexByte("+-*/<>=~!%^&|@#?`", s.s[s.i+n]) >= 0 {
		if r := s.rest()[n:]; n > 0 && (strings.HasPrefix(r, "--") || strings.HasPrefix(r, "/*")) {
			break
		}
		n++
	}
	return n
}

// mark is the length of an operator of the others: the longest that they know.
func (s *scanner) mark() int {
	for n := min(3, len(s.rest())); n > 1; n-- {
		if subsetOperators[s.rest()[:n]] {
			return n
		}
	}
	if strings.IndexByte("+-*/<>=~!%^&|", s.s[s.i]) >= 0 {
		return 1
	}
	return 0
}

// subsetOperators are the operators of more than one character.
//
//nolint:gochecknoglobals // a table; read-only
var subsetOperators = set("|| && << >> <= >= <> != == <=> -> ->>")

func letter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' }

func digit(c byte) bool { return c >= '0' && c <= '9' }
