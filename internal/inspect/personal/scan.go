package personal

import (
	"cmp"
	"slices"
	"strconv"

	"doorward/internal/gate"
)

// Scan finds the personal data in a text, ordered by where it begins. Of two that
// overlap, the more severe or else the longer is left.
func Scan(text string) []gate.Finding {
	var s search
	for i := 0; i < len(text); i++ {
		switch class[text[i]] {
		case digitClass:
			i = s.numbers(text, i)
		case letterClass:
			i = s.coded(text, i)
		case atClass:
			s.email(text, i)
		case plusClass:
			s.plus(text, i)
		case openClass:
			s.bracket(text, i)
		}
	}
	return s.settled()
}

// Classes of bytes: what may begin there.
const (
	otherClass = iota
	digitClass
	letterClass // a large one: codes begin with them
	atClass
	plusClass
	openClass
)

//nolint:gochecknoglobals // a table; read-only
var class = func() (t [256]uint8) {
	for c := '0'; c <= '9'; c++ {
		t[c] = digitClass
	}
	for c := 'A'; c <= 'Z'; c++ {
		t[c] = letterClass
	}
	t['@'], t['+'], t['('] = atClass, plusClass, openClass
	return t
}()

// search is one look at a text.
type search struct {
	found []gate.Finding
}

// add takes what is at a place. shown is how many characters of its end people
// may see.
func (s *search) add(rule string, severity gate.Severity, text string, at gate.Span, why string) {
	value := text[at.Start:at.End]
	shown := "**** (" + strconv.Itoa(len(value)) + " bytes)"
	if severity >= gate.Medium && len(value) >= 12 {
		shown = "****" + value[len(value)-4:]
	}
	s.found = append(s.found, gate.Finding{Rule: "personal." + rule, Severity: severity, Span: at, Text: shown, Why: why})
}

func (s *search) settled() []gate.Finding {
	slices.SortStableFunc(s.found, func(a, b gate.Finding) int {
		return cmp.Or(a.Span.Start-b.Span.Start, int(b.Severity)-int(a.Severity), b.Span.End-a.Span.End)
	})
	kept := s.found[:0]
	for _, f := range s.found {
		n := len(kept)
		switch {
		case n == 0 || f.Span.Start >= kept[n-1].Span.End:
			kept = append(kept, f)
		case f.Severity > kept[n-1].Severity:
			kept[n-1] = f
		}
	}
	return kept
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// inWord tells whether a byte continues a word, a number or an identifier.
func inWord(c byte) bool { return isDigit(c) || isLetter(c) || c == '_' || c >= 0x80 }

// begins tells whether nothing that belongs to it stands before i.
func begins(text string, i int) bool {
	if i == 0 {
		return true
	}
	switch c := text[i-1]; c {
	case '.', '-', '/', ':', ',':
		return i < 2 || !inWord(text[i-2])
	case '=', '#', '$', '%':
		return c != '$' && c != '%'
	default:
		return !inWord(c)
	}
}

// ends tells whether nothing that belongs to it stands at i.
func ends(text string, i int) bool {
	if i == len(text) {
		return true
	}
	switch c := text[i]; c {
	case '.', '-', ',', '/':
		return i+1 == len(text) || !isDigit(text[i+1]) && (c != '-' || !isLetter(text[i+1]))
	case '%':
		return false
	default:
		return !inWord(c)
	}
}
