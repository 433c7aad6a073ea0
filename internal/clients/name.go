package clients

import (
	"fmt"
	"strings"
)

// maxName leaves room for a number behind a name of an upstream or a secret,
// whose bound is 64.
const maxName = 56

// slug keeps of s what keep allows, and puts a filler in place of the rest.
func slug(s string, filler byte, keep func(rune) bool) string {
	var b strings.Builder
	for _, r := range s {
		if b.Len() >= maxName {
			break
		}
		if keep(r) {
			b.WriteRune(r)
		} else {
			b.WriteByte(filler)
		}
	}
	return b.String()
}

// upstreamName makes a name that an upstream may have.
func upstreamName(name string) string {
	s := strings.Trim(slug(strings.ToLower(name), '-', func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_'
	}), "-_")
	for strings.Contains(s, "__") {
		s = strings.ReplaceAll(s, "__", "_")
	}
	if s == "" {
		return "server"
	}
	return s
}

// secretName makes a name that a secret may have of a variable's.
func secretName(variable string) string {
	s := strings.Trim(slug(strings.ToLower(variable), '-', func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= '0' && r <= '9'
	}), "-")
	if s == "" {
		return "secret"
	}
	return s
}

// upper makes part of a variable's name.
func upper(name string) string {
	s := slug(strings.ToUpper(name), '_', func(r rune) bool { return r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' })
	if s == "" || s[0] >= '0' && s[0] <= '9' {
		return "X_" + s
	}
	return s
}

// free is name, with a number where it is taken.
func free[T any](name string, taken map[string]T) string {
	next := name
	for i := 2; ; i++ {
		if _, ok := taken[next]; !ok {
			return next
		}
		next = fmt.Sprintf("%s-%d", name, i)
	}
}
