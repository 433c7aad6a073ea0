package personal

import (
	"strings"

	"doorward/internal/gate"
)

// machineReadable finds the machine-readable zone of a travel document (ICAO Doc
// 9303) whose line is text[i:end], and tells where to go on. The line with the
// check digits is enough.
func (s *search) machineReadable(text string, i, end int) int {
	line := text[i:end]
	switch {
	case len(line) == 44 && checkedFields(line, 9, 13, 21), len(line) == 36 && checkedFields(line, 9, 13, 21):
		s.add("passport", gate.Medium, text, gate.Span{Start: i, End: end}, "It is the machine-readable zone of a passport, and its check digits hold.")
	case len(line) == 44 && line[0] == 'P' && strings.Contains(line, "<<"):
		s.add("passport", gate.Low, text, gate.Span{Start: i, End: end}, "It has the form of the first line of a passport's machine-readable zone.")
	case len(line) == 30 && strings.IndexByte("AIC", line[0]) >= 0 && valueOf(line[5:14]) == int(line[14])-'0':
		s.add("passport", gate.Medium, text, gate.Span{Start: i, End: end}, "It is the machine-readable zone of an identity card, and its check digit holds.")
	}
	return end - 1
}

// checkedFields tells whether the number, the date of birth and the date of expiry
// have check digits that hold.
func checkedFields(line string, number, birth, expiry int) bool {
	return isDigit(line[number]) && valueOf(line[:number]) == int(line[number]-'0') &&
		allDigits(line[birth:birth+7]) && valueOf(line[birth:birth+6]) == int(line[birth+6]-'0') &&
		allDigits(line[expiry:expiry+7]) && valueOf(line[expiry:expiry+6]) == int(line[expiry+6]-'0')
}

// valueOf is the check digit of a field: weights 7 3 1, letters from 10.
func valueOf(field string) int {
	weights := [3]int{7, 3, 1}
	sum := 0
	for i := range len(field) {
		v := 0
		switch c := field[i]; {
		case isDigit(c):
			v = int(c - '0')
		case c >= 'A' && c <= 'Z':
			v = int(c-'A') + 10
		case c != '<':
			return -1
		}
		sum += v * weights[i%3]
	}
	return sum % 10
}
