package secrets

import (
	"encoding/base64"
	"encoding/json"
	"hash/crc32"
	"strings"
)

// sum is what a checksum says of a secret.
type sum uint8

const (
	none  sum = iota // the format has none
	holds            // it is one that the issuer made
	fails
)

// checked computes the checksum that a format has. GitHub and npm end a token of
// 36 characters in the CRC-32 of the 30 before, in base62, six digits (GitHub:
// "Behind GitHub's new authentication token formats", 2021; npm the same year).
func checked(rule, secret string) sum {
	if rule != "github_token" && rule != "npm_token" {
		return none
	}
	i := strings.IndexByte(secret, '_')
	if i < 0 || len(secret)-i-1 != 36 {
		return none
	}
	body := secret[i+1:]
	if base62(crc32.ChecksumIEEE([]byte(body[:30]))) == body[30:] {
		return holds
	}
	return fails
}

// base62 is a number in six digits.
func base62(n uint32) string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	var b [6]byte
	for i := len(b) - 1; i >= 0; i-- {
		b[i] = digits[n%62]
		n /= 62
	}
	return string(b[:])
}

// webToken tells whether the first part of a token is the header of a JWS or JWE
// (RFC 7515 section 4.1.1): an object with an algorithm.
func webToken(secret string) bool {
	head, _, _ := strings.Cut(secret, ".")
	head = strings.NewReplacer("+", "-", "/", "_").Replace(head)
	raw, err := base64.RawURLEncoding.DecodeString(head)
	if err != nil {
		return false
	}
	var header struct {
		Algorithm string `json:"alg"`
	}
	return json.Unmarshal(raw, &header) == nil && header.Algorithm != ""
}

// pair tells whether what follows "Basic" is base64 of a name, a colon and a
// password (RFC 7617).
func pair(secret string) bool {
	raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(secret, "="))
	if err != nil || !readable(raw) {
		return false
	}
	_, password, ok := strings.Cut(string(raw), ":")
	return ok && !placeholder(password)
}

// chosen tells whether a password in a URL is none of a port.
func chosen(secret string) bool {
	for i := range len(secret) {
		if !digit(secret[i]) {
			return true
		}
	}
	return len(secret) > 5
}
