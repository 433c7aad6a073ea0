package injection

import (
	"strings"
	"unicode/utf8"

	"doorward/internal/gate"
)

// A sentence is one segment with its words, while it is judged.
type sentence struct {
	text    string
	words   []token
	any     class // of all words
	before  class // of the words of the segment before it
	spoken  bool  // it quotes orders: documentation, an article
	aloud   bool  // it speaks about orders, or what is before it does
	asks    int   // the strongest request so far
	message bool  // it is what a message in JSON says that imitates one of the system
	after   bool  // one shortly before it speaks to a model
	hails   bool  // it does itself
	report  func(rule string, severity gate.Severity, span gate.Span, why string)
}

// find is the first word with one of the classes from first to last, both
// counted from word i; -1 without any.
func (s *sentence) find(i, first, last int, c class) int {
	for j := max(0, i+first); j <= i+last && j < len(s.words); j++ {
		if s.words[j].class.has(c) {
			return j
		}
	}
	return -1
}

func (s *sentence) near(i, first, last int, c class) bool {
	return s.find(i, first, last, c) >= 0
}

// between is what all words from first to last are, counted from word i.
func (s *sentence) between(i, first, last int) class {
	var c class
	for j := max(0, i+first); j <= i+last && j < len(s.words); j++ {
		c |= s.words[j].class
	}
	return c
}

// found reports words first to last.
func (s *sentence) found(rule string, severity gate.Severity, first, last int, why string) {
	last = min(last, len(s.words)-1)
	s.span(rule, severity, gate.Span{Start: s.words[first].start, End: s.words[last].end}, why)
}

// span reports bytes of the sentence. What a text that speaks about orders quotes is
// a remark; what it says beside its quotes is at most Medium.
func (s *sentence) span(rule string, severity gate.Severity, span gate.Span, why string) {
	switch {
	case s.spoken && s.quotes(span):
		severity = min(severity, gate.Low)
	case s.spoken:
		severity = min(severity, gate.Medium)
	}
	s.report(rule, severity, span, why)
}

// quotes tells whether span begins in a quote, or has its middle in one.
func (s *sentence) quotes(span gate.Span) bool {
	return s.quoting(span.Start) || s.quoting((span.Start+span.End)/2) || strings.IndexByte("\"'`", s.text[span.Start]) >= 0
}

// quoting tells whether a quote is open at byte at.
func (s *sentence) quoting(at int) bool {
	open := false
	for i, c := range s.text[:at] {
		switch c {
		case '"', '`':
			open = !open
		case '\'':
			if before := i == 0 || !letterAt(s.text, i-1); before != open {
				open = before
			}
		case '\u201c', '\u201e', '\u00ab', '\u2018', '\u300c', '\u300e':
			open = true
		case '\u201d', '\u00bb', '\u2019', '\u300d', '\u300f':
			open = false
		}
	}
	return open
}

func letterAt(text string, i int) bool { return text[i] < utf8.RuneSelf && alphanumeric[text[i]] }

// The strengths of a request.
const (
	unasked  = iota
	ordered  // the verb is where an imperative stands
	demanded // "please", "you must", "can you", or a form that only asks
)

// reach bounds how far before a verb its "please" may be, in words.
const reach = 7

// request tells whether the verb at word i is asked of the reader.
func (s *sentence) request(i int) int {
	if s.words[i].class.has(asked) || s.pleads(i) {
		return demanded
	}
	pressed, chained, crossed := false, false, false
	for j := i; j >= 0 && i-j <= reach; {
		if s.words[j].gap >= clause || j == 0 {
			return atStart(pressed)
		}
		if s.words[j].gap == comma && !s.words[j-1].class.has(filler|please) {
			return atStart(pressed)
		}
		crossed = crossed || s.words[j].gap == comma
		j--
		switch p := s.words[j].class; {
		case p.has(please):
			return demanded
		case p.has(you) && (pressed || j > 0 && s.words[j-1].class.has(modal|want|cond)):
			return demanded
		case p.has(machine) && pressed:
			return demanded
		case p.has(be) && j > 0 && s.words[j-1].class.has(task|order):
			return demanded
		case p.has(must | filler | covert | now):
			pressed = pressed || p.has(must)
			chained = chained || p.has(filler) && !p.has(direct)
		case chained && crossed:
			return max(s.asks, ordered) // "what you were to do, stop doing it"
		case chained:
			return s.asks
		case p.has(dense) && s.words[i].class.has(dense):
		default:
			return unasked
		}
	}
	return unasked
}

// pleads tells whether the "please" of the verb at word i follows it, as it does in
// Japanese and Korean.
func (s *sentence) pleads(i int) bool {
	return i+1 < len(s.words) && s.words[i+1].gap == joined && s.words[i+1].class.all(please|asked)
}

func atStart(pressed bool) int {
	if pressed {
		return demanded
	}
	return ordered
}

// judge runs every rule over the sentence.
func (s *sentence) judge() {
	if s.after {
		s.goesOn()
	}
	s.loads()
	for i := range s.words {
		c := s.words[i].class
		if c.has(override | negation | follow) {
			s.overrides(i)
		}
		if c.has(machine | mode | pretend | now) {
			s.role(i)
		}
		if c.has(mind | machine) {
			s.bids(i)
		}
		if c.has(keep) {
			s.remembers(i)
		}
		if c.has(cond) {
			s.triggers(i)
		}
		if c.has(consent) {
			s.consents(i)
		}
		if c.has(reply) {
			s.steers(i)
		}
		if c.has(link) {
			s.carries(i)
		}
		if c.has(edge) {
			s.edges(i)
		}
		if c.has(void) {
			s.voids(i)
		}
		if c.has(task | machine | order | reply | maker | impostor | handle | user | chief) {
			s.authority(i)
		}
		if c.has(negation | covert) {
			s.conceals(i)
		}
		if c.has(say | change) {
			s.output(i)
		}
		if c.has(call) {
			s.tool(i)
		}
		if c.has(move | get | change | pay) {
			s.action(i)
		}
	}
}
