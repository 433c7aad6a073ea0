package injection

import (
	"slices"
	"unicode/utf8"

	"doorward/internal/gate"
	"doorward/internal/inspect/reveal"
)

// ScanLayers is what Scan finds in a text, in its skeleton when it has more than ASCII
// (what is High only, as lines and capitals are lost there), and in the layers that
// reveal.Layers decoded out of it. What only a layer says has the span of the layer. Of
// more than gate.MaxFindings it is the gravest.
func ScanLayers(text string, layers []reveal.Layer) []gate.Finding {
	out := Scan(text)
	if !plain7(text) {
		folded, offsets := reveal.FoldMap(text)
		if folded != text {
			out = merge(out, highest(Scan(folded)), func(s gate.Span) gate.Span { return unfold(s, offsets, len(text)) })
		}
	}
	for _, l := range layers {
		out = merge(out, Scan(l.Text), func(gate.Span) gate.Span { return l.Span })
	}
	return reveal.Gravest(out)
}

// merge adds the findings of another reading, but those that out has there already
// as severe.
func merge(out, more []gate.Finding, at func(gate.Span) gate.Span) []gate.Finding {
	for _, f := range more {
		f.Span = at(f.Span)
		if !covered(out, &f) {
			out = append(out, f)
		}
	}
	return out
}

func highest(findings []gate.Finding) []gate.Finding {
	return slices.DeleteFunc(findings, func(f gate.Finding) bool { return f.Severity < gate.High })
}

func covered(out []gate.Finding, f *gate.Finding) bool {
	for i := range out {
		o := &out[i]
		if o.Rule == f.Rule && o.Severity >= f.Severity && o.Span.Start < f.Span.End && f.Span.Start < o.Span.End {
			return true
		}
	}
	return false
}

// unfold is the span in the text of size bytes from which a span of its skeleton
// came.
func unfold(s gate.Span, offsets []int, size int) gate.Span {
	end := size
	if s.End < len(offsets) {
		end = offsets[s.End]
	}
	return gate.Span{Start: offsets[s.Start], End: max(end, offsets[s.Start]+1)}
}

// plain7 tells whether a text is ASCII without control characters but white space.
func plain7(text string) bool {
	for i := range len(text) {
		if c := text[i]; c >= utf8.RuneSelf || c < ' ' && c != '\n' && c != '\t' && c != '\r' {
			return false
		}
	}
	return true
}
