package personal

import "strings"

// card tells whether digits are a payment card's: a length and first digits that an
// issuer uses (ISO/IEC 7812, as the networks publish them), and Luhn's check digit.
func card(d string, separators int) bool {
	if len(d) < 13 || len(d) > 19 || separators > 4 || !luhn(d) || same(d) {
		return false
	}
	two, four := number(d[:2]), number(d[:4])
	switch {
	case d[0] == '4':
		return len(d) == 13 || len(d) == 16 || len(d) == 19
	case two >= 51 && two <= 55, four >= 2221 && four <= 2720:
		return len(d) == 16
	case two == 34, two == 37:
		return len(d) == 15
	case two == 36, two == 38, two == 39, four >= 3000 && four <= 3059:
		return len(d) == 14 || len(d) == 16
	case four == 6011, two == 65, four >= 6440 && four <= 6499, two == 62:
		return len(d) >= 16
	case four >= 3528 && four <= 3589, four == 2131, four == 1800:
		return len(d) == 16 || len(d) == 15
	case two == 50, two >= 56 && two <= 58, two == 60, two == 63, two == 67:
		return len(d) >= 13 && separators > 0 || len(d) == 16
	}
	return false
}

func number(s string) int {
	n := 0
	for i := range len(s) {
		n = n*10 + int(s[i]-'0')
	}
	return n
}

// same tells whether all digits are one, or count up.
func same(d string) bool {
	equal, up := 0, 0
	for i := 1; i < len(d); i++ {
		if d[i] == d[i-1] {
			equal++
		}
		if d[i] == (d[i-1]-'0'+1)%10+'0' {
			up++
		}
	}
	return max(equal, up) == len(d)-1
}

// luhn is the check of ISO/IEC 7812-1, annex B.
func luhn(d string) bool {
	sum := 0
	for i := range len(d) {
		n := int(d[len(d)-1-i] - '0')
		if i%2 == 1 {
			if n *= 2; n > 9 {
				n -= 9
			}
		}
		sum += n
	}
	return sum%10 == 0
}

// ssn is the form of the USA's social security numbers: no area 000, 666 or 9xx, no
// group 00, no serial 0000 (SSA, 2011).
func ssn(s string) bool {
	if len(s) != 11 || s[3] != '-' && s[3] != ' ' || s[6] != s[3] {
		return false
	}
	area, group, serial := s[:3], s[4:6], s[7:]
	return area != "000" && area != "666" && area[0] != '9' && group != "00" && serial != "0000"
}

// weighted is the sum of digits by weights.
func weighted(d string, weights ...int) int {
	sum := 0
	for i, w := range weights {
		sum += int(d[i]-'0') * w
	}
	return sum
}

// country is a national number: how it is known and checked.
type country struct {
	rule, name string
	length     int
	words      []string // of which one must stand before it; none: the form alone is proof
	form       string   // digits as 0, separators as they are; empty: any
	check      func(d string) bool
}

// countries are national numbers of digits alone. Ten or eleven digits with one check
// digit are right by chance once in ten: without a form of its own, a word must say
// what it is.
//
//nolint:gochecknoglobals // a table; read-only
var countries = []country{
	{"cpf", "a tax number of Brazil", 11, nil, "000.000.000-00", cpf},
	{"cpf", "a tax number of Brazil", 11, []string{"cpf"}, "", cpf},
	{"steuer_id", "a tax number of Germany", 11, []string{"steuer", "idnr", "tin"}, "", iso11},
	{"bsn", "a citizen number of the Netherlands", 9, []string{"bsn", "burgerservice", "sofi"}, "", bsn},
	{"pesel", "a personal number of Poland", 11, []string{"pesel"}, "", pesel},
	{"aadhaar", "an Aadhaar number of India", 12, []string{"aadhaar", "aadhar", "uidai", "आधार"}, "", verhoeff},
	{"aadhaar", "an Aadhaar number of India", 12, nil, "0000 0000 0000", verhoeff},
	{"nir", "a social security number of France", 15, nil, "", nir},
	{"nhs_number", "a number of the NHS", 10, []string{"nhs"}, "", nhs},
	{"rrn", "a resident number of Korea", 13, nil, "000000-0000000", rrn},
	{"sin", "a social insurance number of Canada", 9, []string{"sin ", "sin:", "social insurance", "assurance sociale"}, "", func(d string) bool { return luhn(d) && d[0] != '0' && d[0] != '8' }},
	{"tfn", "a tax file number of Australia", 9, []string{"tfn", "tax file"}, "", func(d string) bool { return weighted(d, 1, 4, 3, 7, 5, 8, 6, 9, 10)%11 == 0 }},
	{"routing_number", "a bank's routing number", 9, []string{"routing", "aba "}, "", func(d string) bool { return weighted(d, 3, 7, 1, 3, 7, 1, 3, 7, 1)%10 == 0 }},
	{"itin", "a tax number of the USA", 9, []string{"itin", "taxpayer"}, "000-00-0000", func(d string) bool { return d[0] == '9' && d[3] >= '5' }},
	{"personnummer", "a personal number of Sweden", 10, []string{"personnummer", "personal identity"}, "", luhn},
	{"resident_id", "a resident number of China", 18, nil, "", resident},
}

