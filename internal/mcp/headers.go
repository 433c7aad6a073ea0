package mcp

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"doorward/internal/gate"
)

// The marks around a value that is Base64 (2026-07-28, transports, header
// value encoding). They are exact: other case is plain text.
const (
	base64Prefix = "=?base64?"
	base64Suffix = "?="
)

// CheckHeaders refuses a stateless HTTP request whose headers do not say what
// its body says. Doorward judges the body; but whatever stands between it and
// the client may have judged the headers (SEP-2243). name is what the body
// names, decoded. decode calls it; other eras and stdio have no such headers.
func CheckHeaders(h http.Header, r gate.Route, m *gate.Message, name string) gate.Verdict {
	if imitation := imitated(h); imitation != "" {
		return mismatch(fmt.Sprintf("header %q imitates one of the protocol", imitation),
			"a header with an underscore imitates one of the protocol")
	}
	method, n := single(h, HeaderMethod)
	if n > 1 || (n == 0 && m.Kind == gate.Request) || (n == 1 && method != m.Method) {
		return mismatch(fmt.Sprintf("Mcp-Method %.80q (%d times) and method %.80q", method, n, m.Method),
			"the Mcp-Method header must repeat the method exactly, once")
	}
	if r.Mirror == "" || m.Kind != gate.Request {
		return gate.Pass()
	}
	value, n := single(h, r.Mirror)
	if decoded, ok := decodeHeader(value); n != 1 || !ok || decoded != name || hasControl(decoded) {
		return mismatch(fmt.Sprintf("%s %.80q (%d times) and name %.80q", r.Mirror, value, n, name),
			"the "+r.Mirror+" header must repeat params."+r.NameAt+" exactly, once")
	}
	return gate.Pass()
}

// imitated finds a header that a gateway of the CGI kind, which turns both '-'
// and '_' into '_', would read as one of the protocol's.
func imitated(h http.Header) string {
	for key := range h {
		if !strings.Contains(key, "_") {
			continue
		}
		switch http.CanonicalHeaderKey(strings.ReplaceAll(key, "_", "-")) {
		case HeaderVersion, HeaderSession, HeaderMethod, HeaderName:
			return key
		}
	}
	return ""
}

// EncodeHeader is value as a header of the protocol carries it: as it is when
// that is plain text, else Base64 between the marks. The upstream adapter
// calls it. A tab is encoded, as some servers refuse it in a header.
func EncodeHeader(value string) string {
	plain := !strings.HasPrefix(value, " ") && !strings.HasSuffix(value, " ") &&
		(!strings.HasPrefix(value, base64Prefix) || !strings.HasSuffix(value, base64Suffix))
	for i := 0; plain && i < len(value); i++ {
		plain = value[i] >= ' ' && value[i] <= '~'
	}
	if plain {
		return value
	}
	return base64Prefix + base64.StdEncoding.EncodeToString([]byte(value)) + base64Suffix
}

// decodeHeader reverses EncodeHeader, and false means that no sender that
// keeps to the specification wrote value. What looks encoded is decoded,
// whatever was meant; Base64 must be canonical (RFC 4648 section 3.5), so that
// a value has one spelling beside the plain one.
func decodeHeader(value string) (string, bool) {
	value = strings.Trim(value, " \t")
	if strings.HasPrefix(value, base64Prefix) && strings.HasSuffix(value, base64Suffix) {
		if len(value) < len(base64Prefix)+len(base64Suffix) {
			return "", false // the marks overlap: =?base64?=
		}
		body := value[len(base64Prefix) : len(value)-len(base64Suffix)]
		if strings.ContainsAny(body, "\r\n") { // which the decoder would skip
			return "", false
		}
		text, err := base64.StdEncoding.Strict().DecodeString(body)
		if err != nil || !utf8.Valid(text) {
			return "", false
		}
		return string(text), true
	}
	for i := range len(value) {
		if c := value[i]; (c < ' ' || c > '~') && c != '\t' {
			return "", false
		}
	}
	return value, true
}

func hasControl(s string) bool { return strings.IndexFunc(s, unicode.IsControl) >= 0 }
