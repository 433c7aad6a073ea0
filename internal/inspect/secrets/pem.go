package secrets

import (
	"strings"

	"doorward/internal/gate"
)

// begin begins a private key, and much else (RFC 7468).
const begin = "-----BEGIN "

// maxPEM bounds a private key, in bytes: RSA of 16,384 bits has 13 KB.
const maxPEM = 24 << 10

// pem is the private key whose "-----BEGIN" is at i: to its end line, or, of one
// that is cut off, as far as the key goes.
func pem(text string, i int) (gate.Span, bool) {
	head := text[i:min(len(text), i+80)]
	line := strings.Index(head[min(10, len(head)):], "-----")
	if line < 0 {
		return gate.Span{}, false
	}
	label := head[10 : 10+line]
	if !strings.Contains(label, "PRIVATE KEY") {
		return gate.Span{}, false
	}
	from := i + 10 + line + 5
	body := text[from:min(len(text), from+maxPEM)]
	if next := strings.Index(body, begin); next >= 0 {
		body = body[:next] // so that many beginnings cost no more than one
	}
	end := strings.Index(body, "-----END")
	stop := end
	if end < 0 {
		stop = 0
		for stop < len(body) && (isToken[body[stop]] || isBlank[body[stop]] || body[stop] == '\\') {
			stop++
		}
	} else if rest := strings.Index(body[end+8:], "-----"); rest >= 0 && rest < 60 {
		end += 8 + rest + 5
	} else {
		end += 8
	}
	key := 0
	longest, run := 0, 0
	for j := range stop {
		if isAlnum[body[j]] || strings.IndexByte("+/=-_", body[j]) >= 0 {
			key++
			run++
			longest = max(longest, run)
			continue
		}
		run = 0
	}
	if key < 40 || longest < 16 || repeated(strings.Join(strings.Fields(body[:stop]), "")) {
		return gate.Span{}, false
	}
	return gate.Span{Start: i, End: from + max(end, stop)}, true
}
