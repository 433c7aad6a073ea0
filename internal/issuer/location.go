package issuer

import (
	"errors"
	"net/url"
	"strings"

	"doorward/internal/loopback"
)

// maxURL bounds a URL of an issuer, in bytes.
const maxURL = 2048

// checkURL checks a URL that Doorward may send to, for the issuer it belongs to:
// https, or http between two places on this machine (RFC 8414 §2, RFC 9700
// §2.6). identifier is for the issuer's own, which has no query.
func checkURL(text, issuer string, identifier bool) error {
	u, err := url.Parse(text)
	if err != nil || len(text) > maxURL || u.Opaque != "" || u.Hostname() == "" {
		return errors.New("is not an absolute URL")
	}
	if u.User != nil || strings.Contains(text, "#") {
		return errors.New("has a user or a fragment")
	}
	if identifier && strings.Contains(text, "?") {
		return errors.New("has a query")
	}
	if u.Scheme == "https" {
		return nil
	}
	of, err := url.Parse(issuer)
	if u.Scheme != "http" || err != nil || !loopback.Host(u.Hostname()) || !loopback.Host(of.Hostname()) {
		return errors.New("is not https, nor http on this machine alone")
	}
	return nil
}

// sameTarget tells whether the URL in a proof is the one that was called: RFC
// 9449 §4.3, without query and fragment, after RFC 3986 §6.2.3 for scheme, host
// and port. The path is compared as it was written.
func sameTarget(claimed, called string) bool {
	a, ok := target(claimed)
	if !ok {
		return false
	}
	b, ok := target(called)
	return ok && a == b
}

func target(text string) (string, bool) {
	u, err := url.Parse(text)
	if err != nil || len(text) > maxURL || u.Opaque != "" || u.User != nil || u.Hostname() == "" {
		return "", false
	}
	scheme, host, port := strings.ToLower(u.Scheme), strings.ToLower(u.Hostname()), u.Port()
	switch {
	case scheme != "https" && scheme != "http":
		return "", false
	case port == "", scheme == "https" && port == "443", scheme == "http" && port == "80":
		port = ""
	default:
		port = ":" + port
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	return scheme + "://" + host + port + path, true
}
