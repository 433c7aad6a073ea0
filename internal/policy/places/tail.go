package places

import "strings"

// tail says why what follows the authority may not stand there; "" when it may. It
// cannot change where a sound parser connects to, but there are others: those that
// end the authority at the first slash alone (CVE-2016-8624), that write line ends
// of a path into the request (CVE-2019-9740), or that resolve the path once more.
func tail(s string) (why string) {
	if strings.HasPrefix(s, "//") {
		return "the path begins with two slashes: write one"
	}
	slash := strings.HasPrefix(s, "/")
	part := byte('/')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case plainByte[c]:
		case c == '?' && part == '/', c == '#' && part != '#':
			part = c
		case c == '?':
		case c == '@' && slash && part != '#':
		case c == '@':
			return "an @ stands in the fragment, or after the host without a slash between: write it as %40, and the slash"
		case part == '?' && (c == '[' || c == ']' || c == '|'):
			// Not of RFC 3986, but in wide use ("filter[name]=x") and read alike.
		case c == '%':
			if why = escape(s[i:], part); why != "" {
				return why
			}
		case c >= 0x80:
			return "the URL is not ASCII: percent-encode its path and query"
		default:
			return "the URL has a blank, a backslash or another character that must be percent-encoded"
		}
	}
	return ""
}

// escape says why a percent sign may not stand in a part of a URL.
func escape(s string, part byte) string {
	if len(s) < 3 || !isHex(s[1]) || !isHex(s[2]) {
		return "a percent sign is not followed by two hexadecimal digits: write it as %25"
	}
	control := s[1] == '0' || s[1] == '1' || s[1] == '7' && (s[2] == 'f' || s[2] == 'F')
	if control && (part == '/' || s[1:3] == "00") {
		return "the URL has an encoded control character: leave it out"
	}
	return ""
}

func isHex(c byte) bool {
	return isDigit(c) || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// plainByte are the characters that mean nothing to a parser in path, query and
// fragment: unreserved and sub-delims, ':' and '/' (RFC 3986 §§2.2, 2.3, 3.3).
//
//nolint:gochecknoglobals // a table; read-only
var plainByte = func() (t [256]bool) {
	for _, c := range []byte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$&'()*+,;=:/") {
		t[c] = true
	}
	return t
}()
