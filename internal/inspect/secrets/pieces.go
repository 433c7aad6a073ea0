package secrets

import (
	"slices"
	"strings"

	"doorward/internal/gate"
)

// Bounds of what Pieces carries, in bytes.
const (
	maxTailText = 2 << 10 // of all values in order
	maxLane     = 448     // of the values at one place of each call, and of loose runs
	maxLanes    = 12      // places of a call that are followed
	minConstant = 2       // of a value that is left out when the next call has it too
	maxConstant = 64      // of one
)

// Pieces finds credentials that are cut up over the values of a call, or of calls
// that follow each other. It carries the end of what it was given. The zero value
// has been given nothing; one goroutine at a time may use it.
type Pieces struct {
	all    string
	lanes  [maxLanes]lane // of the first, second, … value of each call
	sink   string         // where the last call went
	loose  string         // runs that are no words, out of values that have words too
	last   []string       // short values of the last call
	opened opened
}

// lane is what stood at one place of each call.
type lane struct {
	text  string
	since int // where that begins in text which the calls to the last sink in a row had
}

// Add takes the values of one call, in their order, and says which credentials
// they complete together with each other and with those before. What one value
// holds alone is Scan's business. The findings have no span. A value that the last
// call had too is no piece of anything.
//
// sink is where the call goes: a tool of an upstream. What has the format of a credential is
// put together whatever calls its pieces come in. What only stands behind the name of one,
// or looks little like one, is so over calls to one sink in a row alone, and at one place of
// them: the name that one tool is asked about has nothing to do with the number that another
// one is given, and together they look like a password.
func (p *Pieces) Add(sink string, values []string) []gate.Finding {
	values = values[:min(len(values), maxPieces)]
	if sink != p.sink {
		p.sink = strings.Clone(sink)
		for i := range p.lanes {
			p.lanes[i].since = len(p.lanes[i].text)
		}
	}
	var all []found
	var fresh, short []string
	for i, v := range values {
		if len(short) < maxFragments && constant(v) {
			short = append(short, strings.Clone(v))
		}
		if slices.Contains(p.last, v) {
			continue
		}
		fresh = append(fresh, v)
		if i >= len(p.lanes) {
			continue
		}
		all = append(all, p.lanes[i].add(values[i:i+1])...)
	}
	p.last = short
	for _, of := range [...]struct {
		before *string
		values []string
		most   int
	}{{&p.all, fresh, maxTailText}, {&p.loose, looseRuns(fresh), maxLane}} {
		if len(of.values) == 0 {
			continue
		}
		done, text := crossing(*of.before, len(*of.before), of.values)
		all, *of.before = append(all, done...), tail(text, of.most)
	}
	all = append(all, p.opened.add(fresh)...)
	if len(all) > 0 {
		p.opened = nil
	}
	return findings(distinct(all))
}

// add takes the value that the next call has at the lane's place.
func (l *lane) add(value []string) []found {
	all, text := crossing(l.text, l.since, value)
	l.text = tail(text, maxLane)
	l.since = max(0, l.since-(len(text)-len(l.text)))
	return all
}

// crossing is what values complete with what was before, and all of that together. What only the
// name before it, or a format that is hardly one, gives away in plain text counts where it needs
// nothing of what was before since.
func crossing(before string, since int, values []string) (all []found, text string) {
	whole := weave(before, values)
	all = whole.crossing()
	strong := slices.DeleteFunc(slices.Clone(all), func(f found) bool { return f.severity < gate.High && !f.decoded() })
	if since > 0 && (since < len(before) || len(strong) < len(all)) {
		own := weave(before[since:], values)
		all = append(strong, own.crossing()...)
	}
	return all, whole.text
}

// decoded tells whether it stands in what was decoded: nothing reads like a credential there by chance.
func (f *found) decoded() bool {
	for how := range strings.SplitSeq(f.how, ", ") {
		if how != "" && !slices.ContainsFunc(views, func(v view) bool { return v.name == how }) {
			return true
		}
	}
	return false
}

// Across finds what only values together hold, one behind the other in this order. It
// keeps nothing; the findings have no span.
func Across(values []string) []gate.Finding {
	w := weave("", values[:min(len(values), 2*maxPieces)])
	return findings(distinct(w.crossing()))
}

