package listen

import (
	"crypto/rand"
	"encoding/base64"
	"time"
)

// crockford is the alphabet of ULIDs: no I, L, O or U.
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// NewExchangeID makes an id in the form of a ULID: 48 bits of milliseconds
// since 1970, then 80 random bits, as 26 characters that sort by time.
func NewExchangeID(now time.Time) string {
	var b [16]byte
	ms := now.UnixMilli()
	for i := range 6 {
		b[i] = byte(ms >> (40 - 8*i) & 0xff)
	}
	_, _ = rand.Read(b[6:]) // never fails; it ends the process instead
	var out [26]byte
	// 128 bits in groups of five, from the last character to the first.
	var acc, bits uint
	at := len(out)
	for i := len(b) - 1; i >= 0; i-- {
		acc |= uint(b[i]) << bits
		for bits += 8; bits >= 5; bits -= 5 {
			at--
			out[at] = crockford[acc&31]
			acc >>= 5
		}
	}
	out[0] = crockford[acc&31]
	return string(out[:])
}

// newToken makes n random bytes as visible ASCII (base64url).
func newToken(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails; it ends the process instead
	return base64.RawURLEncoding.EncodeToString(b)
}
