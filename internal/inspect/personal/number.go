package personal

import (
	"strings"

	"doorward/internal/gate"
)

// maxNumber bounds a number with its separators, in bytes.
const maxNumber = 48

// number is digits in groups.
type number struct {
	at     gate.Span
	digits string
	groups []int  // lengths
	seps   string // between them, one byte each
}

// read is the number that begins at i: groups of digits with one separator, of
// blank, point, dash and slash, between them.
func read(text string, i int) number {
	n := number{at: gate.Span{Start: i, End: i}}
	var digits, seps [maxNumber]byte
	length, group := 0, 0
	for i < len(text) && i-n.at.Start < maxNumber {
		if isDigit(text[i]) {
			digits[length] = text[i]
			length++
			group++
			i++
			n.at.End = i
			continue
		}
		if i+1 >= len(text) || !isDigit(text[i+1]) || strings.IndexByte(" .-/", text[i]) < 0 {
			break
		}
		seps[len(n.groups)] = text[i]
		n.groups = append(n.groups, group)
		group = 0
		i++
	}
	n.seps = string(seps[:len(n.groups)])
	n.groups = append(n.groups, group)
	n.digits = string(digits[:length])
	return n
}

// uniform tells whether one separator, or none, stands between all groups.
func (n *number) uniform() bool {
	return len(n.seps) == 0 || strings.Count(n.seps, n.seps[:1]) == len(n.seps)
}

// shape is the number with each digit as 0, to compare with a form.
func (n *number) shape(text string) string {
	b := []byte(text[n.at.Start:n.at.End])
	for i := range b {
		if isDigit(b[i]) {
			b[i] = '0'
		}
	}
	return string(b)
}

// numbers looks at the number that begins at i, and tells where to go on.
func (s *search) numbers(text string, i int) int {
	n := read(text, i)
	last := n.at.End - 1
	if len(n.digits) < 7 || !begins(text, i) {
		return last
	}
	if ends(text, n.at.End) {
		switch {
		case s.card(text, &n), s.person(text, &n), s.phone(text, &n):
			return last
		}
	}
	if to := s.lettered(text, &n); to > 0 {
		return to - 1
	}
	// A card or a person's number may stand beside another number.
	if len(n.groups) > 1 {
		s.partly(text, &n)
	}
	return last
}

// partly looks for a card or a person's number among the groups of a number that
// is none as a whole: "4111 1111 1111 1111 12/27".
func (s *search) partly(text string, n *number) {
	start := n.at.Start
	for from := range n.groups {
		end, digits := start, 0
		for to := from; to < len(n.groups) && (to == from || n.groups[from] == 4); to++ {
			if to > from {
				end++
			}
			end += n.groups[to]
			if digits += n.groups[to]; digits > maxCard {
				break
			}
			if from == 0 && to == len(n.groups)-1 || end-start < 13 || end < len(text) && text[end] != ' ' && !ends(text, end) || start > n.at.Start && text[start-1] != ' ' {
				continue
			}
			if part := read(text[:end], start); s.card(text, &part) {
				return
			}
		}
		start += n.groups[from] + 1
	}
}

// varied tells whether so many different digits at least make up a number: others
// are written where none is known.
func varied(digits string, least int) bool {
	var seen [10]bool
	kinds := 0
	for i := range len(digits) {
		if d := digits[i] - '0'; !seen[d] {
			seen[d] = true
			kinds++
		}
	}
	return kinds >= least
}

// luhn tells whether the last digit checks the others (ISO/IEC 7812-1 annex B).
func luhn(digits string) bool {
	sum := 0
	for i := range len(digits) {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

// weighted is the sum of digits, each times its weight.
func weighted(digits string, weights ...int) int {
	sum := 0
	for i, w := range weights {
		sum += w * int(digits[i]-'0')
	}
	return sum
}
