package issuer

import (
	"context"
	"crypto"
	"crypto/rsa"
	"net"
	"time"
)

// OpenDialed is New with another way to the issuers.
func OpenDialed(cfg Config, d func(ctx context.Context, network, address string) (net.Conn, error)) (*Set, error) {
	return open(cfg, d)
}

// KeyIDs reads a key set: the ids of the keys that are fit for use, and why the
// others are not.
func KeyIDs(raw []byte) (ids, bad []string, err error) {
	keys, bad, err := readKeys(raw)
	for _, k := range keys {
		ids = append(ids, k.kid)
	}
	return ids, bad, err
}

// JudgeAnswer judges an answer to introspection.
func JudgeAnswer(s Settings, raw []byte, audience string) (Token, error) {
	a, err := newAuthority(s)
	if err != nil {
		return Token{}, err
	}
	if err := checkAnswer(raw); err != nil {
		return Token{}, err
	}
	return a.judgeAnswer(raw, request{audience: audience, now: time.Now(), asked: true})
}

// CheckWith checks a signature with a key that no key set could have given.
func CheckWith(text, alg string, public crypto.PublicKey) error {
	c, err := takeApart(text)
	if err != nil {
		return err
	}
	k := &key{public: public, size: len(c.signature)}
	if p, ok := public.(*rsa.PublicKey); ok && p != nil && p.N != nil {
		k.size = p.Size()
	}
	return checkSignature(c, alg, k)
}

// Remembered is how many tokens are kept: JWTs, good opaque ones, refused ones.
func (s *Set) Remembered() (verified, good, bad int) {
	s.verified.CleanUp()
	if s.asked != nil {
		s.asked.asker.good.CleanUp()
		s.asked.asker.bad.CleanUp()
		good, bad = s.asked.asker.good.EstimatedSize(), s.asked.asker.bad.EstimatedSize()
	}
	return s.verified.EstimatedSize(), good, bad
}

// SameTarget compares the URL of a proof with the one that was called.
func SameTarget(claimed, called string) bool { return sameTarget(claimed, called) }

// NewClientDialed is NewClient with another way to the issuer.
func NewClientDialed(c ClientConfig, d func(ctx context.Context, network, address string) (net.Conn, error)) (*Client, error) {
	return newClient(c, d)
}

// GrantLife reads an answer of a token endpoint: the token, and for how long it counts.
func GrantLife(raw []byte) (token string, life time.Duration, err error) {
	now := time.Now()
	g, err := readGrant(raw, now)
	if err != nil {
		return "", 0, err
	}
	return g.text, g.ends.Sub(now), nil
}
