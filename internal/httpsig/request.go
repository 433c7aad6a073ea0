package httpsig

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// The faults of a request and its signature. Errors wrap one of them and quote
// nothing that was sent. All but ErrSignature are found without the secret.
var (
	ErrRequest   = errors.New("the request is none that can be signed")
	ErrForm      = errors.New("the signature has not the form that Doorward takes")
	ErrCoverage  = errors.New("the signature does not cover the request")
	ErrSignature = errors.New("the signature is not of this request and key")
)

// maxTarget bounds the path and query in bytes.
const maxTarget = 8 << 10

// Request is what a signature says of an HTTP request.
type Request struct {
	Method string
	Base   string // scheme and authority, as BaseOf writes them: "https://mcp.example.com"
	Target string // the request line's path and query, as sent
	Header http.Header
	// Cover are further headers that the signature must cover where the request
	// has them.
	Cover []string
}

// BaseOf is a URL's scheme and authority in the one way in which they are
// signed: in lower case, without the scheme's own port (RFC 9421, section 2.2.3).
func BaseOf(u *url.URL) (string, error) {
	scheme, host, port := strings.ToLower(u.Scheme), strings.ToLower(u.Hostname()), u.Port()
	switch {
	case scheme != "http" && scheme != "https":
		return "", errors.New("the URL must begin with http:// or https://")
	case u.User != nil:
		return "", errors.New("the URL must not hold a user or a password")
	case host == "" || strings.ContainsFunc(host, func(r rune) bool { return !inHost(r) }):
		return "", errors.New("the URL needs a host of letters, digits, dots and hyphens, or an IP address; write others in their xn-- form")
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port != "" && (scheme != "http" || port != "80") && (scheme != "https" || port != "443") {
		host += ":" + port
	}
	return scheme + "://" + host, nil
}

func inHost(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '.' || r == '-' || r == '_' || r == ':'
}

// check refuses what could make the lines of a signature base run together.
func (r *Request) check() error {
	u, err := url.Parse(r.Base)
	if err != nil {
		return fmt.Errorf("%w: the base is no URL", ErrRequest)
	}
	if base, err := BaseOf(u); err != nil || base != r.Base {
		return fmt.Errorf("%w: the base is no scheme and authority in canonical form", ErrRequest)
	}
	switch {
	case r.Method == "" || !all(r.Method, isToken):
		return fmt.Errorf("%w: the method is no token", ErrRequest)
	case len(r.Target) > maxTarget || !strings.HasPrefix(r.Target, "/"):
		return fmt.Errorf("%w: the target does not begin with / or has more than %d bytes", ErrRequest, maxTarget)
	case !all(r.Target, isVisible) || strings.Contains(r.Target, "#"):
		return fmt.Errorf("%w: the target has a character that no target has", ErrRequest)
	}
	return nil
}

// field is a header of a request: its value, and how many lines it has.
type field struct {
	value string
	lines int
}

// fields are the headers by their names in lower case. Two spellings of one name
// are one header.
func fields(h http.Header) (map[string]field, error) {
	found := make(map[string]field, len(h))
	for name, values := range h {
		if name == "" || !all(name, isToken) {
			return nil, fmt.Errorf("%w: a header's name is no token", ErrRequest)
		}
		if len(values) == 0 {
			continue
		}
		name = strings.ToLower(name)
		found[name] = field{values[0], found[name].lines + len(values)}
	}
	return found, nil
}

// required tells whether a signature must cover the header of this name, in
// lower case, where there is one.
func (r *Request) required(name string) bool {
	return name == "content-type" || name == "last-event-id" || strings.HasPrefix(name, "mcp-") ||
		slices.ContainsFunc(r.Cover, func(c string) bool { return strings.EqualFold(c, name) })
}

// valueOf is a covered header's value as it is signed: without the white space
// around it (RFC 9421, section 2.1).
func valueOf(f field) (string, error) {
	value := strings.Trim(f.value, " \t")
	switch {
	case f.lines == 0:
		return "", fmt.Errorf("%w: a covered header is not there", ErrCoverage)
	case f.lines > 1:
		return "", fmt.Errorf("%w: a covered header has several lines", ErrRequest)
	case !all(value, func(c byte) bool { return isVisible(c) || c == ' ' }):
		return "", fmt.Errorf("%w: a covered header holds a character other than visible ASCII", ErrRequest)
	}
	return value, nil
}

func all(s string, good func(byte) bool) bool {
	for i := range len(s) {
		if !good(s[i]) {
			return false
		}
	}
	return true
}

func isLower(c byte) bool   { return c >= 'a' && c <= 'z' }
func isDigit(c byte) bool   { return c >= '0' && c <= '9' }
func isVisible(c byte) bool { return c > ' ' && c < 0x7f }

// isToken tells whether c may stand in a token (RFC 9110, section 5.6.2).
func isToken(c byte) bool {
	return isLower(c) || c >= 'A' && c <= 'Z' || isDigit(c) || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

// isName tells whether c may stand in a header's name as it is covered.
func isName(c byte) bool { return isToken(c) && (c < 'A' || c > 'Z') }

// isWord tells whether c may stand in a nonce or in the id of a key.
func isWord(c byte) bool {
	return isLower(c) || c >= 'A' && c <= 'Z' || isDigit(c) || c == '-' || c == '_'
}
