package personal

import (
	"doorward/internal/gate"
)

// issuer is a range of card numbers (ISO/IEC 7812-1), as the networks publish it.
type issuer struct {
	low, high, digits int // of the first digits
	short, long       int // digits of the whole number
}

//nolint:gochecknoglobals // a table; read-only
var issuers = []issuer{
	{4, 4, 1, 13, 13}, {4, 4, 1, 16, 16}, {4, 4, 1, 19, 19}, // Visa
	{51, 55, 2, 16, 16}, {2221, 2720, 4, 16, 16}, // Mastercard
	{34, 34, 2, 15, 15}, {37, 37, 2, 15, 15}, // American Express
	{6011, 6011, 4, 16, 19}, {644, 649, 3, 16, 19}, {65, 65, 2, 16, 19}, {622126, 622925, 6, 16, 19}, // Discover
	{3528, 3589, 4, 16, 19}, {2131, 2131, 4, 15, 15}, {1800, 1800, 4, 15, 15}, // JCB
	{300, 305, 3, 14, 14}, {3095, 3095, 4, 14, 14}, {36, 36, 2, 14, 14}, {38, 39, 2, 14, 14}, // Diners Club
	{62, 62, 2, 16, 19}, {81, 81, 2, 16, 19}, // UnionPay
	{5018, 5018, 4, 12, 19}, {5020, 5020, 4, 12, 19}, {5038, 5038, 4, 12, 19}, {5893, 5893, 4, 12, 19}, {6304, 6304, 4, 12, 19}, {6759, 6759, 4, 12, 19}, {6761, 6763, 4, 12, 19}, {50, 50, 2, 13, 19}, {56, 58, 2, 13, 19}, // Maestro
	{2200, 2204, 4, 16, 19},                    // Mir
	{60, 60, 2, 16, 16}, {508, 508, 3, 16, 16}, // RuPay
	{9792, 9792, 4, 16, 16}, // Troy
}

// maxCard is how many digits a card's number has at most (ISO/IEC 7812-1).
const maxCard = 19

// card finds a number with the range and length of an issuer and a check digit
// that holds, in one piece or in the groups that are printed.
func (s *search) card(text string, n *number) bool {
	if len(n.digits) < 12 || len(n.digits) > maxCard || !printed(n) || !varied(n.digits, 2) || !luhn(n.digits) {
		return false
	}
	for i := range issuers {
		r := &issuers[i]
		if len(n.digits) < r.short || len(n.digits) > r.long {
			continue
		}
		first := 0
		for _, c := range n.digits[:r.digits] {
			first = first*10 + int(c-'0')
		}
		if first >= r.low && first <= r.high {
			s.add("card", gate.Medium, text, n.at, "It is in the range of an issuer of cards, and its check digit holds.")
			return true
		}
	}
	return false
}

// printed tells whether the groups are those of cards: 4-4-4-4, 4-6-5, 4-6-4, and
// 4-4-4-4-3; or there is one.
func printed(n *number) bool {
	if len(n.groups) == 1 {
		return true
	}
	if !n.uniform() || n.seps[0] == '/' {
		return false
	}
	for i, g := range n.groups {
		if i == len(n.groups)-1 {
			return g <= 6
		}
		if g != 4 && (i != 1 || g != 6) {
			return false
		}
	}
	return true
}
