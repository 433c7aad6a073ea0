package reveal

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"doorward/internal/gate"
)

// Bounds of what is decoded out of one text.
const (
	maxDepth      = 3         // encodings inside encodings
	maxLayers     = 64        // layers of a text, all depths together
	maxLayerBytes = 256 << 10 // bytes of them, and twice as many as the text has
)

// Layer is a text that was decoded out of another one.
type Layer struct {
	Text string    // valid UTF-8 unless the text around it was none
	Span gate.Span // bytes of the outermost text that it was decoded from
}

// Scan finds what a text hides that comes from anywhere: pages, mails, programs.
// Findings are ordered by where they begin.
func Scan(text string) []gate.Finding {
	rs := readings(text)
	return scan(text, rs, overfull(rs, text), false)
}

// ScanDefinition finds what a text hides that somebody wrote for models to read:
// what slips into pages by accident has no reason to be there.
func ScanDefinition(text string) []gate.Finding {
	rs := readings(text)
	return scan(text, rs, overfull(rs, text), true)
}

// Read is what Scan and Layers say of a text, which is decoded once for both.
func Read(text string) ([]gate.Finding, []Layer) {
	rs := readings(text)
	d := decode(text, rs)
	return scan(text, rs, d.over, false), d.layers
}

// scan is what the readings rs of a text come to; over says that more is hidden than
// is read.
func scan(text string, rs []reading, over, definition bool) []gate.Finding {
	findings := make([]gate.Finding, 0, len(rs))
	if over {
		findings = append(findings, gate.Finding{
			Rule: "hidden.unread", Severity: gate.High, Span: gate.Span{End: len(text)}, Why: "More is hidden in this text, one thing inside the other, than is read.",
		})
	}
	for i := range rs {
		r := &rs[i]
		var deeper bool
		r.text, deeper = innermost(r.text)
		if r.severity < gate.High && r.encoded && (deeper || judge(r.text) >= orders || hides(r.text, 1)) {
			r.severity, r.why = gate.High, "Text in several encodings, one inside the other, reads as an instruction or a command, or is encoded again."
		}
		if definition {
			r.severity = r.defined()
		}
		if r.severity == gate.NoSeverity {
			continue
		}
		findings = append(findings, gate.Finding{
			Rule: "hidden." + r.method, Severity: r.severity, Span: r.span, Text: cut(r.text), Why: r.why,
		})
	}
	if len(findings) == 0 {
		return nil
	}
	slices.SortStableFunc(findings, func(a, b gate.Finding) int {
		return cmp.Or(cmp.Compare(a.Span.Start, b.Span.Start), cmp.Compare(b.Span.End, a.Span.End), cmp.Compare(a.Rule, b.Rule))
	})
	return Gravest(findings)
}

// minPhrase is how many words of a definition that no view shows say something,
// whatever the language: names of versions and tools have less.
const minPhrase = 4

// defined is how bad a reading of a definition is.
func (r *reading) defined() gate.Severity {
	switch r.method {
	case "html_comment", "html_style", "whitespace":
		if !r.unseen && phrase(r.text) {
			return gate.High
		}
	case "ansi":
		if r.severity == gate.Low {
			return gate.Medium
		}
		return gate.High
	case "percent", "escape":
		if r.severity == gate.Low {
			return gate.Medium // samples in other scripts are written so
		}
	default:
		if r.unseen {
			return gate.High
		}
		// What judge may have the words of, it has judged.
		if r.encoded && !printable(r.text) && phrase(r.text) && worded(r.text) {
			return gate.High
		}
	}
	return r.severity
}

// phrase tells whether a text has minPhrase words, or as much in a script that
// writes no spaces.
func phrase(text string) bool {
	words, letters, inside := 0, 0, false
	for _, r := range text {
		letter := unicode.IsLetter(r) || unicode.IsMark(r)
		if letter && !inside {
			words++
		}
		if letter && r >= 0xe00 {
			letters++
		}
		inside = letter
	}
	return words >= minPhrase || letters >= 2*minPhrase
}

// worded tells whether four of five characters of a text are letters and spaces:
// sentences are, and samples of formats are not.
func worded(text string) bool {
	letters, all := 0, 0
	for _, r := range text {
		all++
		if unicode.IsLetter(r) || unicode.IsMark(r) || r == ' ' {
			letters++
		}
	}
	return letters*5 >= all*4
}

// innermost is what a text says that is nothing but an encoding, maxDepth times, and
// whether that is an encoding again.
func innermost(text string) (plain string, deeper bool) {
	for depth := 0; ; depth++ {
		if len(text) < minBase64 || strings.ContainsAny(text, " \n") {
			return text, false
		}
		rs := tokens(text)
		switch {
		case len(rs) != 1 || rs[0].span.Start > 0 || rs[0].span.End+2 < len(text):
			return text, false
		case depth == maxDepth:
			return text, true
		}
		text = rs[0].text
	}
}

