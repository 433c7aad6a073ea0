package personal

import (
	"strings"

	"doorward/internal/gate"
)

// Bounds of an address of mail (RFC 5321 section 4.5.3.1), in bytes.
const (
	maxLocal  = 64
	maxDomain = 255
)

// email finds the address whose @ is at i. Those that are reserved for
// documentation (RFC 2606) are nobody's.
func (s *search) email(text string, i int) {
	from, end := i, i+1
	for from > 0 && i-from < maxLocal && (inWord(text[from-1]) || strings.IndexByte(".+-'%", text[from-1]) >= 0) {
		from--
	}
	for from < i && strings.IndexByte(".+-'%", text[from]) >= 0 {
		from++
	}
	for end < len(text) && end-i < maxDomain && (isDigit(text[end]) || isLetter(text[end]) || text[end] == '.' || text[end] == '-') {
		end++
	}
	for end > i+1 && (text[end-1] == '.' || text[end-1] == '-') {
		end--
	}
	domain := strings.ToLower(text[i+1 : end])
	dot := strings.LastIndexByte(domain, '.')
	if from == i || dot < 1 || len(domain)-dot < 3 || !isLetter(domain[dot+1]) || strings.Contains(domain, "..") {
		return
	}
	for _, reserved := range [...]string{"example.com", "example.org", "example.net", ".example", ".test", ".invalid", ".localhost"} {
		if domain == reserved || strings.HasSuffix(domain, "."+strings.TrimPrefix(reserved, ".")) {
			return
		}
	}
	s.add("email", gate.Low, text, gate.Span{Start: from, End: end}, "It is an address of mail.")
}

// callers are words that a telephone number follows, in lower case.
//
//nolint:gochecknoglobals // a table; read-only
var callers = []string{
	"phone", "mobile", "cell", "call", "tel", "fax", "whatsapp", "sms", "text me", "dial", "ring", "contact", "reach", "answer", "messages to", "registered", "handy", "telefon", "anruf",
	"móvil", "movil", "teléfono", "celular", "portable", "téléphone", "cellulare", "mobiel", "komórk", "numer", "number",
}

// near is how far before a number words are looked for, in bytes.
const near = 48

// after tells whether one of the words stands before i, on the same line or the
// line before.
func after(text string, i int, words []string) bool {
	before := strings.ToLower(text[max(0, i-near):i])
	for _, w := range words {
		if strings.Contains(before, w) {
			return true
		}
	}
	return false
}

// phone finds a number in groups, or in one piece, where a word says that it is
// one, or in the form that North America writes: 000-000-0000.
func (s *search) phone(text string, n *number) bool {
	if len(n.digits) < 7 || len(n.digits) > 15 || !varied(n.digits, 3) {
		return false
	}
	switch n.shape(text) {
	case "000-000-0000", "000.000.0000":
	default:
		if strings.Contains(n.seps, "/") || len(n.groups) > 6 || !after(text, n.at.Start, callers) {
			return false
		}
	}
	s.add("phone", gate.Low, text, n.at, "It has the form of a telephone number, or is said to be one.")
	return true
}

// plus finds a number in international form (ITU-T E.164): a plus, then seven to
// fifteen digits.
func (s *search) plus(text string, i int) {
	if i > 0 && (inWord(text[i-1]) || text[i-1] == '+') || i+2 >= len(text) {
		return
	}
	end, digits, seps := i+1, 0, 0
	for j := i + 1; j < len(text) && j-i < maxNumber; j++ {
		switch c := text[j]; {
		case isDigit(c):
			digits++
			seps = 0
			end = j + 1
			continue
		case strings.IndexByte(" .-()/", c) >= 0 && seps < 2 && digits > 0:
			seps++
			continue
		}
		break
	}
	if digits < 8 || digits > 15 || text[i+1] < '1' || text[i+1] > '9' || end < len(text) && inWord(text[end]) {
		return
	}
	s.add("phone", gate.Low, text, gate.Span{Start: i, End: end}, "It is a telephone number in international form.")
}

// bracket finds a number whose first group is in brackets: (000) 000-0000.
func (s *search) bracket(text string, i int) {
	end := i + 1
	for end < len(text) && isDigit(text[end]) {
		end++
	}
	area := end - i - 1
	if area < 2 || area > 5 || end >= len(text) || text[end] != ')' {
		return
	}
	end++
	if end < len(text) && (text[end] == ' ' || text[end] == '-') {
		end++
	}
	if end >= len(text) || !isDigit(text[end]) {
		return
	}
	n := read(text, end)
	if total := area + len(n.digits); total < 7 || total > 13 || !ends(text, n.at.End) || strings.Contains(n.seps, "/") {
		return
	}
	s.add("phone", gate.Low, text, gate.Span{Start: i, End: n.at.End}, "It has the form of a telephone number.")
}
