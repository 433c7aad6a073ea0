package secrets

import (
	"slices"
	"strings"
)

// Bounds of what is followed of credentials that have begun.
const (
	maxOpened    = 32  // beginnings
	maxBegun     = 512 // bytes of one
	maxFragments = 24  // of a short value, all of whose runs may be pieces
	maxTried     = 96  // fragments of one call
)

// opened are the beginnings of credentials that values ended in: a literal of a
// format, or part of one, and what was joined to it since. What stands between the
// pieces of a credential, words or other values, does not matter to them.
type opened []beginning

// beginning is a credential that is not complete.
type beginning struct {
	text  string
	joins []int // where pieces were joined
	words int   // pieces that are words, and so hardly part of it
}

// add takes the values of one call and says which credentials they complete.
func (o *opened) add(values []string) []found {
	x := table()
	tried := 0
	var all []found
	for _, v := range values {
		for _, piece := range fragments(v) {
			if tried++; tried > maxTried {
				return all
			}
			all = append(all, o.join(x, piece)...)
		}
	}
	return all
}

// join puts a piece behind every beginning, and keeps what is one then.
func (o *opened) join(x *index, piece string) []found {
	word := 0
	if isOneWord(piece) {
		word = 1
	}
	before := *o
	for i := range before {
		b := &before[i]
		text := b.text + piece
		if len(text) > maxBegun {
			continue
		}
		joins := append(slices.Clone(b.joins), len(b.text))
		state, whole := x.begins(text, joins)
		switch state {
		case complete:
			*o = nil
			return whole
		case nothing:
		case begun:
			o.keep(beginning{text, joins, b.words + word})
		}
	}
	if state, _ := x.begins(piece, nil); state == begun {
		o.keep(beginning{text: piece})
	}
	return nil
}

// keep adds a beginning; of too many, the one that has most words goes, and of
// those the oldest.
func (o *opened) keep(b beginning) {
	if slices.ContainsFunc(*o, func(other beginning) bool { return other.text == b.text }) {
		return
	}
	list := append(slices.Clone(*o), b)
	if len(list) > maxOpened {
		worst := 0
		for i := range list {
			if list[i].words > list[worst].words {
				worst = i
			}
		}
		list = slices.Delete(list, worst, worst+1)
	}
	*o = list
}

// progress is how far a text got towards a credential.
type progress uint8

const (
	nothing progress = iota
	begun
	complete
)

// begins tells whether a text begins a credential with a format of its own, or is
// one that its last piece completes.
func (x *index) begins(text string, joins []int) (progress, []found) {
	state := nothing
	if len(text) < 3 {
		for i := range x.formats {
			for literal := range strings.FieldsSeq(x.formats[i].starts) {
				if x.formats[i].strong() && strings.HasPrefix(literal, text) {
					return begun, nil
				}
			}
		}
		return nothing, nil
	}
	for _, e := range x.entries[key(text[0], text[1], text[2])] {
		if e.format < 0 || !x.formats[e.format].strong() {
			continue
		}
		if len(text) < len(e.literal) {
			if strings.HasPrefix(e.literal, text) {
				state = begun
			}
			continue
		}
		if !e.at(text, 0) {
			continue
		}
		s := search{index: x, joins: joins}
		s.formatted(text, 0, len(e.literal), len(text), &x.formats[e.format])
		if len(s.found) == 0 {
			state = begun
			continue
		}
		if f := s.found[0]; len(joins) > 0 && f.at.End > joins[len(joins)-1] && !wordy(f.secret[len(e.literal):]) {
			return complete, s.found
		}
		return nothing, nil
	}
	return state, nil
}

// strong tells whether a format is followed over values: its own bytes give it
// away from its literal on, and it has those of tokens alone.
func (c *compiled) strong() bool {
	return !c.weak && !c.low && c.before == nil && !strings.Contains(c.format.rest, `\s`) && !strings.Contains(c.format.rest, `[^`)
}

// fragments are the runs of a value that may be pieces of a token: each of a short
// value, and of a text those that begin as one does or are no words.
func fragments(v string) []string {
	var all []string
	for i := 0; i < len(v); {
		if !isPiece[v[i]] {
			i++
			continue
		}
		from := i
		for i < len(v) && isPiece[v[i]] {
			i++
		}
		run := v[from:i]
		all = append(all, run)
		if sentence, ended := strings.CutSuffix(run, "."); ended && sentence != "" {
			all = append(all, sentence)
		}
	}
	if len(all) <= maxFragments {
		return all
	}
	x := table()
	return slices.DeleteFunc(all, func(run string) bool {
		if len(run) < 3 || isOneWord(run) {
			return true
		}
		state, _ := x.begins(run, nil)
		return state != begun && !disordered(run)
	})
}

// isOneWord tells whether a run is letters alone, as a word of a language has them.
func isOneWord(run string) bool {
	for i := range len(run) {
		if !letter(run[i]) || i > 0 && run[i] <= 'Z' && run[i-1] > 'Z' {
			return false
		}
	}
	return len(run) >= 3 && spoken(run)
}

//nolint:gochecknoglobals // a table; read-only
var isPiece = set("a-z", "A-Z", "0-9", "_+/.~", "-")
