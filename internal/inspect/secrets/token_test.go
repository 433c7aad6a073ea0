package secrets_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"strings"
)

// Alphabets of tokens.
const (
	small  = "abcdefghijklmnopqrstuvwxyz"
	digits = "0123456789"
	alnum  = digits + small + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	hexes  = digits + "abcdef"
	base32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	urls   = alnum + "-_"
)

// drawn is a word of n characters that looks drawn by lot, and is the same in
// every run. No credential is written in this source.
func drawn(alphabet string, n int, seed string) string {
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		for _, c := range sha256.Sum256(fmt.Append(nil, seed, i)) {
			if b.Len() < n {
				b.WriteByte(alphabet[int(c)%len(alphabet)])
			}
		}
	}
	return b.String()
}

// github is a token with its checksum.
func github(prefix, seed string) string {
	body := drawn(alnum, 30, seed)
	n := crc32.ChecksumIEEE([]byte(body))
	end := ""
	const base62 = digits + "ABCDEFGHIJKLMNOPQRSTUVWXYZ" + small
	for range 6 {
		end = string(base62[n%62]) + end
		n /= 62
	}
	return prefix + body + end
}

func webToken() string {
	part := base64.RawURLEncoding.EncodeToString
	return part([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + part([]byte(`{"sub":"7733190","scope":"admin"}`)) + "." + drawn(urls, 43, "jwt")
}

func privateKey(kind string) string {
	var b strings.Builder
	for i := range 12 {
		b.WriteString(drawn(alnum+"+/", 64, fmt.Sprint(kind, i)) + "\n")
	}
	mark := kind + "PRIVATE" + " KEY-----\n"
	return "-----BEGIN " + mark + b.String() + "-----END " + strings.TrimSuffix(mark, "\n")
}

func in64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func inHex(s string) string { return hex.EncodeToString([]byte(s)) }

func backwards(s string) string {
	b := []byte(s)
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
	return string(b)
}

func between(s, sep string) string { return strings.Join(strings.Split(s, ""), sep) }
