package identify

import (
	"context"
	"strings"

	"doorward/internal/gate"
)

// maxCredential bounds an Authorization header in bytes: what the longest token
// takes (issuer refuses those over 16 KiB), and little enough to look at without
// care.
const maxCredential = 16<<10 + len("Bearer ")

// The schemes of Authorization that are known.
const (
	schemeBearer = "Bearer" // RFC 6750
	schemeDPoP   = "DPoP"   // RFC 9449
)

// authorization judges the Authorization header: an API key or an access token.
// What it holds decides which, and nothing is tried twice.
func (s *Stage) authorization(ctx context.Context, ex *gate.Exchange) (*proof, gate.Verdict, error) {
	values, present := ex.Inbound.Header["Authorization"]
	_, proofs := ex.Inbound.Header["Dpop"]
	switch {
	case !present && proofs:
		return refused("a DPoP proof without a token")
	case !present:
		return nil, gate.Pass(), nil
	case len(values) != 1:
		return refused("more than one Authorization header, or an empty one")
	}
	scheme, text, fault := credential(values[0])
	switch {
	case fault != "":
		return refused(fault)
	case scheme != schemeDPoP && proofs:
		return refused("a DPoP proof beside another scheme")
	case scheme == schemeBearer && s.APIKeys && (s.Tokens == nil || strings.HasPrefix(text, keyPrefix)):
		return s.apiKey(ex, text)
	case s.Tokens == nil:
		return refused("an Authorization header, and no method that takes one")
	case strings.HasPrefix(text, keyPrefix):
		return refused("an API key, and API keys are off or it came as another scheme")
	}
	return s.token(ctx, ex, scheme, text)
}

func refused(reason string) (*proof, gate.Verdict, error) {
	v, err := invalid(reason)
	return nil, v, err
}

// credential takes scheme and token from "Bearer TOKEN" (RFC 6750 §2.1) or "DPoP
// TOKEN" (RFC 9449 §7.1): one space, and a token68 (RFC 9110 §11.2). fault says
// what is wrong and quotes nothing.
func credential(value string) (scheme, token, fault string) {
	if len(value) > maxCredential {
		return "", "", "Authorization header too long"
	}
	scheme, token, found := strings.Cut(value, " ")
	switch {
	case strings.EqualFold(scheme, schemeBearer):
		scheme = schemeBearer
	case strings.EqualFold(scheme, schemeDPoP):
		scheme = schemeDPoP
	default:
		return "", "", "Authorization scheme other than Bearer and DPoP"
	}
	if !found || token == "" {
		return "", "", "a scheme without a token"
	}
	body := strings.TrimRight(token, "=")
	for i := range len(body) {
		if !token68(body[i]) {
			return "", "", "token with a character that no token has"
		}
	}
	if body == "" {
		return "", "", "a scheme without a token"
	}
	return scheme, token, ""
}

func token68(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~+/", c) >= 0
}
