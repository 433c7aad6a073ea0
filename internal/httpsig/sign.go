package httpsig

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// purpose is what the signing secret is derived for; another purpose, or a later
// version of this one, gets another secret of the same key.
const purpose = "doorward request signing v1"

// Secret is what the owner of an API key signs with: the HMAC-SHA256 of the
// purpose under the key's text. The gateway keeps it in place of the text, so
// what it keeps cannot be sent as the key.
func Secret(apiKeyText string) [sha256.Size]byte {
	return mac([]byte(apiKeyText), []byte(purpose))
}

// Key is what a request is signed with.
type Key struct {
	ID     string // public
	Secret [sha256.Size]byte
}

// Params are what a signature says beside the request.
type Params struct {
	Created time.Time
	Nonce   string            // 16 to 128 of A-Z a-z 0-9 - _, never used before
	Digest  [sha256.Size]byte // the SHA-256 of the body, of an empty one too
	Label   string            // empty: sig1
}

// Sign returns the headers to add to a request: Content-Digest, Signature-Input
// and Signature. It covers what must be covered and nothing else.
func Sign(r Request, key Key, p Params) (http.Header, error) {
	if p.Label == "" {
		p.Label = "sig1"
	}
	in := &Input{
		KeyID: key.ID, Created: p.Created, Nonce: p.Nonce, Digest: p.Digest,
		label: p.Label, order: parameters[:],
	}
	found, err := fields(r.Header)
	if err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	for name := range found {
		if name != compDigest && r.required(name) {
			in.fields = append(in.fields, name)
		}
	}
	slices.Sort(in.fields)
	base, err := in.base(&r)
	if err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	if key.Secret == ([sha256.Size]byte{}) || p.Digest == ([sha256.Size]byte{}) {
		return nil, errors.New("signing: there is no secret, or no digest of the body")
	}
	in.signature = mac(key.Secret[:], base)
	h := in.Header()
	if _, err := Parse(h); err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	return h, nil
}

// Verify tells whether the signature is that of the request under the secret,
// as Secret makes it. It takes as long for a wrong signature as for a right one.
func (in *Input) Verify(secret []byte, r Request) error {
	if len(secret) != sha256.Size || [sha256.Size]byte(secret) == ([sha256.Size]byte{}) {
		return fmt.Errorf("%w: there is no secret to verify with", ErrSignature)
	}
	base, err := in.base(&r)
	if err != nil {
		return err
	}
	if want := mac(secret, base); !hmac.Equal(want[:], in.signature[:]) {
		return ErrSignature
	}
	return nil
}

// base is the signature base of the request (RFC 9421, section 2.5). It refuses a
// request of which something is not covered that must be.
func (in *Input) base(r *Request) ([]byte, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	found, err := fields(r.Header)
	if err != nil {
		return nil, err
	}
	for name := range found {
		if _, covered := slices.BinarySearch(in.fields, name); !covered && name != compDigest && r.required(name) {
			return nil, fmt.Errorf("%w: it must cover each of these that there is: %s", ErrCoverage,
				strings.Join(append([]string{"content-type", "last-event-id", "every mcp- header"}, r.Cover...), ", "))
		}
	}
	lines := []component{
		{compMethod, r.Method},
		{compTarget, r.Base + r.Target},
		{compDigest, digestOf(in.Digest)},
	}
	for _, name := range in.fields {
		value, err := valueOf(found[name])
		if err != nil {
			return nil, err
		}
		lines = append(lines, component{name, value})
	}
	return baseOf(lines, in.params()), nil
}

// component is what one line of a signature base is made of.
type component struct{ name, value string }

// baseOf writes the lines.
func baseOf(lines []component, params string) []byte {
	var b []byte
	for _, l := range lines {
		b = append(b, `"`+l.name+`": `+l.value+"\n"...)
	}
	return append(b, `"@signature-params": `+params...)
}

func mac(secret, message []byte) (sum [sha256.Size]byte) {
	h := hmac.New(sha256.New, secret)
	h.Write(message)
	h.Sum(sum[:0])
	return sum
}
