package injection

import (
	"strings"

	"doorward/internal/gate"
)

// sameRule bounds the findings of one rule and severity in one text: more say
// nothing new, and one of each other kind still finds room.
const sameRule = 4

// A Scanner does what Scan does, over a text that arrives in pieces: the findings
// are those of Scan, wherever the pieces are cut. It holds back one sentence, at
// most MaxHeld bytes. The zero value is ready to use.
type Scanner struct {
	begun   int    // bytes of the text that were judged
	pending []byte // what came after them
	looked  int    // bytes of pending in which no sentence ends
	before  class
	spoken  int // bytes for which the text still speaks about orders
	hailed  int // bytes for which it still speaks to a model
	field   field
	words   []token
	seen    map[kind]seen
	found   []gate.Finding
}

type kind struct {
	rule     string
	severity gate.Severity
}

// seen is how many findings of a kind there are, and where the last ends.
type seen struct{ count, end int }

// Write takes the next piece and returns what is certain by now.
func (s *Scanner) Write(chunk string) []gate.Finding {
	s.found = nil
	s.pending = append(s.pending, chunk...)
	begun := 0
	for {
		end, next := cut(s.pending[begun:], s.looked, false)
		if end == 0 {
			s.looked = next
			break
		}
		s.judge(string(s.pending[begun : begun+end]))
		begun, s.begun, s.looked = begun+next, s.begun+next, 0
	}
	s.pending = append(s.pending[:0], s.pending[begun:]...)
	return s.found
}

// Close ends the text and returns what was held back.
func (s *Scanner) Close() []gate.Finding {
	s.found = nil
	s.rest(string(s.pending))
	s.pending = nil
	return s.found
}

// take judges the sentences of a whole text, but the last.
func (s *Scanner) take(text string) {
	for from := 0; ; {
		end, next := cut(text[s.begun:], from, false)
		if end == 0 {
			s.looked = next
			return
		}
		s.judge(text[s.begun : s.begun+end])
		s.begun += next
	}
}

// rest judges what is left when no more comes.
func (s *Scanner) rest(text string) {
	for text != "" {
		end, next := cut(text, s.looked, true)
		s.judge(text[:end])
		s.begun, s.looked = s.begun+next, 0
		text = text[next:]
	}
}

// aloud is for how many bytes after such a word a text speaks about orders.
const aloud = 400

// judge judges one segment, which begins at s.begun.
func (s *Scanner) judge(text string) {
	s.words = tokens(lexicon(), text, s.words[:0])
	one := sentence{text: text, words: s.words, before: s.before, report: func(rule string, severity gate.Severity, span gate.Span, why string) {
		s.add(rule, severity, span, text, why)
	}}
	for i := range one.words {
		one.any |= one.words[i].class
	}
	if one.any.has(mention) {
		s.spoken = len(text) + aloud
	}
	one.aloud = s.spoken > 0
	one.spoken = one.aloud && one.any.has(quoted)
	s.spoken = max(0, s.spoken-len(text))
	one.message, one.after = s.field == content, s.hailed > 0
	one.turns()
	one.forged()
	one.judge()
	s.before = one.any
	s.field = s.field.after(text)
	s.hailed = max(0, s.hailed-len(text))
	if one.hails {
		s.hailed = heard
	}
}

// add keeps a finding, unless it was found already or its kind often enough.
func (s *Scanner) add(rule string, severity gate.Severity, span gate.Span, text, why string) {
	f := gate.Finding{
		Rule: rule, Severity: severity, Why: why,
		Span: gate.Span{Start: s.begun + span.Start, End: s.begun + span.End},
		Text: strings.ToValidUTF8(text[span.Start:min(span.End, span.Start+gate.MaxFindingText)], ""),
	}
	if s.seen == nil {
		s.seen = map[kind]seen{}
	}
	k := kind{rule, severity}
	was := s.seen[k]
	if was.count == sameRule || f.Span.Start < was.end {
		return
	}
	s.seen[k] = seen{was.count + 1, f.Span.End}
	s.found = append(s.found, f)
}
