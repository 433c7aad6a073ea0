package listen

import (
	"net/http"
	"net/netip"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
)

// scheme is that of the connection, not what a header claims.
func scheme(secure bool) string {
	if secure {
		return "https"
	}
	return "http"
}

// loopbackHost tells whether host is one of the loopback's names with the port
// that the request came in by, and the request came in by loopback. A page that
// rebinds its own name to 127.0.0.1 sends its own name (CVE-2025-66414).
func (v *visit) loopbackHost(host string) bool {
	at := v.local
	if !at.IsValid() || !at.Addr().IsLoopback() {
		return false
	}
	name, port := host, ""
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		name, port = host[:i], host[i+1:]
	}
	if !isPort(port, at.Port()) && (port != "" || !defaultPort(at.Port(), v.r.TLS != nil)) {
		return false
	}
	return strings.EqualFold(name, "localhost") || name == "127.0.0.1" || name == "[::1]" ||
		at.Addr().Is4() && name == at.Addr().String()
}

func isPort(text string, port uint16) bool { return text == strconv.Itoa(int(port)) }

func defaultPort(port uint16, secure bool) bool {
	return port == 80 && !secure || port == 443 && secure
}

// allowedHost tells whether the request's Host is one that this gateway answers
// to (HTT-12).
func (v *visit) allowedHost() bool {
	host, s := v.r.Host, v.settings
	if host == "" {
		return false
	}
	if v.loopbackHost(host) || s.PublicURL != nil && strings.EqualFold(host, s.PublicURL.Host) {
		return true
	}
	for _, allowed := range s.AllowedHosts {
		if strings.EqualFold(host, allowed) {
			return true
		}
		if v.local.IsValid() && strings.EqualFold(host, allowed+":"+strconv.Itoa(int(v.local.Port()))) {
			return true
		}
	}
	return false
}

// allowedOrigin tells whether a page at origin may talk to the gateway: exactly
// one that is named, or one that the gateway itself serves. Values are compared
// as they are; "null", another case or a trailing slash do not match (HTT-11).
func (v *visit) allowedOrigin(origin string) bool {
	s := v.settings
	if slices.Contains(s.AllowedOrigins, origin) {
		return true
	}
	if s.PublicURL != nil && origin == s.PublicURL.Scheme+"://"+s.PublicURL.Host {
		return true
	}
	host, own := strings.CutPrefix(origin, scheme(v.r.TLS != nil)+"://")
	return own && strings.ToLower(host) == host && v.loopbackHost(host)
}

// allowedAddress tells whether the client's address may talk to the gateway.
func (s *Settings) allowedAddress(addr netip.Addr) bool {
	return len(s.AllowedAddresses) == 0 || contains(s.AllowedAddresses, addr)
}

// The headers that a page at an allowed origin may send and read.
const (
	corsSends = "Authorization, DPoP, Content-Digest, Signature, Signature-Input, Content-Type, Accept, Last-Event-ID, " +
		"Mcp-Session-Id, Mcp-Protocol-Version, Mcp-Method, Mcp-Name"
	corsReads = "Doorward-Exchange, Mcp-Session-Id, RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate"
)

// share opens the answer to the page at origin, which is allowed: exactly to it,
// and never with credentials (HTT-13).
func share(h http.Header, origin string) {
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Expose-Headers", corsReads)
}

// preflight answers a preflight request from an allowed origin.
func (v *visit) preflight() {
	h := v.out.w.Header()
	h.Set("Access-Control-Allow-Methods", "GET, POST, DELETE")
	h.Set("Access-Control-Allow-Headers", corsSends+v.paramHeaders())
	h.Set("Access-Control-Max-Age", "600")
	v.out.empty(http.StatusNoContent)
}

// maxParamHeaders bounds the Mcp-Param-* headers that a preflight may ask for.
const maxParamHeaders = 32

// paramHeaders are the Mcp-Param-* headers among those asked for: they depend
// on the tool, so they cannot be listed. Before them go those of a client's own
// keys.
func (v *visit) paramHeaders() string {
	var b strings.Builder
	for _, name := range v.settings.RequestKeys {
		b.WriteString(", ")
		b.WriteString(name)
	}
	n := 0
	for name := range strings.SplitSeq(v.r.Header.Get("Access-Control-Request-Headers"), ",") {
		name = textproto.CanonicalMIMEHeaderKey(textproto.TrimString(name))
		if rest, is := strings.CutPrefix(name, "Mcp-Param-"); !is || !token(rest) || n == maxParamHeaders {
			continue
		}
		n++
		b.WriteString(", ")
		b.WriteString(name)
	}
	return b.String()
}

// token tells whether s is a token of RFC 9110 without its rarer characters.
func token(s string) bool {
	for i := range len(s) {
		if !tokenByte(s[i]) {
			return false
		}
	}
	return s != ""
}

func tokenByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_'
}
