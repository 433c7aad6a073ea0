package secrets

import (
	"strings"

	"doorward/internal/gate"
)

// Bounds of what is decoded.
const (
	maxDepth   = 3         // layers in one another
	maxDecoded = 512 << 10 // bytes of all layers of a text together
	minRun     = 16        // characters of a run that is worth decoding: a password in base64
)

// mapping leads from a text to the outermost one that it came from.
type mapping struct {
	offsets []int32    // of each byte, and of the end; nil when all is at whole
	whole   *gate.Span // nil in the outermost text itself, or with offsets
}

func (m mapping) outer(at gate.Span) gate.Span {
	switch {
	case m.offsets != nil:
		first, last := int(m.offsets[at.Start]), int(m.offsets[at.End-1])
		if first > last { // read from its end
			return gate.Span{Start: last, End: first + 1}
		}
		return gate.Span{Start: first, End: last + max(1, int(m.offsets[at.End])-last)}
	case m.whole != nil:
		return *m.whole
	}
	return at
}

// through is the mapping of a text whose bytes came from those at offsets of the
// text that m is of.
func (m mapping) through(offsets []int32) mapping {
	if m.whole != nil {
		return m
	}
	if m.offsets != nil {
		for i := range offsets {
			offsets[i] = m.offsets[offsets[i]]
		}
	}
	return mapping{offsets: offsets}
}

// within is the mapping of a text that all of a span was decoded to.
func (m mapping) within(at gate.Span) mapping {
	whole := m.outer(at)
	return mapping{whole: &whole}
}

// look finds what is in a text, and in what it decodes to. See is called with
// every text.
func (s *search) look(text string, see func(text string, at mapping), depth int) {
	if see != nil {
		see(text, s.at)
	} else {
		s.plain(text)
	}
	if depth >= maxDepth || len(text) < minText {
		return
	}
	at, how := s.at, s.how
	inner := func(text, name string, m mapping) {
		if s.left -= len(text); s.left < 0 {
			return
		}
		s.at, s.how = m, name
		if how != "" {
			s.how = how + ", " + name
		}
		s.look(text, see, depth+1)
		s.at, s.how = at, how
	}
	for _, v := range views {
		if strings.HasSuffix(how, v.name) || v.name == codePoints && strings.HasSuffix(how, reversed) {
			continue
		}
		if changed, offsets := v.change(text); changed != "" {
			inner(changed, v.name, at.through(offsets))
		}
	}
	if see == nil && !strings.Contains(how, rotation) { // canaries have a form for each
		s.rotated(text, how, at)
		s.at, s.how = at, how
	}
	s.runs(text, how, inner, at)
}

// runs decodes the runs of characters that encodings are made of.
func (s *search) runs(text, how string, inner func(text, name string, m mapping), at mapping) {
	turned := strings.Contains(how, reversed)
	mirrored := 0 // up to where the text was read from its end
	for i := 0; i < len(text); {
		if !isToken[text[i]] {
			i++
			continue
		}
		from := i
		for i < len(text) && (isToken[text[i]] || i-from >= minRun && wrapped(text, i)) {
			i++
		}
		if i-from < minRun || s.left <= 0 {
			continue
		}
		run := text[from:i]
		m := at.within(gate.Span{Start: from, End: i})
		for _, d := range decoders {
			if turned && d.name == rotatedBase64 { // no two ways to move letters at once
				continue
			}
			for _, decoded := range d.decode(run) {
				inner(decoded, d.name, m)
			}
		}
		if !turned && from >= mirrored && disordered(run) {
			start, end := around(text, from, i)
			start = max(start, mirrored)
			mirrored = end
			inner(mirror(text[start:end]), reversed, at.falling(start, end))
		}
	}
	if !turned {
		s.dense85(text, inner, at)
	}
	if !turned && strings.Contains(text, "NIGEB-----") {
		inner(mirror(text), reversed, at.falling(0, len(text)))
	}
}

// wrapped tells whether a line break at i stands between two lines of one run:
// MIME and PEM break after 76 or 64 characters.
func wrapped(text string, i int) bool {
	if text[i] == '\r' {
		i++
	}
	if i >= len(text) || text[i] != '\n' && text[i] != '\r' || i+1 >= len(text) || !isToken[text[i+1]] && text[i+1] != '\n' {
		return i < len(text) && i > 0 && text[i] == '\n' && text[i-1] == '\r'
	}
	line := strings.LastIndexAny(text[max(0, i-80):i], " \n\t")
	return i >= 60 && (line < 0 || len(text[max(0, i-80):i])-line > 60)
}

// maxAround bounds what is read from its end besides a run, on either side, in
// bytes: the name of what is assigned.
const maxAround = 160

// around is the part of a line that a run stands in.
func around(text string, from, to int) (start, end int) {
	low, high := max(0, from-maxAround), min(len(text), to+maxAround)
	start = low + strings.LastIndexByte(text[low:from], '\n') + 1
	if end = strings.IndexByte(text[to:high], '\n'); end < 0 {
		return start, high
	}
	return start, to + end
}

// reversed is the name of a text read from its end.
const reversed = "reversed"

// disordered tells whether a run may be a token: it has digits and letters, or
// the padding of base64 at its beginning.
func disordered(run string) bool {
	digits, letters := 0, 0
	for i := range len(run) {
		switch c := run[i]; {
		case digit(c):
			digits++
		case letter(c):
			letters++
		}
	}
	return digits >= 2 && letters >= 4
}

// falling is the mapping of a part of a text that is read from its end.
func (m mapping) falling(start, end int) mapping {
	if m.whole != nil {
		return m
	}
	offsets := make([]int32, 0, end-start+1)
	for i := end - 1; i >= start; i-- {
		offsets = append(offsets, int32(i)) //nolint:gosec // a message is far below 2 GB
	}
	return m.through(append(offsets, int32(start))) //nolint:gosec // as above
}

func mirror(text string) string {
	var b strings.Builder
	b.Grow(len(text))
	for i := len(text) - 1; i >= 0; i-- {
		b.WriteByte(text[i])
	}
	return b.String()
}
