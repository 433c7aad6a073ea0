package listen

import (
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

const (
	maxHops      = 32  // addresses that a request's proxies may have written
	maxRequestID = 128 // bytes of an X-Request-Id
)

// claims are what the header of a request says that only a proxy can know. They
// are taken out of it, whoever sent them.
type claims struct {
	forwardedFor []string // X-Forwarded-For
	forwarded    []string // Forwarded (RFC 7239)
	request      []string // X-Request-Id, which stays
}

// proxyNames are how headers begin that proxies use to say where a request came
// from, where it went and whose it is. Nobody may read them (AUT-19, AUT-53), so
// none gets any further. They are in lower case, with hyphens.
//
//nolint:gochecknoglobals // a table; read-only
var proxyNames = [...]string{
	"x-forwarded", "x-original-", "x-rewrite-", "x-remote-", "x-auth-request-", "x-authenticated-", "x-real-ip",
	"x-client-ip", "x-cluster-client-ip", "x-tenant", "x-user", "x-host", "x-http-host-override", "x-http-method",
	"x-method-override", "x-ssl-client", "x-envoy-", "x-goog-authenticated-", "x-amzn-oidc-", "x-ms-client-principal",
	"x-webauth-", "true-client-ip", "cf-connecting-ip", "fastly-client-ip", "remote-user", "ssl-client-", "client-cert",
}

// sift counts the lines of a header, a repeated name once per line, and takes
// out of it what proxies say. framed is false for a name that other servers take
// for one that says where the message ends (HTT-02).
func sift(h http.Header) (lines int, said claims, framed bool) {
	framed = true
	for name, values := range h {
		lines += len(values)
		switch name {
		case "X-Request-Id":
			said.request = values
		case "X-Forwarded-For":
			said.forwardedFor = values
			delete(h, name)
		case "Forwarded":
			said.forwarded = values
			delete(h, name)
		case "Content_length", "Transfer_encoding":
			framed = false
		default:
			if ofProxy(name) {
				delete(h, name)
			}
		}
	}
	return lines, said, framed
}

// ofProxy tells whether a header of that name is a proxy's word. An underscore
// counts as a hyphen: some servers cannot tell them apart (CVE-2026-54763).
func ofProxy(name string) bool {
	switch name[:min(1, len(name))] {
	case "X", "x", "T", "t", "C", "c", "F", "f", "R", "r", "S", "s":
	default:
		return false
	}
	return slices.ContainsFunc(proxyNames[:], func(prefix string) bool { return beginsLike(name, prefix) })
}

func beginsLike(name, prefix string) bool {
	if len(name) < len(prefix) {
		return false
	}
	for i := range len(prefix) {
		c := name[i]
		switch {
		case c == '_':
			c = '-'
		case c >= 'A' && c <= 'Z':
			c += 'a' - 'A'
		}
		if c != prefix[i] {
			return false
		}
	}
	return true
}

// trusts tells whether addr is one of the proxies that are believed.
func (s *Settings) trusts(addr netip.Addr) bool { return contains(s.TrustedProxies, addr) }

func contains(networks []netip.Prefix, addr netip.Addr) bool {
	for _, p := range networks {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// client is the address of the client behind peer: of what trusted proxies wrote
// the last address that is not a trusted proxy's itself, for what stands before
// it may be anybody's. ok is false when a trusted proxy wrote something else than
// addresses, or said two different things.
func (s *Settings) client(peer netip.Addr, said claims) (client netip.Addr, ok bool) {
	if len(said.forwardedFor) == 0 && len(said.forwarded) == 0 || !s.trusts(peer) {
		return peer, true
	}
	var hops, others []netip.Addr
	if len(said.forwardedFor) > 0 {
		if hops, ok = hopsOf(said.forwardedFor, listed); !ok {
			return peer, false
		}
	}
	if len(said.forwarded) > 0 {
		if others, ok = hopsOf(said.forwarded, forwardedFor); !ok {
			return peer, false
		}
	}
	switch {
	case hops == nil:
		hops = others
	case others != nil && !slices.Equal(hops, others):
		return peer, false
	}
	client = peer
	for _, hop := range slices.Backward(hops) {
		client = hop
		if !s.trusts(hop) {
			break
		}
	}
	return client, true
}

// requestID is the id that a trusted proxy gave the request; empty for none, and
// for one that could not be shown safely.
func (s *Settings) requestID(peer netip.Addr, said claims) string {
	if len(said.request) != 1 || !s.trusts(peer) {
		return ""
	}
	id := said.request[0]
	for i := range len(id) {
		if c := id[i]; c != '.' && !tokenByte(c) {
			return ""
		}
	}
	if len(id) > maxRequestID {
		return ""
	}
	return id
}

// hopsOf reads the addresses that proxies wrote, each by its element of a list
// that may be spread over several lines. first takes one element from the front of
// a line, and the comma behind it.
func hopsOf(lines []string, first func(string) (hop netip.Addr, rest string, more, ok bool)) ([]netip.Addr, bool) {
	hops := make([]netip.Addr, 0, len(lines))
	for _, rest := range lines {
		for more := true; more; {
			var hop netip.Addr
			var ok bool
			if hop, rest, more, ok = first(rest); !ok || len(hops) == maxHops {
				return nil, false
			}
			hops = append(hops, hop)
		}
	}
	return hops, true
}

// listed reads an element of X-Forwarded-For: an address, which may have a port.
func listed(line string) (hop netip.Addr, rest string, more, ok bool) {
	element, rest, more := strings.Cut(line, ",")
	element = strings.Trim(element, " \t")
	if addr, err := netip.ParseAddr(element); err == nil {
		hop, ok = plain(addr)
		return hop, rest, more, ok
	}
	hop, ok = node(element)
	return hop, rest, more, ok
}

// forwardedFor reads an element of Forwarded (RFC 7239, section 4) and takes the
// address after for= from it, which must be there once. What else it says is
// parsed and not looked at.
func forwardedFor(line string) (hop netip.Addr, rest string, more, ok bool) {
	for {
		var name, value string
		if name, value, line, ok = pair(line); !ok {
			return hop, "", false, false
		}
		if strings.EqualFold(name, "for") {
			if hop.IsValid() {
				return hop, "", false, false
			}
			if hop, ok = node(value); !ok {
				return hop, "", false, false
			}
		}
		line = strings.TrimLeft(line, " \t")
		switch {
		case line == "":
			return hop, "", false, hop.IsValid()
		case line[0] == ',':
			return hop, line[1:], true, hop.IsValid()
		case line[0] != ';':
			return hop, "", false, false
		}
		line = line[1:]
	}
}

// pair reads name=value from the front of s; value is a token or a quoted string
// (RFC 9110, section 5.6).
func pair(s string) (name, value, rest string, ok bool) {
	s = strings.TrimLeft(s, " \t")
	end := strings.IndexFunc(s, notTokenRune)
	if end <= 0 || s[end] != '=' {
		return "", "", "", false
	}
	name, s = s[:end], s[end+1:]
	if strings.HasPrefix(s, `"`) {
		value, rest, ok = quoted(s[1:])
		return name, value, rest, ok
	}
	if end = strings.IndexFunc(s, notTokenRune); end < 0 {
		end = len(s)
	}
	return name, s[:end], s[end:], end > 0
}

// quoted reads a quoted string up to its closing quote.
func quoted(s string) (value, rest string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:], true
		case '\\':
			if i++; i == len(s) {
				return "", "", false
			}
		}
		b.WriteByte(s[i])
	}
	return "", "", false
}

