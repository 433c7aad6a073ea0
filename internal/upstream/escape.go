package upstream

import "strconv"

// maxShown is how much of one line of an upstream's output the log shows.
const maxShown = 200

// printable makes what an upstream wrote harmless for a terminal and a log: at
// most limit bytes, control and non-ASCII characters escaped (CWE-117, CWE-150).
func printable(b []byte, limit int) string {
	cut := len(b) > limit
	if cut {
		b = b[:limit]
	}
	s := strconv.QuoteToASCII(string(b))
	s = s[1 : len(s)-1]
	if cut {
		s += "…"
	}
	return s
}
