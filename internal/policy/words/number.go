package words

import (
	"math/big"
	"strconv"
)

// NumberRule is what a number must keep to. The zero value: any.
type NumberRule struct {
	// Min and Max are the least and the greatest, themselves included, as numbers of
	// JSON: "0", "-1.5", "1e6". Empty: no bound. They must fit a float64, which most
	// programs read numbers into: rounding keeps the order, so what passes here is
	// within the bounds there too.
	Min, Max string
}

const (
	maxNumber   = 512 // bytes of a number's text
	maxExponent = 400 // of ten: more than a float64 can hold (308), and cheap to compare exactly
)

// Number judges numbers by their text in JSON (RFC 8259 §6), exactly. Nil and the zero
// value refuse everything.
type Number struct {
	made     bool
	min, max *big.Rat
}

// NewNumber compiles a rule. It returns every fault it finds; with any the judge is
// nil. Config calls it once per load.
func NewNumber(r NumberRule) (*Number, []Fault) {
	n := &Number{made: true}
	var faults []Fault
	for _, b := range []struct {
		field, text string
		into        **big.Rat
	}{{"min", r.Min, &n.min}, {"max", r.Max, &n.max}} {
		if b.text == "" {
			continue
		}
		_, err := strconv.ParseFloat(b.text, 64)
		v, why := exact(b.text)
		if err != nil || why != "" {
			faults = append(faults, Fault{b.field, "this is not a number as JSON has it, within a float64: write \"10\" or \"-1.5\""})
		}
		*b.into = v
	}
	if len(faults) == 0 && n.min != nil && n.max != nil && n.min.Cmp(n.max) > 0 {
		faults = append(faults, Fault{"min", "the least is above the greatest: nothing could pass"})
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return n, nil
}

// Judge says why a token of JSON may not pass as a number; "" when it may.
func (n *Number) Judge(token string) (why string) {
	if n == nil || !n.made {
		return noRule
	}
	v, why := exact(token)
	switch {
	case why != "":
		return why
	case n.min != nil && v.Cmp(n.min) < 0:
		return "the number is below the least that the rule allows"
	case n.max != nil && v.Cmp(n.max) > 0:
		return "the number is above the greatest that the rule allows"
	}
	return ""
}

// exact is the value of a number's text. Both are bounded, so it takes microseconds.
func exact(token string) (*big.Rat, string) {
	if len(token) > maxNumber {
		return nil, "the number has more than 512 characters"
	}
	exponent, ok := scan(token)
	if !ok {
		return nil, "this is not a number as JSON has it"
	}
	if len(exponent) > 0 {
		if e, err := strconv.Atoi(exponent); err != nil || e > maxExponent || e < -maxExponent {
			return nil, "the exponent of the number is beyond 400"
		}
	}
	v, ok := new(big.Rat).SetString(token)
	if !ok {
		return nil, "this is not a number as JSON has it"
	}
	return v, ""
}

// scan tells whether a token is a number of JSON, and returns its exponent's text:
// big.Rat also reads fractions, hexadecimal digits and underscores.
func scan(s string) (exponent string, ok bool) {
	i := 0
	digits := func() bool {
		start := i
		for i < len(s) && isDigit(s[i]) {
			i++
		}
		return i > start
	}
	if i < len(s) && s[i] == '-' {
		i++
	}
	zero := i < len(s) && s[i] == '0'
	first := i
	if !digits() || zero && i > first+1 {
		return "", false
	}
	if i < len(s) && s[i] == '.' {
		if i++; !digits() {
			return "", false
		}
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		i++
		start := i
		if i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		if !digits() {
			return "", false
		}
		exponent = s[start:i]
	}
	return exponent, i == len(s)
}