// nameRunes are what a token is made of (RFC 9110, section 5.6.2).
const nameRunes = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// notTokenRune tells whether r cannot be part of a token.
func notTokenRune(r rune) bool {
	return !strings.ContainsRune(nameRunes, r)
}

// node reads an address as RFC 7239, section 6, writes it: IPv6 in brackets, and
// after either a port. "unknown" and names that hide an address are none.
func node(s string) (netip.Addr, bool) {
	host, port, has := s, "", false
	if rest, bracketed := strings.CutPrefix(s, "["); bracketed {
		var closed bool
		host, rest, closed = strings.Cut(rest, "]")
		if port, has = strings.CutPrefix(rest, ":"); !closed || rest != "" && !has || !strings.Contains(host, ":") {
			return netip.Addr{}, false
		}
	} else {
		host, port, has = strings.Cut(s, ":")
	}
	if has && !portNumber(port) {
		return netip.Addr{}, false
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}, false
	}
	return plain(addr)
}

func portNumber(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	_, err := strconv.ParseUint(s, 10, 16)
	return err == nil
}

// plain is addr in the form in which it is compared. One with a zone means
// nothing on another machine, and one that no client can have is none.
func plain(addr netip.Addr) (netip.Addr, bool) {
	if addr.Zone() != "" || addr.IsUnspecified() || addr.IsMulticast() {
		return netip.Addr{}, false
	}
	return addr.Unmap(), true
}
