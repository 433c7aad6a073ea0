package jsonrpc

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// The keys with a meaning at each level of the protocol. Anything else may stand there too, unless a lax
// parser could take it for one of these.
const (
	topKeys    = "jsonrpc id method params result error"
	errorKeys  = "code message data"
	paramsKeys = "name arguments _meta uri cursor requestId progressToken progress reason protocolVersion " +
		"capabilities clientInfo level ref argument context inputResponses requestState notifications " +
		"taskId task message mode"
	metaPrefix = "io.modelcontextprotocol/"
	metaKeys   = "progressToken " + metaPrefix + "protocolVersion " + metaPrefix + "clientCapabilities " +
		metaPrefix + "clientInfo " + metaPrefix + "logLevel " + metaPrefix + "serverInfo " +
		metaPrefix + "subscriptionId"
)

// level is a place in the message where keys are compared with those of the protocol.
type level uint8

const (
	levelOther level = iota // any key may stand here
	levelTop
	levelError
	levelParams
	levelMeta
)

func (l level) keys() string {
	switch l {
	case levelTop:
		return topKeys
	case levelError:
		return errorKeys
	case levelParams:
		return paramsKeys
	case levelMeta:
		return metaKeys
	default:
		return ""
	}
}

// keyFault says why key may not stand at level l; it is empty when it may. Parsers that match keys without
// regard to case (Go's encoding/json: CVE-2026-27896), or that end a key at a NUL (GHSA-q382-vc8q-7jhj),
// would read another message than the one judged here.
func keyFault(l level, key string) string {
	if l == levelOther || listed(l.keys(), key) {
		return ""
	}
	if hidden(key) {
		return "control or invisible character in a key"
	}
	var buf [64]byte
	folded := fold(buf[:0], key)
	for rest := l.keys(); rest != ""; {
		var name string
		name, rest, _ = strings.Cut(rest, " ")
		if equalLower(folded, name) {
			return "key reads like " + name
		}
	}
	if l == levelMeta && !strings.HasPrefix(key, metaPrefix) &&
		strings.HasPrefix(string(folded), metaPrefix) {
		return "key reads like one under " + metaPrefix
	}
	return ""
}

// listed reports whether key is one of the space-separated words of list.
func listed(list, key string) bool {
	for {
		end := strings.IndexByte(list, ' ')
		if end < 0 {
			return list == key
		}
		if list[:end] == key {
			return true
		}
		list = list[end+1:]
	}
}

// hidden reports whether key holds a control or format character (NUL, zero width, BOM, direction marks), or
// another that renders as nothing.
func hidden(key string) bool {
	for i := 0; i < len(key); i++ {
		if c := key[i]; c < ' ' || c >= 0x7f {
			return strings.IndexFunc(key, invisible) >= 0
		}
	}
	return false
}

func invisible(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point,
		unicode.Variation_Selector, unicode.Zl, unicode.Zp)
}

// fold appends to dst, up to its capacity, the form of key that the most careless reader would see: white
// space gone, full-width forms narrow, upper, lower and title case the same. A rune that does not become
// ASCII ends the search: no protocol key has one, so its place is taken by a byte no key contains.
func fold(dst []byte, key string) []byte {
	for _, r := range key {
		if len(dst) == cap(dst) {
			break
		}
		if unicode.IsSpace(r) {
			continue
		}
		r = foldRune(r)
		if r >= utf8.RuneSelf {
			r = 0
		}
		dst = append(dst, byte(r))
	}
	return dst
}

func foldRune(r rune) rune {
	if r >= 0xFF01 && r <= 0xFF5E { // full-width forms of ! to ~
		r -= 0xFEE0
	}
	if r < utf8.RuneSelf {
		return rune(lower(byte(r & 0x7f)))
	}
	least := unicode.ToLower(unicode.ToUpper(r)) // dotted and dotless i have no simple folding
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		least = min(least, f)
	}
	if least < utf8.RuneSelf {
		return rune(lower(byte(least & 0x7f)))
	}
	return least
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// equalLower reports whether folded is name in lower case.
func equalLower(folded []byte, name string) bool {
	if len(folded) != len(name) {
		return false
	}
	for i := range folded {
		if folded[i] != lower(name[i]) {
			return false
		}
	}
	return true
}
