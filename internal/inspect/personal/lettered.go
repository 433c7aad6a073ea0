package personal

import (
	"strings"

	"doorward/internal/gate"
)

// lettered finds what begins with digits and goes on in letters: Spain's DNI,
// China's number with an X, the zone of a passport. It tells where that ends; 0
// for none.
func (s *search) lettered(text string, n *number) int {
	end := n.at.End
	if len(n.groups) == 1 && len(n.digits) == 8 && end < len(text) {
		at := end
		if text[at] == '-' && at+1 < len(text) {
			at++
		}
		if spanish(n.digits, text[at]) && (at+1 == len(text) || !inWord(text[at+1])) && varied(n.digits, 3) {
			s.national(text, gate.Span{Start: n.at.Start, End: at + 1}, "Spain")
			return at + 1
		}
	}
	if len(n.groups) == 1 && len(n.digits) == 17 && end < len(text) && text[end]|0x20 == 'x' && (end+1 == len(text) || !inWord(text[end+1])) {
		d := n.digits
		if dated(d[8:14]) && (d[6:8] == "19" || d[6:8] == "20") && weighted(d, 7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)%11 == 2 {
			s.national(text, gate.Span{Start: n.at.Start, End: end + 1}, "China")
			return end + 1
		}
	}
	zone := end
	for zone < len(text) && zone-end < 44 && (isDigit(text[zone]) || text[zone] == '<' || text[zone] >= 'A' && text[zone] <= 'Z') {
		zone++
	}
	if len(n.groups) == 1 && (zone-n.at.Start == 44 || zone-n.at.Start == 36) && (zone == len(text) || !inWord(text[zone])) {
		return s.machineReadable(text, n.at.Start, zone) + 1
	}
	return 0
}

// spanish: the remainder by 23 is a letter.
func spanish(digits string, letter byte) bool {
	return "TRWAGMYFPDXBNJZSQVHLCKE"[modulo(digits, 23)] == letter
}

func (s *search) national(text string, at gate.Span, country string) {
	s.add("national_id", gate.Medium, text, at, "It is a number of persons ("+country+"), and its check character holds.")
}

// coded looks at what begins with a large letter at i, and tells where to go on.
func (s *search) coded(text string, i int) int {
	end := i
	for end < len(text) && (inWord(text[end]) || text[end] == '<') {
		end++
	}
	if !begins(text, i) {
		return end - 1
	}
	if at := s.iban(text, i); at > 0 {
		return at - 1
	}
	word := text[i:end]
	at := gate.Span{Start: i, End: end}
	switch {
	case len(word) >= 30 && strings.Contains(word, "<"):
		return s.machineReadable(text, i, end)
	case len(word) == 16 && italian(word):
		s.national(text, at, "Italy")
	case len(word) == 9 && strings.IndexByte("XYZ", word[0]) >= 0 && allDigits(word[1:8]) && spanish(string('0'+word[0]-'X')+word[1:8], word[8]):
		s.national(text, at, "Spain")
	case len(word) == 10 && indian(word) && after(text, i, []string{"pan", "permanent account"}):
		s.add("national_id", gate.Low, text, at, "It has the form of a tax number (India).")
	case len(word) == 9 && british(word) && after(text, i, []string{"insurance", "nino", "ni number", "ni no"}):
		s.add("national_id", gate.Low, text, at, "It has the form of a national insurance number (United Kingdom).")
	case len(word) == 18 && mexican(word):
		s.national(text, at, "Mexico")
	}
	return end - 1
}

func allDigits(s string) bool {
	for i := range len(s) {
		if !isDigit(s[i]) {
			return false
		}
	}
	return true
}

// fits tells whether each character is of the class that a form has: A for a
// large letter, 0 for a digit, * for both.
func fits(s, form string) bool {
	if len(s) != len(form) {
		return false
	}
	for i := range len(s) {
		large := s[i] >= 'A' && s[i] <= 'Z'
		switch form[i] {
		case 'A':
			if !large {
				return false
			}
		case '0':
			if !isDigit(s[i]) {
				return false
			}
		default:
			if !large && !isDigit(s[i]) {
				return false
			}
		}
	}
	return true
}

// italian: the codice fiscale, whose last letter checks the others (decree of 23
// December 1976). Letters may stand for digits where two persons had the same.
func italian(s string) bool {
	if !fits(s, "AAAAAA**A**A***A") || strings.IndexByte("ABCDEHLMPRST", s[8]) < 0 {
		return false
	}
	odd := [26]int{1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23}
	sum := 0
	for i := range 15 {
		v := int(s[i] - 'A')
		if isDigit(s[i]) {
			v = int(s[i] - '0')
		}
		if i%2 == 0 {
			v = odd[v]
		}
		sum += v
	}
	return byte('A'+sum%26) == s[15]
}

// mexican: the CURP, whose last digit checks the others (RENAPO).
func mexican(s string) bool {
	if !fits(s, "AAAA000000AAAAAA*0") || s[10] != 'H' && s[10] != 'M' && s[10] != 'X' || !dated(s[4:10]) {
		return false
	}
	sum := 0
	for i := range 17 {
		v := int(s[i] - '0')
		if !isDigit(s[i]) {
			if v = int(s[i]-'A') + 10; s[i] > 'N' {
				v++ // Ñ stands between N and O
			}
		}
		sum += v * (18 - i)
	}
	return (10-sum%10)%10 == int(s[17]-'0')
}

// indian: the PAN; the fourth letter is the kind of holder.
func indian(s string) bool {
	return fits(s, "AAAAA0000A") && strings.IndexByte("ABCFGHLJPT", s[3]) >= 0
}

// british: the national insurance number, without the prefixes that are not used.
func british(s string) bool {
	return fits(s, "AA000000A") && strings.IndexByte("DFIQUV", s[0]) < 0 && strings.IndexByte("DFIQUVO", s[1]) < 0 && s[8] <= 'D'
}
