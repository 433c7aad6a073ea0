package issuer

import (
	"encoding/base64"
	"strings"
)

// maxToken bounds a token and a proof, in bytes. A token with 200 groups has
// some 8 KiB.
const maxToken = 16 << 10

// How deep the JSON of a token may be nested. RFC 9068 needs 3 of a payload;
// act (RFC 8693) adds one for each delegation.
const (
	maxHeaderDepth  = 3
	maxPayloadDepth = 16
)

// compact is a JWS in compact form (RFC 7515 §7.1), taken apart strictly.
// Nothing of it is verified.
type compact struct {
	text      string
	header    object
	payload   []byte
	claims    object // the payload, read
	signature []byte
}

// takeApart reads text before any library does: three parts of canonical
// base64url (AUT-15), a header and a payload of strict JSON.
func takeApart(text string) (*compact, error) {
	if len(text) > maxToken {
		return nil, invalid("longer than 16 KiB")
	}
	first, rest, _ := strings.Cut(text, ".")
	second, third, found := strings.Cut(rest, ".")
	if !found || strings.Contains(third, ".") {
		return nil, invalid("not three parts")
	}
	c := &compact{text: text}
	header, ok := decode64(first)
	if !ok {
		return nil, invalid("the header is not base64url")
	}
	if c.payload, ok = decode64(second); !ok {
		return nil, invalid("the payload is not base64url")
	}
	if c.signature, ok = decode64(third); !ok {
		return nil, invalid("the signature is not base64url, or absent")
	}
	var err error
	if c.header, err = readObject(header, maxHeaderDepth); err != nil {
		return nil, invalid("the header " + err.Error())
	}
	if c.claims, err = readObject(c.payload, maxPayloadDepth); err != nil {
		return nil, invalid("the payload " + err.Error())
	}
	return c, nil
}

// decode64 decodes base64url as RFC 7515 §2 has it: no padding, no other
// alphabet, no bits left over, and no line breaks, which Go's decoder skips.
func decode64(s string) ([]byte, bool) {
	if s == "" {
		return nil, false
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return nil, false
		}
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return b, err == nil
}

func encode64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// digest64 tells whether s is the base64url of 32 bytes, as a SHA-256 is.
func digest64(s string) bool {
	b, ok := decode64(s)
	return ok && len(b) == 32
}
