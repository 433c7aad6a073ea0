package secrets

import "strings"

// minBase32 is the length of the shortest run that is read as base32, in
// characters: a canary of twelve bytes has twenty.
const minBase32 = 20

// alphabets of base32 (RFC 4648 sections 6 and 7), in either case.
//
//nolint:gochecknoglobals // a table; read-only
var alphabets32 = [...][256]byte{
	positions("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "abcdefghijklmnopqrstuvwxyz234567"),
	positions("0123456789ABCDEFGHIJKLMNOPQRSTUV", "0123456789abcdefghijklmnopqrstuv"),
}

// outside is the position of a character that an alphabet has not.
const outside = 0xff

// positions is where each character stands in one of the alphabets.
func positions(alphabets ...string) (t [256]byte) {
	for i := range t {
		t[i] = outside
	}
	for _, alphabet := range alphabets {
		for i := range len(alphabet) {
			t[alphabet[i]] = byte(i)
		}
	}
	return t
}

// fromBase32 decodes a run, whatever characters before it moved its groups of
// eight.
func fromBase32(run string) []string {
	run = strings.TrimRight(unbroken(run), "=.")
	if i := strings.LastIndexAny(run, "=.~+/_-"); i >= 0 {
		run = run[i+1:]
	}
	if len(run) < minBase32 || !oneCase(run) || hexadecimal(run[:minBase32]) { // sums and commits
		return nil
	}
	for a := range alphabets32 {
		for shift := range 8 {
			if !promising32(run[shift:], &alphabets32[a]) {
				continue
			}
			if all := texts(bits32(run[shift:], &alphabets32[a], len(run))); all != nil {
				return all
			}
		}
	}
	return nil
}

// oneCase tells whether the letters of the beginning of a run are all large or all
// small.
func oneCase(run string) bool {
	large, small := false, false
	for i := range min(len(run), probe) {
		c := run[i]
		large = large || c >= 'A' && c <= 'Z'
		small = small || c >= 'a' && c <= 'z'
	}
	return !large || !small
}

// promising32 tells whether some part of a run decodes to what can be read.
func promising32(run string, alphabet *[256]byte) bool {
	for _, from := range [...]int{0, len(run) / 2, len(run) - probe} {
		from = max(0, from) &^ 7
		if legibleBits(run[from:min(len(run), from+probe)], alphabet, 5) {
			return true
		}
	}
	return false
}

// legibleBits tells whether a part of a run, whose characters have width bits each,
// decodes to ASCII text, also with zeros between. It gives up at the third byte that
// is none.
func legibleBits(part string, alphabet *[256]byte, width int) bool {
	bits, n, count, bad := uint32(0), 0, 0, 0
	for i := range len(part) {
		p := alphabet[part[i]]
		if p == outside {
			break
		}
		bits, n = bits<<width|uint32(p), n+width
		if n < 8 {
			continue
		}
		n -= 8
		count++
		if c := byte(bits >> n); !legible[c] && c != 0 { //nolint:gosec // the byte at hand
			if bad++; bad > 2 {
				return false
			}
		}
	}
	return count >= minText && count >= bad*10
}

// bits32 are the bytes of a run up to limit, or up to a character that the alphabet
// has not.
func bits32(run string, alphabet *[256]byte, limit int) []byte {
	out := make([]byte, 0, min(limit, len(run)*5/8+1))
	bits, n := uint32(0), 0
	for i := 0; i < len(run) && len(out) < limit; i++ {
		p := alphabet[run[i]]
		if p == outside {
			break
		}
		bits, n = bits<<5|uint32(p), n+5
		if n >= 8 {
			n -= 8
			out = append(out, byte(bits>>n)) //nolint:gosec // the byte at hand
		}
	}
	return out
}
