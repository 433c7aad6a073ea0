package places

import (
	"errors"
	"strings"
)

const (
	maxName  = 253 // bytes of a name, RFC 1035 §2.3.4 less the root
	maxLabel = 63  // bytes of a label, RFC 1035 §2.3.4
)

// Names is a set of DNS names: whole ones, and by "*.example.com" all that lie
// below one. The zero value holds none. Words uses it for the domains of mail.
type Names struct {
	exact, below map[string]struct{}
}

// Add takes in a name, or "*." and a name. Upper case does not matter.
func (n *Names) Add(pattern string) error {
	name, star := strings.CutPrefix(strings.ToLower(pattern), "*.")
	if why := Spelled(name); why != "" {
		return errors.New(why)
	}
	set := &n.exact
	if star {
		set = &n.below
	}
	if *set == nil {
		*set = map[string]struct{}{}
	}
	(*set)[name] = struct{}{}
	return nil
}

// Has tells whether a name, in lower case, is one of the set. It compares label by
// label: "evil-example.com" is not below "example.com", and no name is below itself.
func (n *Names) Has(name string) bool {
	if _, ok := n.exact[name]; ok {
		return true
	}
	if len(n.below) == 0 {
		return false
	}
	for {
		_, rest, more := strings.Cut(name, ".")
		if !more {
			return false
		}
		if _, ok := n.below[rest]; ok {
			return true
		}
		name = rest
	}
}

// Spelled says what is wrong with the spelling of a DNS name in lower case: letters,
// digits and hyphens in labels of at most 63 bytes (RFC 1035 §2.3.1, RFC 1123 §2.1),
// the last of which begins with a letter (RFC 3696 §2), so that nobody takes the
// name for an IPv4 address. It is "" when nothing is. Underscores are refused, for
// Java sees no host in such a URL.
func Spelled(name string) (why string) {
	if name == "" {
		return "the host is empty: name one"
	}
	if len(name) > maxName {
		return "the host is longer than 253 bytes"
	}
	last := 0
	for start := 0; start <= len(name); {
		end := len(name)
		if dot := strings.IndexByte(name[start:], '.'); dot >= 0 {
			end = start + dot
		}
		if why = spelledLabel(name[start:end], end == len(name)); why != "" {
			return why
		}
		last, start = start, end+1
	}
	if c := name[last]; c < 'a' || c > 'z' {
		return "the host looks like a number: write an IPv4 address as four decimal numbers without leading zeros, or a name"
	}
	return ""
}

func spelledLabel(label string, last bool) (why string) {
	switch {
	case label == "" && last:
		return "the host ends with a dot: leave it out"
	case label == "":
		return "the host has an empty label: write one dot at a time, and none at the beginning"
	case len(label) > maxLabel:
		return "a label of the host is longer than 63 bytes"
	case label[0] == '-' || label[len(label)-1] == '-':
		return "a label of the host begins or ends with a hyphen"
	}
	for i := range len(label) {
		switch c := label[i]; {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-':
		case c >= 0x80:
			return "the host is not ASCII: write it in punycode (xn--…)"
		default:
			return "the host has a character other than letters, digits, hyphens and dots"
		}
	}
	if code, ok := strings.CutPrefix(label, "xn--"); ok && !plainIDN(code) {
		return "a label of the host is no sound punycode, or looks like another name"
	}
	return ""
}

// locals are the last labels of names that are not public: RFC 6761 (localhost, test,
// invalid), RFC 6762 (local; and its appendix G: intranet, internal, private, corp,
// home, lan), RFC 7686 (onion), RFC 8375 (home.arpa), RFC 9476 (alt), the names that
// ICANN will never delegate (mail, and internal, resolution 2024.07.29.06), and those
// that clusters and their tools give.
//
//nolint:gochecknoglobals // a table; read-only
var locals = map[string]struct{}{
	"localhost": {}, "localdomain": {}, "local": {}, "internal": {}, "intranet": {}, "private": {}, "corp": {},
	"home": {}, "lan": {}, "mail": {}, "arpa": {}, "test": {}, "invalid": {}, "onion": {}, "alt": {},
	"svc": {}, "consul": {}, "docker": {},
}

// inward are public names that lead to private addresses on purpose, whatever stands
// before them: "127.0.0.1.nip.io" is 127.0.0.1. The list cannot be complete; the
// dialling side judges the address.
//
//nolint:gochecknoglobals // a table; read-only
var inward = [...]string{
	"nip.io", "sslip.io", "xip.io", "localtest.me", "lvh.me", "vcap.me", "lacolhost.com", "local.gd", "traefik.me",
	"backname.io", "rbndr.us", "1u.ms", "fritz.box", "metadata.goog",
}

// isLocal tells whether a name, in lower case, is known not to be a public one.
func isLocal(name string) bool {
	dot := strings.LastIndexByte(name, '.')
	if dot < 0 {
		return true // a single label: completed by the search list
	}
	if _, ok := locals[name[dot+1:]]; ok {
		return true
	}
	for _, zone := range inward {
		if head, ok := strings.CutSuffix(name, zone); ok && (head == "" || head[len(head)-1] == '.') {
			return true
		}
	}
	return false
}
