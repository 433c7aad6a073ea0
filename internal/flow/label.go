package flow

import "strings"

// Labels is a set of what a tool does with data. The zero value is the empty set.
type Labels uint8

// The labels. The first two are what a call brings into the conversation, the
// others what it does to the world outside it.
const (
	Private   Labels = 1 << iota // the result holds data that is not public
	Untrusted                    // the result holds text that somebody outside may have written
	Leaves                       // what the call carries leaves the house
	Acts                         // the call speaks, pays or destroys in somebody's name, and cannot be taken back

	all   = Private | Untrusted | Leaves | Acts
	bring = Private | Untrusted
)

// Words are the labels' words in the configuration, in the order of their bits.
func Words() []string { return []string{"private", "untrusted", "leaves", "acts"} }

// ParseLabel reads one label's word.
func ParseLabel(word string) (Labels, bool) {
	for i, w := range Words() {
		if w == word {
			return 1 << i, true
		}
	}
	return 0, false
}

// Has tells whether every label of other is in the set.
func (l Labels) Has(other Labels) bool { return l&other == other }

// Brought are those labels that a result leaves on the conversation.
func (l Labels) Brought() Labels { return l & bring }

// Each are the single labels of the set, in the order of their bits.
func (l Labels) Each() []Labels {
	var out []Labels
	for bit := Private; bit <= Acts; bit <<= 1 {
		if l.Has(bit) {
			out = append(out, bit)
		}
	}
	return out
}

// String is the words of the set, "private, untrusted"; "none" without any.
func (l Labels) String() string {
	if words := l.List(); len(words) > 0 {
		return strings.Join(words, ", ")
	}
	return "none"
}

// List is the words of the set, for policy conditions and machine formats.
func (l Labels) List() []string {
	out := []string{}
	for i, w := range Words() {
		if l.Has(1 << i) {
			out = append(out, w)
		}
	}
	return out
}
