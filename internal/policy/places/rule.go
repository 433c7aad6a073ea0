package places

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Rule is what a URL or a host must keep to. The zero value: http and https only, on
// their own default ports or 80 and 443, any public host, nothing private.
type Rule struct {
	// Schemes of URLs, in lower case. Empty: http, https. Those that carry their
	// content, read files or wrap other URLs are faults.
	Schemes []string
	// Hosts: "api.example.com", "*.example.com" (one or more labels below it, never
	// example.com itself), an IP literal, or a CIDR. Empty: any public host.
	Hosts []string
	// Ports that may be connected to, that of a URL without one included. Empty: the
	// scheme's own default port, and 80 and 443.
	Ports []int
	// Private lets loopback, private, shared and link-local addresses and local names
	// pass when Hosts names them, or any of them when Hosts is empty. Metadata
	// services, documentation and reserved addresses pass only when Hosts names them;
	// multicast, unspecified and tunnelled ones never do.
	Private bool
}

// Fault is one thing wrong with a rule. Field is relative to it: "hosts[2]".
type Fault struct{ Field, Text string }

// maxEntries bounds each list of a rule.
const maxEntries = 1000

// Judge is a compiled Rule. Nil and the zero value refuse everything. It does not
// change after New and needs no lock.
type Judge struct {
	schemes  map[string]int // scheme → its default port, 0 when it has none
	names    Names
	prefixes []netip.Prefix
	any      bool // no host is named
	ports    []int
	private  bool
}

// defaults are the default ports of schemes that name a host (IANA, Uniform Resource
// Identifier Schemes).
//
//nolint:gochecknoglobals // a table; read-only
var defaults = map[string]int{
	"http": 80, "https": 443, "ws": 80, "wss": 443, "ftp": 21, "ftps": 990, "sftp": 22, "ssh": 22, "git": 9418,
}

// unfit are schemes that no rule may open: they carry their content, read files, wrap
// another URL, or let a URL write what it likes to any port (gopher, dict, ldap).
//
//nolint:gochecknoglobals // a table; read-only
var unfit = []string{
	"about", "blob", "data", "dict", "expect", "file", "filesystem", "glob", "gopher", "jar", "javascript", "ldap", "ldapi",
	"ldaps", "mailto", "netdoc", "phar", "php", "tftp", "vbscript", "view-source",
}

// New compiles a rule. It returns every fault it finds; with any fault the judge is
// nil, which refuses everything. Config calls it once per load.
func New(r Rule) (*Judge, []Fault) {
	j := &Judge{schemes: map[string]int{}, any: len(r.Hosts) == 0, ports: slices.Clone(r.Ports), private: r.Private}
	var faults []Fault
	fault := func(field, text string) { faults = append(faults, Fault{field, text}) }
	if max(len(r.Schemes), len(r.Hosts), len(r.Ports)) > maxEntries {
		return nil, []Fault{{"", fmt.Sprintf("a list has more than %d entries", maxEntries)}}
	}
	schemes := r.Schemes
	if len(schemes) == 0 {
		schemes = []string{"http", "https"}
	}
	for i, s := range schemes {
		if text := schemeFault(s, len(r.Ports) > 0); text != "" {
			fault(fmt.Sprintf("schemes[%d]", i), text)
		}
		j.schemes[s] = defaults[s]
	}
	for i, h := range r.Hosts {
		if text := j.admit(h); text != "" {
			fault(fmt.Sprintf("hosts[%d]", i), text)
		}
	}
	for i, p := range r.Ports {
		if p < 1 || p > maxPort {
			fault(fmt.Sprintf("ports[%d]", i), "a port is a number from 1 to 65535")
		}
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return j, nil
}

// schemeFault says what is wrong with a scheme (RFC 3986 §3.1).
func schemeFault(s string, ported bool) string {
	for i := range len(s) {
		c := s[i]
		if letter := c >= 'a' && c <= 'z'; !letter && (i == 0 || !isDigit(c) && c != '+' && c != '-' && c != '.') {
			return "a scheme is written in lower case, without a colon: https"
		}
	}
	switch {
	case s == "" || len(s) > 32:
		return "a scheme has 1 to 32 characters"
	case slices.Contains(unfit, s):
		return "the scheme carries its content, reads files or hides another destination; no rule can open it"
	case defaults[s] == 0 && !ported:
		return "the scheme has no known default port: set ports"
	}
	return ""
}

// admit takes one host of the rule in, or says why it cannot.
func (j *Judge) admit(h string) string {
	if strings.IndexByte(h, '/') >= 0 {
		p, err := netip.ParsePrefix(h)
		switch {
		case err != nil:
			return "this is neither a host nor a CIDR: write \"api.example.com\" or \"198.51.100.0/24\", without scheme and path"
		case p != p.Masked():
			return "the CIDR has bits below its mask: write the network's first address"
		}
		return j.admitPrefix(p)
	}
	if a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(h, "["), "]")); err == nil {
		if a.Zone() != "" {
			return "an address with a zone is no place that a URL can name"
		}
		return j.admitPrefix(netip.PrefixFrom(a, a.BitLen()))
	}
	if strings.Contains(h, ":") {
		return "a host has no port and no scheme: ports stand in ports, schemes in schemes"
	}
	name, star := strings.CutPrefix(strings.ToLower(h), "*.")
	if err := j.names.Add(h); err != nil {
		return err.Error()
	}
	inside := isLocal(name) && (!star || !isPublicSuffix(name))
	switch {
	case inside && !j.private:
		return "the name is a local one: set private, or name a public host"
	case star && isPublicSuffix(name):
		return "the wildcard opens a whole top-level domain: name at least two labels below the star"
	}
	return ""
}

// isPublicSuffix tells whether a name is a single label that is not known as local.
func isPublicSuffix(name string) bool {
	_, ok := locals[name]
	return !ok && strings.IndexByte(name, '.') < 0
}

func (j *Judge) admitPrefix(p netip.Prefix) string {
	switch g := gradeWithin(p); {
	case p.Addr().Is4In6():
		return "write an IPv4 address as such, not mapped into IPv6"
	case g == never:
		return "nothing can be reached at these addresses, or they hide others"
	case g != public && !j.private:
		return "the addresses are not public: set private, or name public ones"
	}
	j.prefixes = append(j.prefixes, p)
	return ""
}
