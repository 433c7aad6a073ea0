package listen

import (
	"net/http"
	"strconv"

	"doorward/internal/gate"
	"doorward/internal/jsonrpc"
)

// The headers that tell a client how much it may still ask for
// (draft-ietf-httpapi-ratelimit-headers-10), in canonical form.
const (
	headerLimit  = "Ratelimit"
	headerPolicy = "Ratelimit-Policy"
)

// pace tells the client of the budget that leaves it least. Of one that is not the
// client's alone it says how long to wait, and no figure.
func (a *answer) pace() {
	if al := &a.ex.Allowance; al.Limit != "" && a.ex.Call.Batch == nil {
		pace(a.visit.out.w.Header(), al)
	}
}

func pace(h http.Header, a *gate.Allowance) {
	if a.Wait > 0 {
		h["Retry-After"] = []string{strconv.FormatInt(gate.WholeSeconds(a.Wait), 10)}
	}
	if a.Most == 0 {
		return
	}
	var room [160]byte
	name := appendItem(room[:0], a.Limit)
	n := len(name)
	b := strconv.AppendInt(append(name, ";q="...), a.Most, 10)
	b = strconv.AppendInt(append(b, ";w="...), gate.WholeSeconds(a.Per), 10)
	h[headerPolicy] = []string{string(b)}
	b = strconv.AppendInt(append(b[:n], ";r="...), a.Left, 10)
	if t := max(a.Wait, a.Next); t > 0 {
		b = strconv.AppendInt(append(b, ";t="...), gate.WholeSeconds(t), 10)
	}
	h[headerLimit] = []string{string(b)}
}

// appendItem appends a name as a String of RFC 9651, section 3.3.3, which has printable
// ASCII alone.
func appendItem(b []byte, name string) []byte {
	b = append(b, '"')
	for _, r := range name {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r < ' ' || r > '~':
			b = append(b, '?')
		default:
			b = append(b, byte(r))
		}
	}
	return append(b, '"')
}

// appendAllowance appends to a refusal's data what a client can act on: which limit it
// was, and in how many seconds to try again.
func appendAllowance(b []byte, a *gate.Allowance) []byte {
	b = jsonrpc.AppendString(append(b, `,"limit":`...), a.Limit)
	b = strconv.AppendInt(append(b, `,"retryAfter":`...), gate.WholeSeconds(a.Wait), 10)
	if a.Most > 0 {
		b = strconv.AppendInt(append(b, `,"most":`...), a.Most, 10)
		b = strconv.AppendInt(append(b, `,"per":`...), gate.WholeSeconds(a.Per), 10)
		b = strconv.AppendInt(append(b, `,"left":`...), a.Left, 10)
	}
	return b
}
