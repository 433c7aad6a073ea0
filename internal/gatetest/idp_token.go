package gatetest

import (
	"crypto/rand"
	"encoding/json"
	"maps"
	"strings"
	"time"
)

// Claims are those of a good token of alice, with other members; nil takes one
// away. A canary is among them: no claim that nobody asked for may be repeated.
func (i *IDP) Claims(other map[string]any) map[string]any {
	i.mu.Lock()
	audience := i.audience
	i.mu.Unlock()
	mark := canary("claim")
	i.hide(mark)
	now := time.Now().Unix()
	c := map[string]any{
		"iss": i.URL(), "sub": "alice", "aud": audience, "iat": now - 1, "exp": now + 600,
		"jti": "t-" + rand.Text(), "client_id": "agent", "scope": "tools.read", "canary": mark,
	}
	maps.Copy(c, other)
	for name, value := range other {
		if value == nil {
			delete(c, name)
		}
	}
	return c
}

// Token is a JWT by the first key, with Claims(other).
func (i *IDP) Token(other map[string]any) string {
	i.t.Helper()
	i.mu.Lock()
	alg := i.keys[0].Alg
	i.mu.Unlock()
	return i.TokenBy(alg, other)
}

// TokenBy is a JWT by the first key for an algorithm, with Claims(other).
func (i *IDP) TokenBy(alg string, other map[string]any) string {
	i.t.Helper()
	return i.Sign(alg, i.Header(alg), i.text(i.Claims(other)))
}

// Header is that of a good token by the first key for an algorithm.
func (i *IDP) Header(alg string) []byte {
	i.t.Helper()
	return i.text(map[string]any{"alg": alg, "typ": "at+jwt", "kid": i.Key(alg).ID})
}

// Sign makes a JWS of any bytes, by the first key for an algorithm.
func (i *IDP) Sign(alg string, header, payload []byte) string {
	i.t.Helper()
	return i.Mint(i.Key(alg).JWS(alg, header, payload))
}

// Mint makes a text that somebody else has put together a token: it, its payload
// and its signature are secret from now on.
func (i *IDP) Mint(token string) string {
	i.hide(token)
	if parts := strings.SplitN(token, ".", 4); len(parts) <= 3 {
		i.hide(parts[1:]...)
	}
	return token
}

// Opaque is a token that introspection knows. answer is what it says: a text as it
// is, or members of Claims beside active.
func (i *IDP) Opaque(answer any) string {
	i.t.Helper()
	text, ok := answer.(string)
	if !ok {
		other, _ := answer.(map[string]any)
		c := i.Claims(map[string]any{"active": true, "token_type": "Bearer"})
		maps.Copy(c, other)
		for name, value := range other {
			if value == nil {
				delete(c, name)
			}
		}
		text = string(i.text(c))
	}
	return i.Know(canary("opaque"), text)
}

// Know makes introspection answer a text about a token.
func (i *IDP) Know(token, answer string) string {
	i.mu.Lock()
	i.opaque[token] = answer
	i.mu.Unlock()
	return i.Mint(token)
}

func (i *IDP) text(v any) []byte {
	i.t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		i.t.Fatal(err)
	}
	return b
}