// national is the first that a number is; rule is empty for none.
func national(before, as, d string) (rule, why string) {
	for i := range countries {
		c := &countries[i]
		if c.length != len(d) || same(d) || !c.check(d) {
			continue
		}
		if c.form != "" && !formed(as, c.form) || len(c.words) > 0 && !around(before, c.words...) {
			continue
		}
		return c.rule, c.name
	}
	return "", ""
}

// formed tells whether a number is written in a form.
func formed(as, form string) bool {
	if len(as) != len(form) {
		return false
	}
	for i := range len(form) {
		if form[i] == '0' != digit(as[i]) || form[i] != '0' && form[i] != as[i] {
			return false
		}
	}
	return true
}

func cpf(d string) bool {
	one := weighted(d, 10, 9, 8, 7, 6, 5, 4, 3, 2) * 10 % 11 % 10
	two := weighted(d, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2) * 10 % 11 % 10
	return one == int(d[9]-'0') && two == int(d[10]-'0')
}

// iso11 is ISO/IEC 7064, MOD 11,10.
func iso11(d string) bool {
	p := 10
	for i := range len(d) - 1 {
		s := (int(d[i]-'0') + p) % 10
		if s == 0 {
			s = 10
		}
		p = s * 2 % 11
	}
	return d[0] != '0' && (11-p)%10 == int(d[len(d)-1]-'0')
}

func bsn(d string) bool { return (weighted(d, 9, 8, 7, 6, 5, 4, 3, 2)-int(d[8]-'0'))%11 == 0 }

func pesel(d string) bool {
	return (10-weighted(d, 1, 3, 7, 9, 1, 3, 7, 9, 1, 3)%10)%10 == int(d[10]-'0') && date(number(d[2:4])%20, number(d[4:6]))
}

func nhs(d string) bool {
	c := 11 - weighted(d, 10, 9, 8, 7, 6, 5, 4, 3, 2)%11
	return c != 10 && c%11 == int(d[9]-'0')
}

// nir is the key of France's: 97 less the rest of the number.
func nir(d string) bool {
	return (d[0] == '1' || d[0] == '2') && date(number(d[3:5]), 1) && 97-number(d[:13])%97 == number(d[13:])
}

func rrn(d string) bool {
	c := (11 - weighted(d, 2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)%11) % 10
	return c == int(d[12]-'0') && date(number(d[2:4]), number(d[4:6]))
}

// resident is China's (GB 11643): ISO/IEC 7064, MOD 11-2; an X at its end is read
// with the letters.
func resident(d string) bool {
	return residentCheck(d[:17]) == d[17] && born(d)
}

func born(d string) bool {
	y := number(d[6:10])
	return y >= 1900 && y <= 2100 && date(number(d[10:12]), number(d[12:14]))
}

func residentCheck(d string) byte {
	return "10X98765432"[weighted(d, 7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)%11]
}

func date(month, day int) bool { return month >= 1 && month <= 12 && day >= 1 && day <= 31 }

// verhoeff is the check of Aadhaar (Verhoeff, 1969), over the dihedral group D5.
func verhoeff(d string) bool {
	if d[0] < '2' {
		return false
	}
	c := 0
	for i := range len(d) {
		n := int(d[len(d)-1-i] - '0')
		for range i % 8 {
			n = int("1576283094"[n] - '0')
		}
		c = dihedral(c, n)
	}
	return c == 0
}

func dihedral(a, b int) int {
	switch {
	case a < 5 && b < 5:
		return (a + b) % 5
	case a < 5:
		return 5 + (a+b)%5
	case b < 5:
		return 5 + (a-b)%5
	}
	return (a - b + 5) % 5
}

// phone tells whether a number is written as a telephone's: with a plus and a
// country, in brackets, or in groups.
func phone(text string, start int, as, d string) bool {
	if len(d) < 8 || len(d) > 15 || strings.ContainsAny(as, "/") || same(d) {
		return false
	}
	if start > 0 && text[start-1] == '+' {
		return d[0] != '0'
	}
	groups := 1 + strings.Count(as, " ") + strings.Count(as, "-") + strings.Count(as, ".")
	return groups >= 3 && len(d) >= 9 && len(d) <= 12 && !dated(as)
}

// dated tells whether groups are a date or a time, or an address of the network.
func dated(as string) bool {
	return len(as) >= 10 && (as[4] == '-' || as[4] == '.') && digit(as[0]) && (as[:2] == "19" || as[:2] == "20") || strings.Count(as, ".") == 3
}
