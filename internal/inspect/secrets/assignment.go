package secrets

import (
	"strings"

	"doorward/internal/gate"
)

// assignment is a value that is given to a name: name=value, "name": "value",
// <name>value</name>, Name: value, "the name is value".
type assignment struct {
	name   string // in lower case, as far as it is made of isName
	value  string
	at     gate.Span // of the value
	quoted bool
	prose  bool // "is" stands between them
	typed  bool // an '=' stands between them, or a ':'
}

// Bounds of what is looked at around a word, in bytes.
const (
	maxName  = 64  // of a name before the word
	maxTail  = 40  // of a name after the word
	maxGap   = 48  // between name and value: an indented line of XML
	maxValue = 512 // of a value
)

// assigned reads the assignment whose name has a word at [start, end).
func assigned(text string, start, end int) (a assignment, ok bool) {
	from := start
	for from > 0 && start-from < maxName && isName[text[from-1]] {
		from--
	}
	tail := end
	for tail < len(text) && tail-end < maxTail && (isName[text[tail]] || text[tail] == ' ' || text[tail] == '\t') {
		tail++
	}
	i, ok := operator(text, tail)
	if ok {
		a.typed = true
	} else if i, ok = copula(text, end, tail); ok {
		a.prose = true
		tail = end
	} else {
		return a, false
	}
	a.name = strings.TrimSpace(strings.ToLower(text[from:tail]))
	a.at, a.quoted, ok = value(text, i)
	if !ok {
		return a, false
	}
	if next, again := annotated(text, a.at); again && !a.quoted {
		if a.at, a.quoted, ok = value(text, next); !ok {
			return a, false
		}
	}
	a.value = text[a.at.Start:a.at.End]
	return a, !strings.HasPrefix(text[a.at.End:], "...") && !strings.HasPrefix(text[a.at.End:], "\u2026")
}

// operator is where the value begins after a name that ends at i: what closes the
// name's quotes and brackets, and then one of the signs that give a value.
func operator(text string, i int) (int, bool) {
	stop := min(len(text), i+8)
	for i < stop && strings.IndexByte(" \t\r\n'\"`\\])", text[i]) >= 0 {
		i++
	}
	rest := text[i:min(len(text), i+24)]
	if v, ok := strings.CutPrefix(rest, "value="); ok {
		return i + len(rest) - len(v), true // <add key="…" value="…">
	}
	for _, sign := range [...]string{":::=", "::=", ":=", "?=", "=>", "->", "||", "==", "=", ":", ">", ",", "(", "|"} {
		if strings.HasPrefix(rest, sign) {
			return i + len(sign), true
		}
	}
	return i, false
}

// copulas say in a sentence what '=' says in a program.
//
//nolint:gochecknoglobals // a table; read-only
var copulas = []string{" is ", " was ", " are ", " ist ", " lautet ", " est ", " es ", " to ", " with ", " of ", " "}

// copula is where the value begins in a sentence; the word ends at end, and the
// name, with what looked like one, at tail.
func copula(text string, end, tail int) (int, bool) {
	within := strings.ToLower(text[end:tail])
	for _, c := range copulas {
		if i := strings.LastIndex(within, c); i >= 0 {
			return end + i + len(c), true
		}
	}
	return 0, false
}

// value is the value that begins near i.
func value(text string, i int) (at gate.Span, quoted, ok bool) {
	stop := min(len(text), i+maxGap)
	var quote byte
	for i < stop && strings.IndexByte(" \t\r\n'\"`\\=>([{|", text[i]) >= 0 {
		if c := text[i]; c == '\'' || c == '"' || c == '`' {
			quote = c
		}
		i++
	}
	for _, scheme := range [...]string{"bearer ", "basic ", "token ", "apikey ", "string(", "[]byte("} {
		if len(text)-i > len(scheme) && strings.EqualFold(text[i:i+len(scheme)], scheme) {
			i += len(scheme)
			if i < len(text) && (text[i] == '"' || text[i] == '\'') {
				quote = text[i]
				i++
			}
			break
		}
	}
	from := i
	stop = min(len(text), from+maxValue)
	for i < stop && text[i] > ' ' && text[i] < 0x7f && text[i] != quote && !closes(text[i], quote) {
		i++
	}
	if i == from || i < len(text) && quote == 0 && strings.IndexByte("([{$", text[i]) >= 0 {
		return at, false, false
	}
	to := i
	for to > from && strings.IndexByte(".,;:!?", text[to-1]) >= 0 && quote == 0 {
		to--
	}
	return gate.Span{Start: from, End: to}, quote != 0, to > from
}

// closes tells whether a byte ends a value.
func closes(c, quote byte) bool {
	switch c {
	case '"', '\'', '`', '\\', '<', '>', '(', ')', '[', ']':
		return true
	case ',', ';', '&', '{', '}', '|':
		return quote == 0
	}
	return false
}

// annotated tells whether a value is a type that is written between the name and
// its value ("token: string = "), and where the value begins then.
func annotated(text string, at gate.Span) (int, bool) {
	i := at.End
	for i < len(text) && i-at.End < 4 && (text[i] == ' ' || text[i] == '>') {
		i++
	}
	if i > at.End && i < len(text) && text[i] == '=' && at.End-at.Start <= 24 {
		return i + 1, true
	}
	return 0, false
}
