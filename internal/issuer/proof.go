package issuer

import (
	"context"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"
)

// proofWindow is by how much a proof's iat may differ from now, either way
// (RFC 9449 §11.1; the skew of AUT-40).
const proofWindow = 300 * time.Second

// maxProofID bounds the jti of a proof, in bytes.
const maxProofID = 128

// Proof is a DPoP proof and the request that it came with.
type Proof struct {
	Text       string // of the DPoP header
	Method     string // of the request, as it was sent
	URL        string // of the request, as the client called it: never from a header that anybody can write
	Token      string // the access token that came with it
	Thumbprint string // that the token is bound to
}

// forbiddenProof are members of a proof's header that name another key, or a
// place to fetch one, or ask for what is not done here.
var forbiddenProof = []string{"kid", "jku", "x5u", "x5c", "x5t", "x5t#S256", "crit", "b64", "zip", "enc", "cty"} //nolint:gochecknoglobals // a table; read-only

// Proof checks a proof: RFC 9449 §4.3, in its order. Its errors are those of
// Verify; nil means that the client holds the key which the token is bound to,
// and made this proof for this request, once.
func (s *Set) Proof(ctx context.Context, p Proof) (err error) {
	defer func() {
		if r := recover(); r != nil { // what it panicked with could hold the token
			err = fmt.Errorf("judging a proof panicked (%T)", r)
		}
	}()
	if s.replays == nil {
		return errors.New("no proof can be judged: there is no memory of those that were used")
	}
	c, err := takeApart(p.Text)
	if err != nil {
		return err
	}
	k, err := s.proofKey(c)
	if err != nil {
		return err
	}
	if p.Thumbprint == "" || k.print != p.Thumbprint {
		return invalid("the proof's key is not the one that the token is bound to")
	}
	id, made, err := p.check(c.claims, time.Now())
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(id))
	fresh, err := s.replays.Use(ctx, "dpop:"+k.print+":"+encode64(sum[:]), made, made.Add(2*proofWindow))
	if err != nil {
		return fmt.Errorf("remembering a proof: %w", err)
	}
	if !fresh {
		return invalid("the proof was used before, or is older than the memory of those that were")
	}
	return nil
}

// proofKey is the key that a proof brings, by which it is signed.
func (s *Set) proofKey(c *compact) (*key, error) {
	h, err := readSigned(c.header, s.proofAlgs, forbiddenProof)
	if err != nil {
		return nil, err
	}
	if typ, _ := text(c.header["typ"]); typ != "dpop+jwt" {
		return nil, invalid("typ is not dpop+jwt")
	}
	jwk, err := readObject(c.header["jwk"], maxHeaderDepth)
	if err != nil {
		return nil, invalid("jwk is absent, or no key")
	}
	if _, found := jwk.has("x5c", "x5u", "x5t", "x5t#S256"); found {
		return nil, invalid("jwk names a certificate")
	}
	k, err := readKey(c.header["jwk"])
	if err != nil {
		return nil, invalid("jwk: " + err.Error())
	}
	if public, ok := k.public.(*rsa.PublicKey); ok && public.N.BitLen() > maxProofRSA {
		return nil, invalid("jwk: an RSA key of more than 4096 bits")
	}
	if !k.takes(h.alg) {
		return nil, invalid("alg does not fit jwk")
	}
	return k, checkSignature(c, h.alg, k)
}

// check judges the claims of a proof and returns its id and when it was made.
func (p Proof) check(c object, now time.Time) (id string, made time.Time, err error) {
	if why := c.misnamed("jti", "htm", "htu", "iat", "ath"); why != "" {
		return "", made, invalid("the proof: " + why)
	}
	id, ok := text(c["jti"])
	if !ok || id == "" || len(id) > maxProofID {
		return "", made, invalid("jti is not 1 to 128 bytes")
	}
	if method, ok := text(c["htm"]); !ok || method == "" || method != p.Method {
		return "", made, invalid("htm is not the method of the request")
	}
	if target, ok := text(c["htu"]); !ok || !sameTarget(target, p.URL) {
		return "", made, invalid("htu is not the URL of the request")
	}
	made, ok = date(c["iat"])
	if !ok || made.Before(now.Add(-proofWindow)) || made.After(now.Add(proofWindow)) {
		return "", made, invalid("iat is not within 300 seconds of now")
	}
	sum := sha256.Sum256([]byte(p.Token))
	if ath, ok := text(c["ath"]); !ok || p.Token == "" || ath != encode64(sum[:]) {
		return "", made, invalid("ath is not of the access token")
	}
	return id, made, nil
}
