package issuer

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// Verify judges a token for one resource. audience is the audience that the
// resource has at an issuer; empty, and no token of that issuer is for it. from is
// whose request it came with, which has a share of the questions to an issuer.
//
// The error wraps ErrInvalid or ErrExpired for a token that was judged; any
// other means that it cannot be judged now.
func (s *Set) Verify(ctx context.Context, from netip.Addr, token string, audience func(issuer string) string) (t Token, err error) {
	defer func() {
		if p := recover(); p != nil { // what it panicked with could hold the token
			t, err = Token{}, fmt.Errorf("judging a token panicked (%T)", p)
		}
	}()
	if token == "" || len(token) > maxToken {
		return Token{}, invalid("a token of no byte, or of more than 16 KiB")
	}
	switch dots := strings.Count(token, "."); {
	case dots == 2:
		return s.verifyJWT(ctx, token, audience)
	case dots > 2:
		return Token{}, invalid("neither a JWT nor an opaque token: an encrypted token, or none")
	case s.asked == nil:
		return Token{}, invalid("an opaque token, and no issuer that is asked about those")
	case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return Token{}, invalid("an opaque token with a character that no token has")
	}
	at := cacheKey{digest(token), audience(s.asked.settings.Issuer)}
	if at.audience == "" {
		return Token{}, invalid("the resource has no audience at this issuer")
	}
	return s.asked.asker.verify(ctx, from, token, at)
}

// verifyJWT judges a JWT: by what is remembered of it, or else from the start.
func (s *Set) verifyJWT(ctx context.Context, token string, audience func(issuer string) string) (Token, error) {
	at := cacheKey{token: digest(token)}
	now := time.Now()
	if r := s.recall(at, audience); r != nil {
		return r.owner.again(r, now)
	}
	c, err := takeApart(token)
	if err != nil {
		return Token{}, err
	}
	a := s.named(c)
	if a == nil {
		return Token{}, invalid("iss is not an issuer that is accepted")
	}
	if at.audience = audience(a.settings.Issuer); at.audience == "" {
		return Token{}, invalid("the resource has no audience at this issuer")
	}
	t, k, err := a.verify(ctx, c, request{audience: at.audience, now: now})
	if err != nil {
		return t, err
	}
	s.verified.Set(at, &remembered{token: t, owner: a, key: k, until: t.Expires.Add(leeway)})
	return t, nil
}

// recall returns what is remembered of the token: that it was accepted for the
// audience which the resource has at the token's issuer, with a key that the
// issuer still has.
func (s *Set) recall(at cacheKey, audience func(issuer string) string) *remembered {
	for _, a := range s.authorities {
		before := at.audience
		at.audience = audience(a.settings.Issuer)
		if at.audience == "" || at.audience == before {
			continue // nothing is kept under it, or it was looked for already
		}
		r, found := s.verified.GetIfPresent(at)
		if !found || r.owner != a && audience(r.owner.settings.Issuer) != at.audience {
			continue
		}
		if r.key.gone.Load() {
			s.verified.Invalidate(at)
			return nil
		}
		return r
	}
	return nil
}

// again judges a remembered token at another time.
func (a *authority) again(r *remembered, now time.Time) (Token, error) {
	if _, err := a.keeper.trusted(now); err != nil {
		return Token{}, err
	}
	if past(r.token.Expires, now) {
		return expired(r.token), ErrExpired
	}
	return r.token, nil
}

// named is the issuer that a token says it is of, by exact bytes. The token is
// not believed: its issuer's own keys decide (AUT-11).
func (s *Set) named(c *compact) *authority {
	iss, ok := text(c.claims["iss"])
	if !ok {
		return nil
	}
	for _, a := range s.authorities {
		if a.settings.Issuer == iss {
			return a
		}
	}
	return nil
}

// verify judges a JWT of this issuer from the start.
func (a *authority) verify(ctx context.Context, c *compact, r request) (Token, *key, error) {
	h, err := a.readHeader(c.header)
	if err != nil {
		return Token{}, nil, err
	}
	k, err := a.keeper.key(ctx, h, r.now)
	if err != nil {
		return Token{}, nil, err
	}
	if err := checkSignature(c, h.alg, k); err != nil {
		return Token{}, nil, err
	}
	t, err := a.judge(c.claims, r)
	return t, k, err
}
