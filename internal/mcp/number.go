package mcp

import (
	"bytes"
	"strconv"
)

// plainDigits bounds how long a number gets when it is written without an
// exponent: what RFC 8785 (ECMAScript's Number::toString) writes so.
const plainDigits = 21

// plainNumbers writes every number of valid JSON in one spelling, exactly: no
// value is rounded, and two numbers are spelled alike only when they are equal.
// A server that goes from 1 to 1.0 or 1E0 has changed nothing (security case
// PIN-09); one that goes from 9007199254740992 to 9007199254740993 has.
func plainNumbers(text []byte) []byte {
	var out []byte // nil while everything is plain
	done := 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			i++
			for i < len(text) && text[i] != '"' {
				if text[i] == '\\' {
					i++
				}
				i++
			}
		case c == '-' || c >= '0' && c <= '9':
			end := i
			for end < len(text) && bytes.IndexByte([]byte("+-.0123456789Ee"), text[end]) >= 0 {
				end++
			}
			if plain := plainNumber(text[i:end]); !bytes.Equal(plain, text[i:end]) {
				out = append(append(out, text[done:i]...), plain...)
				done = end
			}
			i = end - 1
		}
	}
	if out == nil {
		return text
	}
	return append(out, text[done:]...)
}

// plainNumber is the one spelling of a number: its digits without zeros around
// them, times a power of ten. Negative zero is not zero; an exponent that does not
// fit is left as it is written.
func plainNumber(number []byte) []byte {
	rest, negative := bytes.CutPrefix(number, []byte{'-'})
	mantissa, power := rest, 0
	if at := bytes.IndexAny(rest, "eE"); at >= 0 {
		var err error
		if power, err = strconv.Atoi(string(rest[at+1:])); err != nil || power < -1<<30 || power > 1<<30 {
			return number
		}
		mantissa = rest[:at]
	}
	whole, fraction, _ := bytes.Cut(mantissa, []byte{'.'})
	digits := append(bytes.Clone(whole), fraction...)
	power -= len(fraction)
	kept := bytes.TrimRight(digits, "0")
	power += len(digits) - len(kept)
	digits = bytes.TrimLeft(kept, "0")

	out := make([]byte, 0, len(number))
	if negative {
		out = append(out, '-')
	}
	point := len(digits) + power // where the decimal point belongs
	switch {
	case len(digits) == 0:
		return append(out, '0')
	case power >= 0 && point <= plainDigits:
		return append(append(out, digits...), bytes.Repeat([]byte{'0'}, power)...)
	case power < 0 && point > 0:
		return append(append(append(out, digits[:point]...), '.'), digits[point:]...)
	case power < 0 && -point <= plainDigits:
		out = append(append(out, '0', '.'), bytes.Repeat([]byte{'0'}, -point)...)
		return append(out, digits...)
	}
	return strconv.AppendInt(append(append(out, digits...), 'e'), int64(power), 10)
}
