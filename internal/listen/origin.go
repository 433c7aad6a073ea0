package listen

import (
	"net"
	"net/http"
	"net/netip"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
)

// local is the address of the listener that a request came in by.
func local(r *http.Request) netip.AddrPort {
	addr, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if tcp, isTCP := addr.(*net.TCPAddr); isTCP {
		at := tcp.AddrPort()
		return netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
	}
	return netip.AddrPort{}
}

// scheme is that of the connection, not what a header claims.
func scheme(r *http.Request) string {
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

// loopbackHost tells whether host is one of the loopback's names with the port
// that the request came in by, and the request came in by loopback. A page that
// rebinds its own name to 127.0.0.1 sends its own name (CVE-2025-66414).
func loopbackHost(r *http.Request, host string) bool {
	at := local(r)
	if !at.IsValid() || !at.Addr().IsLoopback() {
		return false
	}
	name, port := host, ""
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		name, port = host[:i], host[i+1:]
	}
	if port != strconv.Itoa(int(at.Port())) && (port != "" || !defaultPort(r, at.Port())) {
		return false
	}
	return strings.EqualFold(name, "localhost") || name == "127.0.0.1" || name == "[::1]" ||
		at.Addr().Is4() && name == at.Addr().String()
}

func defaultPort(r *http.Request, port uint16) bool {
	return port == 80 && r.TLS == nil || port == 443 && r.TLS != nil
}

// allowedHost tells whether the request's Host is one that this gateway answers
// to (HTT-12).
func (s *Settings) allowedHost(r *http.Request) bool {
	if r.Host == "" {
		return false
	}
	if loopbackHost(r, r.Host) {
		return true
	}
	if s.PublicURL != nil && strings.EqualFold(r.Host, s.PublicURL.Host) {
		return true
	}
	for _, allowed := range s.AllowedHosts {
		if strings.EqualFold(r.Host, allowed) {
			return true
		}
		if at := local(r); at.IsValid() && strings.EqualFold(r.Host, allowed+":"+strconv.Itoa(int(at.Port()))) {
			return true
		}
	}
	return false
}

// allowedOrigin tells whether a page at origin may talk to the gateway: exactly
// one that is named, or one that the gateway itself serves. Values are compared
// as they are; "null", another case or a trailing slash do not match (HTT-11).
func (s *Settings) allowedOrigin(r *http.Request, origin string) bool {
	if slices.Contains(s.AllowedOrigins, origin) {
		return true
	}
	if s.PublicURL != nil && origin == s.PublicURL.Scheme+"://"+s.PublicURL.Host {
		return true
	}
	host, own := strings.CutPrefix(origin, scheme(r)+"://")
	return own && strings.ToLower(host) == host && loopbackHost(r, host)
}

// allowedAddress tells whether the client's address may talk to the gateway.
func (s *Settings) allowedAddress(addr netip.Addr) bool {
	if len(s.AllowedAddresses) == 0 {
		return true
	}
	for _, p := range s.AllowedAddresses {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// The headers that a page at an allowed origin may send and read.
const (
	corsSends = "Authorization, Content-Type, Accept, Last-Event-ID, Mcp-Session-Id, Mcp-Protocol-Version, Mcp-Method, Mcp-Name"
	corsReads = "Doorward-Exchange, Mcp-Session-Id, WWW-Authenticate"
)

// share opens the answer to the page at origin, which is allowed: exactly to it,
// and never with credentials (HTT-13).
func share(h http.Header, origin string) {
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Expose-Headers", corsReads)
}

// preflight answers a preflight request from an allowed origin.
func preflight(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Methods", "GET, POST, DELETE")
	h.Set("Access-Control-Allow-Headers", corsSends+paramHeaders(r))
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
}

// maxParamHeaders bounds the Mcp-Param-* headers that a preflight may ask for.
const maxParamHeaders = 32

// paramHeaders are the Mcp-Param-* headers among those asked for: they depend
// on the tool, so they cannot be listed.
func paramHeaders(r *http.Request) string {
	var b strings.Builder
	n := 0
	for name := range strings.SplitSeq(r.Header.Get("Access-Control-Request-Headers"), ",") {
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
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return s != ""
}
