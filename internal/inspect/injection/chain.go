package injection

import (
	"strings"
	"unicode/utf8"
)

// Bounds of what words that are put together by marks may be, in bytes.
const (
	maxIPv4   = 15 // "255.255.255.255"
	maxEnding = 7  // of a host's name; the longest listed is "example"
)

// links are words put together by dots, hyphens, plusses and at-signs, and where
// these stand: each word of a chain that is nothing as a whole is looked at as the
// start of what is left of it. Offsets are of the segment.
type links struct {
	end, whole int // where the chain ends, and without the marks at its end
	at         int // the first at-sign from the word looked at last; end without any
	dot        int // the last dot; -1 without any
}

// chain takes what the word at start goes on as, if it is an address or a host, and
// tells its class.
func (r *reader) chain(start int, sh shape) class {
	l := &r.links
	if start >= l.end {
		*l = linksAt(r.text, start)
	}
	if l.at < start {
		l.at = l.end
		if i := strings.IndexByte(r.text[start:l.end], '@'); i >= 0 {
			l.at = start + i
		}
	}
	switch {
	case l.whole <= start:
	case l.at < l.whole && l.dot > l.at:
		r.at = l.whole
		return address
	case l.at < l.whole:
	case dotted(r.text[start:l.whole]):
		r.at = l.whole
		return ident
	case sh.digits < r.at-start && l.host(r.text, start):
		r.skip(" \t\r\n\"'`<>)]}|\\,;")
		return link
	}
	return 0
}

func linksAt(text string, start int) links {
	l := links{end: start, at: -1}
	for l.end < len(text) && (text[l.end] < utf8.RuneSelf && alphanumeric[text[l.end]] || strings.IndexByte(".@+-", text[l.end]) >= 0) {
		l.end++
	}
	whole := strings.TrimRight(text[start:l.end], ".-+")
	l.whole, l.dot = start+len(whole), strings.LastIndexByte(whole, '.')
	if l.dot >= 0 {
		l.dot += start
	}
	return l
}

// dotted tells whether a word is an IPv4 address.
func dotted(word string) bool {
	return len(word) <= maxIPv4 && strings.Count(word, ".") == 3 && strings.Trim(word, "0123456789.") == ""
}

// host tells whether the chain from start is the name of a host: by "www", or by one of
// the endings that most hosts have.
func (l *links) host(text string, start int) bool {
	if len(text)-start > 4 && strings.EqualFold(text[start:start+4], "www.") {
		return true
	}
	if l.dot <= start || l.whole-l.dot-1 > maxEnding {
		return false
	}
	switch strings.ToLower(text[l.dot+1 : l.whole]) {
	case "com", "org", "net", "io", "ai", "dev", "app", "xyz", "ly", "me", "co", "info", "ru", "de", "cn", "uk", "fr", "eu", "site", "online", "shop", "top", "club", "example", "test", "invalid":
		return true
	}
	return false
}
