package lexical

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxWord bounds a word, in runes; what is longer goes on as another.
const maxWord = 256

// class is what a rune is within a word.
type class uint8

const (
	outside class = iota // of any word
	lower                // a letter that is lower case, or has no case
	upper
	digit
	joins  // - and _: within a word, between two parts of it
	silent // an apostrophe: within a word it is left out
	alone  // a word by itself: scripts without spaces
)

// classOf tells what a rune is.
func classOf(r rune) class {
	switch {
	case 'a' <= r && r <= 'z':
		return lower
	case 'A' <= r && r <= 'Z':
		return upper
	case '0' <= r && r <= '9':
		return digit
	case r == '-' || r == '_':
		return joins
	case r == '\'' || r == '’':
		return silent
	case r < utf8.RuneSelf:
		return outside
	case r >= 0x0E00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar):
		return alone
	case unicode.IsUpper(r):
		return upper
	case unicode.IsLetter(r) || unicode.IsMark(r):
		return lower
	case unicode.IsDigit(r):
		return digit
	}
	return outside
}

// fold takes accents and forms away ("é" and "e", "ﬁ" and "fi"), in text that has any.
func (s *scratch) fold(text string) []byte {
	ascii := true
	for i := 0; i < len(text) && ascii; i++ {
		ascii = text[i] < utf8.RuneSelf
	}
	if ascii {
		s.text = append(s.text[:0], text...)
		return s.text
	}
	s.text = norm.NFKD.AppendString(s.text[:0], text)
	kept := s.text[:0]
	for rest := s.text; len(rest) > 0; {
		r, n := utf8.DecodeRune(rest)
		if r < 0x0300 || r > 0x036F { // the accents of Latin, Greek and Cyrillic
			kept = append(kept, rest[:n]...)
		}
		rest = rest[n:]
	}
	return kept
}

// read finds the words of a text, each with its parts: parseHTTPHeader, parse_http_header
// and parse-http-header are one word of three parts.
func (s *scratch) read(text []byte) {
	s.begin()
	before := outside
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		text = text[n:]
		c := classOf(r)
		switch c {
		case outside:
			s.end()
		case alone:
			s.end()
			s.single(unicode.ToLower(r))
		case joins, silent:
			if next, _ := utf8.DecodeRune(text); before == outside || before == c || classOf(next) < lower || classOf(next) > digit {
				s.end() // it stands at an edge, and joins nothing
				c = outside
			} else if c == joins {
				s.part()
			} else {
				c = before
			}
		case lower, upper, digit:
			if s.parts(before, c, text) {
				s.part()
			}
			s.word = append(s.word, unicode.ToLower(r))
			if len(s.word) == maxWord {
				s.end()
				c = outside
			}
		}
		before = c
		if c == alone {
			before = outside
		}
	}
	s.end()
}

// parts tells whether a new part begins with a rune of class c: at a capital after what is
// none, at the last of several capitals when a small letter follows (HTTPHeader, but URLs),
// and between letters and digits.
func (s *scratch) parts(before, c class, rest []byte) bool {
	switch {
	case before != lower && before != upper && before != digit:
		return false
	case (before == digit) != (c == digit):
		return true
	case c != upper:
		return false
	case before == lower:
		return true
	}
	next, n := utf8.DecodeRune(rest)
	if classOf(next) != lower {
		return false
	}
	after, _ := utf8.DecodeRune(rest[n:])
	return next != 's' || classOf(after) == lower
}

// stem takes the plural off an English word: the S stemmer (Harman, "How effective is
// suffixing?", JASIS 1991).
func stem(w []rune) []rune {
	n := len(w)
	if n < 4 || w[n-1] != 's' {
		return w
	}
	switch end := w[n-3 : n]; {
	case end[0] == 'i' && end[1] == 'e':
		if w[n-4] != 'e' && w[n-4] != 'a' {
			w[n-3] = 'y'
			return w[:n-2]
		}
	case end[1] == 'e':
		if end[0] != 'a' && end[0] != 'o' {
			return w[:n-1]
		}
	case end[1] != 'u' && end[1] != 's':
		return w[:n-1]
	}
	return w
}

// everywhere tells of English words that are in every text and say nothing of it.
func everywhere(w []rune) bool {
	if len(w) > 5 {
		return false
	}
	var b [5]byte
	for i, r := range w {
		if r >= utf8.RuneSelf {
			return false
		}
		b[i] = byte(r) //nolint:gosec // below RuneSelf
	}
	switch string(b[:len(w)]) {
	case "a", "about", "all", "also", "an", "and", "any", "are", "as", "at", "be", "been", "but", "by", "can", "could", "do", "does",
		"each", "for", "from", "had", "has", "have", "how", "i", "if", "in", "into", "is", "it", "its", "may", "more", "must", "no", "not",
		"of", "on", "one", "only", "or", "other", "our", "s", "shall", "so", "such", "than", "that", "the", "their", "them", "then",
		"there", "these", "they", "this", "those", "to", "up", "use", "used", "uses", "was", "we", "were", "what", "when", "where",
		"which", "who", "why", "will", "with", "would", "you", "your":
		return true
	}
	return false
}