// Gravest are at most gate.MaxFindings of the findings, in their order: of too many, the
// least severe are dropped, the last of them first.
func Gravest(findings []gate.Finding) []gate.Finding {
	for drop := gate.Low; drop <= gate.High; drop++ {
		for i := len(findings) - 1; i >= 0 && len(findings) > gate.MaxFindings; i-- {
			if findings[i].Severity == drop {
				findings = slices.Delete(findings, i, i+1)
			}
		}
	}
	return findings
}

// Layers is every text decoded out of a text, outer ones first, for detectors to
// look at as they look at the text. What only folding reveals is not among them. What
// is left out where the bounds are reached, Scan reports.
func Layers(text string) []Layer {
	d := decode(text, readings(text))
	return d.layers
}

// decoder goes down the layers of a text.
type decoder struct {
	layers []Layer
	rest   []string // of what is beyond maxLayers: the last of layers takes it in
	left   int      // bytes that may still be taken
	over   bool     // more was there
}

// overfull tells whether more is hidden in a text, whose readings are rs, than Layers
// takes.
func overfull(rs []reading, text string) bool {
	size := 0
	for i := range rs {
		size += len(rs[i].text)
	}
	const growth = 16 // to which layers in layers hardly ever come
	if size*growth < maxLayerBytes {
		return false
	}
	d := decode(text, rs)
	return d.over
}

// decode takes the readings rs of a text, then what is read out of those.
func decode(text string, rs []reading) decoder {
	d := decoder{left: maxLayerBytes + 2*len(text)}
	for depth := 1; len(rs) > 0; depth++ {
		var inner []reading
		for i := range rs {
			r := &rs[i]
			if !d.take(r) || depth == maxDepth || len(r.text) >= len(text) {
				continue
			}
			for _, within := range readings(r.text) {
				within.span = r.span
				inner = append(inner, within)
			}
		}
		rs = inner
	}
	if len(d.rest) > 0 {
		last := &d.layers[maxLayers-1]
		last.Text += "\n" + strings.Join(d.rest, "\n")
	}
	return d
}

// take takes what a reading says; false when there is nothing, or no room.
func (d *decoder) take(r *reading) bool {
	if r.text == "" {
		return false
	}
	if d.left -= len(r.text) + 1; d.left < 0 {
		d.over = true
		return false
	}
	if len(d.layers) < maxLayers {
		d.layers = append(d.layers, Layer{Text: r.text, Span: r.span})
		return true
	}
	last := &d.layers[maxLayers-1]
	last.Span = gate.Span{Start: min(last.Span.Start, r.span.Start), End: max(last.Span.End, r.span.End)}
	d.rest = append(d.rest, r.text)
	return true
}

// hides tells whether something in an encoded text is an encoding of an
// instruction again, or of something that is encoded deeper than is read.
func hides(text string, depth int) bool {
	for _, r := range encodings(text) {
		if r.encoded && (r.severity == gate.High || depth == maxDepth || hides(r.text, depth+1)) {
			return true
		}
	}
	return false
}

// reading is a text read out of another, and what is wrong with that.
type reading struct {
	method   string
	span     gate.Span
	text     string // decoded; empty if nothing could be read
	severity gate.Severity
	why      string
	encoded  bool // by letters that people see: base64 and the like
	unseen   bool // by characters that are not drawn
}

// readings is everything that is read out of a text besides what it shows.
func readings(text string) []reading {
	rs := encodings(text)
	rs = append(rs, markup(text)...)
	rs = append(rs, pushes(text)...)
	if !printable(text) {
		rs = append(rs, unseen(text)...)
		rs = append(rs, terminal(text)...)
		rs = append(rs, spellings(text)...)
		rs = append(rs, stacks(text)...)
	}
	return rs
}

// encodings is what a text says in letters that people see and cannot read.
func encodings(text string) []reading {
	rs := tokens(text)
	rs = append(rs, escapes(text)...)
	return append(rs, ciphers(text)...)
}

// printable tells whether a text is ASCII that all displays show.
func printable(text string) bool {
	for i := range len(text) {
		if c := text[i]; c < ' ' && c != '\n' && c != '\t' || c >= 0x7f {
			if c != '\r' || i+1 == len(text) || text[i+1] != '\n' {
				return false
			}
		}
	}
	return true
}

// cut bounds a text to gate.MaxFindingText, at a character.
func cut(s string) string {
	if len(s) <= gate.MaxFindingText {
		return s
	}
	n := gate.MaxFindingText
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
