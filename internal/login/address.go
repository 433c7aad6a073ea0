package login

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// maxURL bounds every URL that is read, in bytes.
const maxURL = 4096

// address reads a URL that something may be asked at or that a person may be
// sent to: https, or http on this machine's loopback, of characters that mean
// nothing to any shell (CVE-2025-6514; RFC 9728, 8414 and 8252).
func address(text string) (*url.URL, error) {
	if text == "" {
		return nil, errors.New("is missing")
	}
	if len(text) > maxURL {
		return nil, fmt.Errorf("is longer than %d bytes", maxURL)
	}
	if strings.ContainsFunc(text, func(r rune) bool { return !plainInURL(r) }) {
		return nil, errors.New("holds a character that no such URL needs")
	}
	u, err := url.Parse(text)
	if err != nil {
		return nil, errors.New("is no URL")
	}
	host := u.Hostname()
	switch {
	case u.User != nil || strings.Contains(u.Host, "@"):
		return nil, errors.New("has a user name in it")
	case host == "" || u.Opaque != "":
		return nil, errors.New("has no host: want https://HOST/…")
	case strings.ContainsAny(host, "%"):
		return nil, errors.New("has a zone in its host")
	case u.Scheme == "https":
	case u.Scheme == "http" && isLoopback(host):
	case u.Scheme == "http":
		return nil, errors.New("is http, which is for this machine alone: want https")
	default:
		return nil, errors.New("is not https")
	}
	return u, nil
}

// plainInURL are RFC 3986's characters without those that a shell obeys, and
// without #: no URL here may have a fragment (RFC 6749, 3.1; RFC 8707, 2).
func plainInURL(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-._~:/?[]@&=+,%", r)
}

// isLoopback tells whether a host is this machine: by its literal address, or as
// localhost. That the name leads there is checked when it is dialled.
func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}

// canonical is a URL as the identifier of a protected resource: scheme and host
// in lower case, no port that the scheme implies, no query (RFC 8707, 2; MCP
// 2026-07-28, canonical server URI).
func canonical(text string) (*url.URL, error) {
	u, err := address(lowerScheme(text))
	if err != nil {
		return nil, err
	}
	if u.RawQuery != "" || u.ForceQuery {
		return nil, errors.New("has a query")
	}
	u.Host = strings.ToLower(u.Host)
	if u.Scheme == "https" {
		u.Host = strings.TrimSuffix(u.Host, ":443")
	} else {
		u.Host = strings.TrimSuffix(u.Host, ":80")
	}
	if u.Path == "/" {
		u.Path = ""
	}
	return u, nil
}

// lowerScheme writes the scheme in lower case, as url.Parse does.
func lowerScheme(text string) string {
	scheme, rest, ok := strings.Cut(text, ":")
	if !ok {
		return text
	}
	return strings.ToLower(scheme) + ":" + rest
}

// origin is scheme, host and port of a URL.
func origin(u *url.URL) string {
	return u.Scheme + "://" + hostPort(u)
}

// hostPort is host and port, as they are dialled.
func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = "443"
		if u.Scheme == "http" {
			port = "80"
		}
	}
	host := strings.ToLower(u.Hostname())
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return host + ":" + port
}

// wellKnown is the URL of a metadata document: suffix below /.well-known, with
// the path of u behind it (RFC 9728, 3.1; RFC 8414, 3.1).
func wellKnown(u *url.URL, suffix, path string) *url.URL {
	at := *u
	at.RawQuery, at.RawPath = "", ""
	at.Path = "/.well-known/" + suffix + strings.TrimSuffix(path, "/")
	if path != "" && u.RawPath != "" {
		at.RawPath = "/.well-known/" + suffix + strings.TrimSuffix(u.RawPath, "/")
	}
	return &at
}
