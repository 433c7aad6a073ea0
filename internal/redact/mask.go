package redact

import (
	"slices"
	"strings"
	"unicode"

	"doorward/internal/gate"
)

// masker is what stands in place of a part of a text.
type masker func(part string, f *gate.Finding) string

// named says what was there.
func named(_ string, f *gate.Finding) string { return "[masked:" + f.Rule + "]" }

// shaped keeps length and kind of every character, for a schema that asks for
// them.
func shaped(part string, _ *gate.Finding) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsDigit(r):
			return '0'
		case unicode.IsUpper(r):
			return 'X'
		case unicode.IsLetter(r):
			return 'x'
		}
		return r
	}, part)
}

// masked is the text with the bytes of the findings replaced. A finding without
// a span is about all of it; of those that overlap the union is replaced once.
func masked(text string, found []gate.Finding, mask masker) string {
	if len(found) == 0 {
		return text
	}
	list := slices.Clone(found)
	for i := range list {
		if s := &list[i].Span; !s.Present() || s.End > len(text) {
			*s = gate.Span{End: len(text)}
		}
	}
	slices.SortStableFunc(list, func(a, b gate.Finding) int { return a.Span.Start - b.Span.Start })
	var b strings.Builder
	done := 0
	for i := 0; i < len(list); {
		at := list[i].Span
		first := &list[i]
		for i++; i < len(list) && list[i].Span.Start < at.End; i++ {
			at.End = max(at.End, list[i].Span.End)
		}
		b.WriteString(text[done:at.Start])
		b.WriteString(mask(text[at.Start:at.End], first))
		done = at.End
	}
	b.WriteString(text[done:])
	return b.String()
}
