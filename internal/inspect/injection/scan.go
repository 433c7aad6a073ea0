// Package injection looks for text in what tools return that speaks to the model
// instead of being data: orders to set instructions aside, imitated turns, errands
// with the reader's own means, secrecy, orders about the answer (OWASP LLM01:2025,
// indirect prompt injection).
//
// Callers give it every string of a result with what reveal decoded out of it. It
// judges sentences by what their words are: who is addressed, which act is asked, on
// whose thing, for whom. It knows no payload, and emphasis is no evidence. It does no
// I/O, keeps nothing between texts, and decides nothing: what follows from a finding is
// configured elsewhere. An off-task question has no mark that it could see; flows stop
// what comes of that.
package injection

import (
	"strings"

	"doorward/internal/gate"
)

// Scan is what it finds in a text.
func Scan(text string) []gate.Finding {
	var s scanner
	for text != "" {
		end, next := cut(text)
		s.judge(text[:end])
		s.begun += next
		text = text[next:]
	}
	return s.found
}

// sameRule bounds the findings of one rule and severity in one text: more say
// nothing new, and one of each other kind still finds room.
const sameRule = 4

// A scanner goes over one text, sentence after sentence.
type scanner struct {
	begun  int // where in the text the sentence begins
	before class
	spoken int // bytes for which the text still speaks about orders
	hailed int // bytes for which it still speaks to a model
	field  field
	words  []token
	seen   map[kind]seen
	found  []gate.Finding
}

type kind struct {
	rule     string
	severity gate.Severity
}

// seen is how many findings of a kind there are, and where the last ends.
type seen struct{ count, end int }

// aloud is for how many bytes after such a word a text speaks about orders.
const aloud = 400

// judge judges one segment, which begins at s.begun.
func (s *scanner) judge(text string) {
	s.words = tokens(vocabulary(), text, s.words[:0])
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
	one.framed()
	one.judge()
	s.before = one.any
	s.field = s.field.after(text)
	s.hailed = max(0, s.hailed-len(text))
	if one.hails {
		s.hailed = heard
	}
}

// add keeps a finding, unless it was found already or its kind often enough.
func (s *scanner) add(rule string, severity gate.Severity, span gate.Span, text, why string) {
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
