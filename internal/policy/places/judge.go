package places

import (
	"net/netip"
	"slices"
	"strings"
)

const (
	maxURL  = 2048 // bytes of a URL; what servers and proxies take at least is 8000 (RFC 9112 §3), what is in use is far below
	maxPort = 65535
)

// What several places say.
const (
	noRule  = "no rule says what this argument may hold"
	tooLong = "the value is longer than 2048 bytes"
)

// URL says why a string may not pass as a URL; "" when it may. The text is for the
// client: it says how to repair the call and does not repeat the value.
//
// A URL is scheme://host[:port][/path][?query][#fragment] in the characters of RFC
// 3986, percent-encoded where it is not ASCII. The scheme stands in lower case: there
// are programs that put another one before what does not begin with "http".
func (j *Judge) URL(s string) (why string) {
	switch {
	case j == nil || j.schemes == nil:
		return noRule
	case len(s) > maxURL:
		return tooLong
	}
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok {
		return "this is not an absolute URL: write scheme://host/path"
	}
	port, ok := j.schemes[scheme]
	if !ok {
		return "the scheme is not one that the rule allows: write https:// in lower case, or another that it names"
	}
	end := 0
	for end < len(rest) && rest[end] != '/' && rest[end] != '?' && rest[end] != '#' {
		end++
	}
	if why = tail(rest[end:]); why != "" {
		return why
	}
	host, given, why := split(rest[:end])
	if why != "" {
		return why
	}
	if why = j.place(host); why != "" {
		return why
	}
	return j.port(given, port)
}

// Host says why a string may not pass as "host" or "host:port"; "" when it may. An
// IPv6 address stands in brackets, or alone if nobody can take its end for a port.
func (j *Judge) Host(s string) (why string) {
	switch {
	case j == nil || j.schemes == nil:
		return noRule
	case len(s) > maxURL:
		return tooLong
	}
	if i := strings.LastIndexByte(s, ':'); i >= 0 && strings.IndexByte(s, ':') < i && s[0] != '[' {
		if _, err := netip.ParseAddr(s[:i]); err == nil {
			return bracketed
		}
		a, err := netip.ParseAddr(s)
		if err != nil || strings.IndexByte(s, '.') >= 0 || a.Zone() != "" {
			return bracketed
		}
		return j.address(a)
	}
	host, given, why := split(s)
	if why != "" {
		return why
	}
	if why = j.place(host); why != "" || given == 0 {
		return why
	}
	return j.port(given, 0)
}

const bracketed = "the host has several colons: write an IPv6 address in brackets, [address]:port"

// split takes an authority apart (RFC 3986 §3.2). The host of an IPv6 literal keeps
// its brackets; the port is 0 when there is none.
func split(authority string) (host string, port int, why string) {
	for i := range len(authority) {
		if why = fit(authority[i]); why != "" {
			return "", 0, why
		}
	}
	host = authority
	digits, ported := "", false
	if strings.HasPrefix(authority, "[") {
		i := strings.IndexByte(authority, ']') + 1
		if i == 0 {
			return "", 0, "a bracket of the host is not closed"
		}
		host, digits = authority[:i], authority[i:]
		if digits != "" && digits[0] != ':' {
			return "", 0, "something other than a port follows the bracket of the host"
		}
		digits, ported = strings.CutPrefix(digits, ":")
	} else {
		host, digits, ported = strings.Cut(authority, ":")
	}
	if !ported {
		return host, 0, ""
	}
	if digits == "" || len(digits) > 5 || digits[0] == '0' {
		return "", 0, oddPort
	}
	for i := range len(digits) {
		if !isDigit(digits[i]) {
			return "", 0, oddPort
		}
		port = port*10 + int(digits[i]-'0')
	}
	if port > maxPort {
		return "", 0, oddPort
	}
	return host, port, ""
}

const oddPort = "the port is not a plain number from 1 to 65535: leave it out with its colon, or write it without leading zeros"

// fit says why a byte may not stand in an authority; "" when it may.
func fit(c byte) string {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', isDigit(c), c == '-', c == '.', c == ':', c == '[', c == ']':
		return ""
	case c == '@':
		return "a user name or password stands before the host: leave it and its @ out"
	case c == '%':
		return "the host is percent-encoded or has a zone: write it plainly"
	case c >= 0x80:
		return "the host is not ASCII: write it in punycode (xn--…)"
	}
	return "the host has a character other than letters, digits, hyphens and dots"
}

// place says why a host, as split leaves it, may not be connected to.
func (j *Judge) place(host string) string {
	if strings.HasPrefix(host, "[") {
		in := host[1 : len(host)-1]
		a, err := netip.ParseAddr(in)
		if err != nil || !a.Is6() || strings.IndexByte(in, '.') >= 0 || a.Zone() != "" {
			return "what stands in brackets is not an IPv6 address in groups of hexadecimal digits"
		}
		return j.address(a)
	}
	if strings.IndexByte(host, ']') >= 0 || strings.IndexByte(host, '[') >= 0 {
		return "the host has a bracket out of place"
	}
	if host != "" && isDigit(host[len(host)-1]) {
		if a, err := netip.ParseAddr(host); err == nil && a.Is4() {
			return j.address(a)
		}
	}
	name := strings.ToLower(host)
	if why := Spelled(name); why != "" {
		return why
	}
	switch {
	case isLocal(name) && !j.private:
		return "the host is a local name or leads to a private address: name a public host by its whole name"
	case !j.any && !j.names.Has(name):
		return unnamed
	}
	return ""
}

const unnamed = "the host is not one that the rule allows: use one of those that this tool is meant for"

func (j *Judge) address(a netip.Addr) string {
	named := slices.ContainsFunc(j.prefixes, func(p netip.Prefix) bool { return p.Contains(a) })
	var reached bool
	switch gradeOf(a) {
	case public:
		reached = true
	case local:
		reached = j.private
	case listed:
		reached = j.private && named
	default:
	}
	switch {
	case !reached:
		return "the address is not a public one: name a public host"
	case !j.any && !named:
		return unnamed
	}
	return ""
}

// port says why a port may not be connected to. Of own, the default port of the
// scheme, a host on its own has none.
func (j *Judge) port(given, own int) string {
	p := given
	if p == 0 {
		p = own
	}
	switch {
	case p == 0:
		return "the scheme has no default port: write the port"
	case len(j.ports) > 0 && slices.Contains(j.ports, p),
		len(j.ports) == 0 && (p == 80 || p == 443 || p == own),
		len(j.ports) == 0 && own == 0 && j.isDefault(p):
		return ""
	}
	return "the port is not one that the rule allows: use the scheme's own by leaving it out, or another that the rule names"
}

func (j *Judge) isDefault(port int) bool {
	for _, p := range j.schemes {
		if p == port {
			return true
		}
	}
	return false
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
