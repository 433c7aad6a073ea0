package personal

import (
	"doorward/internal/gate"
)

// ibanLengths are the lengths of account numbers by country (the IBAN registry of
// SWIFT, release 99).
//
//nolint:gochecknoglobals // a table; read-only
var ibanLengths = map[string]int{
	"AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27, "BR": 29, "BY": 28, "CH": 21,
	"CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FK": 18, "FO": 18,
	"FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26,
	"IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24,
	"ME": 22, "MK": 19, "MN": 20, "MR": 27, "MT": 31, "MU": 30, "NI": 28, "NL": 18, "NO": 15, "OM": 23, "PK": 24, "PL": 28, "PS": 29,
	"PT": 25, "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24, "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "SO": 23,
	"ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
}

// iban finds the account number that begins at i, in one piece or in groups of
// four, and tells where it ends; 0 for none.
func (s *search) iban(text string, i int) int {
	if len(text)-i < 15 || !isDigit(text[i+2]) || !isDigit(text[i+3]) {
		return 0
	}
	length, ok := ibanLengths[text[i:i+2]]
	if !ok {
		return 0
	}
	var b [36]byte
	n, end := 0, i
	for end < len(text) && n < length {
		c := text[end]
		if (c == ' ' || c == '-') && n%4 == 0 && n > 0 && text[end-1] != c {
			end++
			continue
		}
		if !isDigit(c) && (c < 'A' || c > 'Z') {
			return 0
		}
		b[n] = c
		n++
		end++
	}
	if n != length || end < len(text) && inWord(text[end]) || remainder(string(b[4:n])+string(b[:4])) != 1 {
		return 0
	}
	s.add("iban", gate.Medium, text, gate.Span{Start: i, End: end}, "It has the length of an account number of its country, and its check digits hold.")
	return end
}

// remainder is what is left of digits and letters divided by 97, letters as 10 to
// 35 (ISO/IEC 7064, MOD 97-10).
func remainder(s string) int {
	r := 0
	for i := range len(s) {
		if isDigit(s[i]) {
			r = (r*10 + int(s[i]-'0')) % 97
		} else {
			r = (r*100 + int(s[i]-'A') + 10) % 97
		}
	}
	return r
}
