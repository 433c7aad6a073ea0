package egress

import (
	"bytes"
	"errors"
	"strings"
)

// maxLines bounds the header fields of a head.
const maxLines = 128

var (
	errHead   = errors.New("the head of the request is not well-formed")
	errScheme = errors.New("the request is neither CONNECT nor one to an http URL")
	errOther  = errors.New("the Host header names another host than the request")
)

// head is what the proxy reads of an HTTP request (RFC 9112): where it goes.
type head struct {
	to     target
	tunnel bool // CONNECT
}

// readHead reads the head of a request to a proxy, with its empty line: CONNECT with
// an authority (RFC 9110, section 9.3.6), or another method with an http URL in
// absolute form. Two spellings of where it goes must say the same, since the proxy's
// list and the host read one each; an HTTP/1.1 request has exactly one Host field.
// Lines end with CR LF, names are tokens, and no line is folded: what readers disagree
// about is refused (CVE-2019-9636, RFC 9112, section 11.2).
func readHead(raw []byte) (h head, err error) {
	text, ok := bytes.CutSuffix(raw, []byte("\r\n\r\n"))
	if !ok {
		return head{}, errHead
	}
	lines := strings.Split(string(text), "\r\n")
	method, where, version, err := readRequestLine(lines[0])
	if err != nil {
		return head{}, err
	}
	authority := where
	own := uint16(0)
	if h.tunnel = method == "CONNECT"; !h.tunnel {
		if authority, err = authorityOf(where); err != nil {
			return head{}, err
		}
		own = 80
	}
	if h.to, err = readTarget(authority, own); err != nil {
		return head{}, err
	}
	host, found, err := readFields(lines[1:])
	switch {
	case err != nil:
		return head{}, err
	case found == 0 && (version == "HTTP/1.0" || h.tunnel): // older clients send none with CONNECT
		return h, nil
	case found != 1:
		return head{}, errHead
	}
	if h.tunnel {
		own = h.to.port
	}
	if t, err := readTarget(host, own); err != nil || t != h.to {
		return head{}, errOther
	}
	return h, nil
}

func readRequestLine(line string) (method, where, version string, err error) {
	method, rest, _ := strings.Cut(line, " ")
	where, version, _ = strings.Cut(rest, " ")
	if !isToken(method) || where == "" || version != "HTTP/1.1" && version != "HTTP/1.0" {
		return "", "", "", errHead
	}
	for _, c := range []byte(where) {
		if c <= ' ' || c >= 0x7f || c == '\\' || c == '#' {
			return "", "", "", errHead
		}
	}
	return method, where, version, nil
}

// authorityOf is the authority of an http URL. A user name in it is refused with the
// host that it makes (POL-40).
func authorityOf(url string) (string, error) {
	if len(url) < 7 || !strings.EqualFold(url[:7], "http://") {
		return "", errScheme
	}
	authority := url[7:]
	if end := strings.IndexAny(authority, "/?"); end >= 0 {
		authority = authority[:end]
	}
	return authority, nil
}

// readFields reads the header fields, and how many are Host.
func readFields(lines []string) (host string, found int, err error) {
	if len(lines) > maxLines {
		return "", 0, errHead
	}
	for _, line := range lines {
		name, value, ok := strings.Cut(line, ":")
		if !ok || !isToken(name) {
			return "", 0, errHead
		}
		for _, c := range []byte(value) {
			if c < ' ' && c != '\t' || c == 0x7f {
				return "", 0, errHead
			}
		}
		if strings.EqualFold(name, "host") {
			host, found = strings.Trim(value, " \t"), found+1
		}
	}
	return host, found, nil
}

// isToken is RFC 9110, section 5.6.2.
func isToken(s string) bool {
	for _, c := range []byte(s) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0:
		default:
			return false
		}
	}
	return s != ""
}
