package httpsig

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The headers of a signature.
const (
	headerInput     = "Signature-Input"
	headerSignature = "Signature"
	headerDigest    = "Content-Digest"
)

// What every signature covers, first and in this order.
const (
	compMethod = "@method"
	compTarget = "@target-uri"
	compDigest = "content-digest"
)

// What every signature says of itself.
const (
	algorithm = "hmac-sha256" // RFC 9421, section 3.3.3
	tag       = "doorward"    // which profile this is; section 7.2.8 asks for one
)

// Bounds, in characters.
const (
	maxInput = 4 << 10 // of Signature-Input
	maxLabel = 64
	maxKeyID = 64
	minNonce = 16
	maxNonce = 128
	maxTime  = 11 // digits: until the year 5138
)

// Input is a request's signature as its headers state it. Nothing in it is
// proven before Verify has passed.
type Input struct {
	KeyID   string
	Created time.Time
	Nonce   string
	Digest  [sha256.Size]byte // that the body must have

	label     string
	fields    []string // covered headers but for content-digest, ascending
	order     []string // of the parameters
	signature [sha256.Size]byte
}

// Header is the three headers of the signature.
func (in *Input) Header() http.Header {
	return http.Header{
		headerInput:     {in.label + "=" + in.params()},
		headerSignature: {in.label + "=" + bytesOf(in.signature)},
		headerDigest:    {digestOf(in.Digest)},
	}
}

// params is the value of @signature-params (RFC 9421, section 2.3).
func (in *Input) params() string {
	var b strings.Builder
	b.WriteString(`("` + compMethod + `" "` + compTarget + `" "` + compDigest + `"`)
	for _, name := range in.fields {
		b.WriteString(` "` + name + `"`)
	}
	b.WriteByte(')')
	for _, name := range in.order {
		b.WriteString(";" + name + "=")
		switch name {
		case "created":
			b.WriteString(strconv.FormatInt(in.Created.Unix(), 10))
		case "nonce":
			b.WriteString(`"` + in.Nonce + `"`)
		case "keyid":
			b.WriteString(`"` + in.KeyID + `"`)
		case "alg":
			b.WriteString(`"` + algorithm + `"`)
		case "tag":
			b.WriteString(`"` + tag + `"`)
		}
	}
	return b.String()
}

// digestOf is the value of Content-Digest (RFC 9530, section 2).
func digestOf(sum [sha256.Size]byte) string { return "sha-256=" + bytesOf(sum) }

// bytesOf is a Byte Sequence (RFC 9651, section 4.1.8).
func bytesOf(sum [sha256.Size]byte) string {
	return ":" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
}