// constant tells whether a value is left out when the next call has it too: not a
// character, alone or among words, that stands twice in what is cut into characters.
func constant(v string) bool {
	if len(v) < minConstant || len(v) > maxConstant {
		return false
	}
	runs := fragments(v)
	return len(runs) == 1 || !slices.ContainsFunc(runs, func(r string) bool { return len(r) == 1 })
}

// Tail is the end of what was given: all of it in order, and then each place of
// the calls by itself, and what is no word.
func (p *Pieces) Tail() string {
	if p.lanes[1].text == "" && p.loose == "" {
		return p.all
	}
	var b strings.Builder
	b.WriteString(p.all)
	for i := range p.lanes {
		b.WriteString("\n" + p.lanes[i].text)
	}
	b.WriteString("\n" + p.loose)
	return b.String()
}

// looseRuns are the runs of tokens' characters, out of values that have others too,
// that are no words: pieces of what is encoded, with words around.
func looseRuns(values []string) []string {
	var runs []string
	for _, v := range values {
		for i := 0; i < len(v); {
			from := i
			for i < len(v) && isToken[v[i]] {
				i++
			}
			if i-from >= minText && i-from < len(v) && disordered(v[from:i]) {
				runs = append(runs, v[from:i])
			}
			i = max(i, from+1)
		}
	}
	return runs[max(0, len(runs)-maxLoose):]
}

// maxLoose bounds the loose runs of one call: of more, the last count.
const maxLoose = 32

// woven is a text that was put together of pieces.
type woven struct {
	text   string
	pieces []gate.Span // that begin and end what was given at a time
}

// weave puts values behind what was before. Of a long one, its middle is left
// out: nothing in it touches another.
func weave(before string, values []string) woven {
	var b strings.Builder
	w := woven{}
	put := func(v string) {
		start := b.Len()
		if len(v) > 2*maxTailText {
			b.WriteString(v[:maxTailText])
			b.WriteByte('\n')
			v = v[len(v)-maxTailText:]
		}
		b.WriteString(v)
		w.pieces = append(w.pieces, gate.Span{Start: start, End: b.Len()})
	}
	put(before)
	for _, v := range values {
		put(v)
	}
	w.text = b.String()
	return w
}

// maxPieces bounds the values of one call that are put together.
const maxPieces = 256

// crossing finds what only the pieces together hold: what has a format of its own,
// and what is cut itself, not only off from its name.
func (w *woven) crossing() []found {
	if len(w.pieces) < 2 || len(w.pieces) == 2 && w.pieces[0].End == 0 || len(w.text) < minText {
		return nil
	}
	joins := make([]int, 0, len(w.pieces))
	for _, p := range w.pieces {
		joins = append(joins, p.End)
	}
	together := inAll(w.text, joins)
	if len(together) == 0 {
		return nil
	}
	var alone []found
	for _, p := range w.pieces {
		alone = append(alone, inAll(w.text[p.Start:p.End], nil)...)
	}
	fresh := together[:0]
	for _, f := range together {
		known := f.severity < gate.High && !f.cut(joins)
		for i := range alone {
			known = known || alone[i].severity >= f.severity && strings.Contains(f.secret, alone[i].secret)
		}
		if !known {
			fresh = append(fresh, f)
		}
	}
	return fresh
}

// cut tells whether one of the joins lies within what was found. A port before the
// next value is no password.
func (f *found) cut(joins []int) bool {
	if f.rule == "connection_string" && digit(f.secret[0]) {
		return false
	}
	return slices.ContainsFunc(joins, func(at int) bool { return at > f.at.Start && at < f.at.End })
}

func inAll(text string, joins []int) []found {
	s := search{index: table(), left: maxDecoded, joins: joins}
	s.look(text, nil, 0)
	return settled(text, s.found)
}

// distinct leaves out what was found twice, and where.
func distinct(all []found) []found {
	kept := all[:0]
	for _, f := range all {
		f.at, f.how = gate.Span{}, "in pieces"
		twice := false
		for i := range kept {
			twice = twice || strings.Contains(kept[i].secret, f.secret) || strings.Contains(f.secret, kept[i].secret)
		}
		if !twice {
			kept = append(kept, f)
		}
	}
	return kept
}

// tail is a copy of the end of a text, so that the rest of it is not kept.
func tail(text string, limit int) string {
	return strings.Clone(text[max(0, len(text)-limit):])
}
