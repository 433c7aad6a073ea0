package words

import (
	"fmt"
	"strings"

	"doorward/internal/policy/places"
)

// EmailRule is what mail addresses must keep to. The zero value: one address, of any
// domain.
type EmailRule struct {
	// Domains: "example.com", or "*.example.com" for those below it. Empty: any.
	Domains []string
	// Lists lets a string hold several addresses, with a comma between.
	Lists bool
}

const (
	maxAddress   = 254 // bytes of an address: RFC 5321 §4.5.3.1.3 less the angle brackets
	maxLocal     = 64  // bytes before the @, RFC 5321 §4.5.3.1.1
	maxAddresses = 100 // of a list: RFC 5321 §4.5.3.1.8, which every server takes
)

// Email judges mail addresses. Nil and the zero value refuse everything.
type Email struct {
	made, any, lists bool
	domains          places.Names
}

// NewEmail compiles a rule. It returns every fault it finds; with any the judge is
// nil. Config calls it once per load.
func NewEmail(r EmailRule) (*Email, []Fault) {
	if len(r.Domains) > maxEntries {
		return nil, []Fault{{"domains", fmt.Sprintf("there are more than %d", maxEntries)}}
	}
	e := &Email{made: true, any: len(r.Domains) == 0, lists: r.Lists}
	var faults []Fault
	for i, d := range r.Domains {
		if err := e.domains.Add(d); err != nil {
			faults = append(faults, Fault{fmt.Sprintf("domains[%d]", i), "of a domain: " + err.Error()})
		}
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return e, nil
}

// Judge says why a string may not pass as an address; "" when it may.
//
// An address is the plain form that every mail program reads alike, local@domain: no
// display name, no comment, no quotes, no blank or line end (RFC 5322 §3.4 allows all
// of these, and header injection lives on them), no %, ! or second @ that some relays
// route by (RFC 5321 appendix F.2), no address literal.
func (e *Email) Judge(s string) (why string) {
	if e == nil || !e.made {
		return noRule
	}
	if !e.lists {
		return e.address(s)
	}
	for n := 1; ; n++ {
		if n > maxAddresses {
			return "there are more than 100 addresses"
		}
		one, rest, more := strings.Cut(s, ",")
		if why = e.address(one); why != "" || !more {
			return why
		}
		s = strings.TrimPrefix(rest, " ")
	}
}

func (e *Email) address(s string) string {
	local, domain, ok := strings.Cut(s, "@")
	switch {
	case !ok:
		return "this is not a mail address: write name@example.com"
	case len(s) > maxAddress || len(local) > maxLocal:
		return "the address is longer than 254 bytes, or 64 before the @"
	case local == "" || local[0] == '-' || local[0] == '.' || local[len(local)-1] == '.' || strings.Contains(local, ".."):
		return "the part before the @ is empty, begins with a dash, or has a dot at an end or two in a row"
	}
	for i := range len(local) {
		if c := local[i]; !isLetter(c) && !isDigit(c) && strings.IndexByte("._+-='", c) < 0 {
			return "the part before the @ has a character other than letters, digits and . _ + - = ': " +
				"write the plain address, one in a string, without a display name"
		}
	}
	for i := range len(domain) {
		if domain[i] >= 0x80 { // lower case would make ASCII of some
			return "the part after the @ is not ASCII: write an international domain in punycode (xn--…)"
		}
	}
	domain = strings.ToLower(domain)
	if places.Spelled(domain) != "" || strings.IndexByte(domain, '.') < 0 {
		return "the part after the @ is not one plain domain: write one address in a string, name@example.com"
	}
	if !e.any && !e.domains.Has(domain) {
		return "the address is not of a domain that the rule allows"
	}
	return ""
}
