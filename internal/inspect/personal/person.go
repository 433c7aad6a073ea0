package personal

import (
	"strings"

	"doorward/internal/gate"
)

// national is the number of a person in one country.
type national struct {
	country string
	digits  int
	shapes  string   // how it is written with separators; blanks between them, '_' for a blank
	bare    bool     // its digits alone are as good: the check and the date leave one in a thousand others
	words   []string // one of which must stand before it where it is bare, or written in no such shape
	holds   func(d string) bool
}

// nationals are numbers of digits alone, with what the issuing authorities
// publish of their check digits.
//
//nolint:gochecknoglobals // a table; read-only
var nationals = []national{
	{"Brazil", 11, "000.000.000-00", false, []string{"cpf"}, cpf},
	{"Brazil, company", 14, "00.000.000/0000-00", false, []string{"cnpj"}, cnpj},
	{"Poland", 11, "", false, []string{"pesel"}, pesel},
	{"Germany, tax", 11, "00_000_000_000", false, []string{"steuer", "idnr", "tax id", "tin"}, steuerID},
	{"India", 12, "0000_0000_0000 0000-0000-0000", false, []string{"aadhaar", "aadhar", "uidai", "uid"}, aadhaar},
	{"Netherlands", 9, "", false, []string{"bsn", "burgerservice", "sofi"}, bsn},
	{"France", 15, "0_00_00_00_000_000_00 0_00_00_00_000_000/00", true, nil, nir},
	{"Belgium", 11, "00.00.00-000.00", false, []string{"rijksregister", "national number", "numéro national", "niss", "insz"}, belgium},
	{"Sweden", 10, "000000-0000", false, []string{"personnummer", "samordningsnummer"}, swedish},
	{"Denmark", 10, "", false, []string{"cpr"}, danish},
	{"Norway", 11, "000000_00000", false, []string{"fødselsnummer", "fodselsnummer", "personnummer"}, norwegian},
	{"Canada", 9, "000-000-000 000_000_000", false, []string{"sin", "social insurance"}, func(d string) bool { return d[0] != '0' && d[0] != '8' && luhn(d) }},
	{"United Kingdom, health", 10, "000_000_0000", false, []string{"nhs"}, nhs},
	{"Switzerland", 13, "000.0000.0000.00", true, nil, ahv},
	{"Australia, tax", 9, "000_000_000", false, []string{"tfn", "tax file"}, tfn},
	{"China", 18, "", true, nil, chinese},
	{"South Africa", 13, "", false, []string{"id number", "identity"}, func(d string) bool { return dated(d[:6]) && luhn(d) }},
	{"Turkey", 11, "", false, []string{"kimlik", "tckn", "t.c."}, turkish},
}

// securityWords name the number of the Social Security Administration.
//
//nolint:gochecknoglobals // a table; read-only
var securityWords = []string{"ssn", "social security", "social-security", "social_security", "itin"}

// person finds the number of a person.
func (s *search) person(text string, n *number) bool {
	if s.security(text, n) {
		return true
	}
	var shape string
	for i := range nationals {
		c := &nationals[i]
		if len(n.digits) != c.digits || !varied(n.digits, 3) || !c.holds(n.digits) {
			continue
		}
		if shape == "" {
			shape = strings.ReplaceAll(n.shape(text), " ", "_")
		}
		named := c.bare && len(n.groups) == 1 || (len(n.groups) == 1 || n.uniform()) && after(text, n.at.Start, c.words)
		if named || len(n.groups) > 1 && distinctive(shape) && contains(c.shapes, shape) {
			s.add("national_id", gate.Medium, text, n.at, "It is a number of persons ("+c.country+"), and its check digits hold.")
			return true
		}
	}
	return false
}

// distinctive tells whether a shape is one that telephones do not have too.
func distinctive(shape string) bool {
	switch shape {
	case "000_000_000", "000-000-000", "000_000_0000", "000000-0000", "000000_00000", "00_000_000_000":
		return false
	}
	return true
}

func contains(shapes, shape string) bool {
	for one := range strings.FieldsSeq(shapes) {
		if one == shape {
			return true
		}
	}
	return false
}

// security finds the social security number of the United States, which has no
// check digit: the parts that are never given out (SSA, POMS RM 10201.035) are
// left out, and those that were printed in advertisements.
func (s *search) security(text string, n *number) bool {
	if len(n.digits) != 9 || !varied(n.digits, 3) {
		return false
	}
	d := n.digits
	if d[:3] == "000" || d[:3] == "666" || d[0] == '9' && (d[3] < '5' || !after(text, n.at.Start, securityWords)) || d[3:5] == "00" || d[5:] == "0000" || d == "078051120" || d == "219099999" || d == "123456789" {
		return false
	}
	named := after(text, n.at.Start, securityWords)
	switch shape := n.shape(text); {
	case named && (shape == "000-00-0000" || shape == "000 00 0000" || shape == "000000000"):
		s.add("ssn", gate.Medium, text, n.at, "It is said to be a social security number, and may be one.")
	case shape == "000-00-0000":
		s.add("ssn", gate.Low, text, n.at, "It has the form of a social security number.")
	default:
		return false
	}
	return true
}
