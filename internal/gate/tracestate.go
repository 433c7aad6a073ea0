package gate

import "strings"

// Bounds of what goes along with a trace: of tracestate 32 members and 512 characters
// (W3C Trace Context §3.3.1.5), of baggage 64 members and 8192 bytes (W3C Baggage
// §3.3.2). What is larger is dropped whole.
const (
	maxStateMembers   = 32
	maxState          = 512
	maxBaggageMembers = 64
	maxBaggage        = 8192
	maxStateKey       = 256 // §3.3.1.3.1
	maxStateValue     = 256 // §3.3.1.3.2
)

// tracestate is s when it is a valid list of members, else empty. Empty members are
// allowed by the standard and left as they are.
func tracestate(s string) string {
	if len(s) > maxState || strings.Count(s, ",") >= maxStateMembers {
		return ""
	}
	seen := false
	for member := range strings.SplitSeq(s, ",") {
		member = strings.Trim(member, " \t")
		if member == "" {
			continue
		}
		key, value, ok := strings.Cut(member, "=")
		if !ok || key == "" || value == "" || len(key) > maxStateKey || len(value) > maxStateValue {
			return ""
		}
		if strings.Trim(key, "abcdefghijklmnopqrstuvwxyz0123456789_-*/@") != "" || !printed(value, ",=") {
			return ""
		}
		seen = true
	}
	if !seen {
		return ""
	}
	return strings.Trim(s, " \t")
}

// Baggage is what a message has as baggage in its _meta when it is valid and bounded,
// else empty. What a client has put into a header is not asked for: nobody has looked
// at it.
func Baggage(m *Message) string {
	s := metaText(m, MetaBaggage)
	if strings.Count(s, ",") >= maxBaggageMembers {
		return ""
	}
	for member := range strings.SplitSeq(s, ",") {
		key, value, ok := strings.Cut(member, "=")
		key = strings.Trim(key, " \t")
		if !ok || key == "" || !printed(key, "\"(),/:;<=>?@[\\]{} ") || !printed(strings.Trim(value, " \t"), "\"\\,") {
			return ""
		}
	}
	return s
}

// printed tells whether s is visible ASCII and has none of the characters not.
func printed(s, not string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return !strings.ContainsAny(s, not)
}
