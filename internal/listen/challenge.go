package listen

import (
	"net/http"
	"strings"

	"doorward/internal/gate"
)

// challenges are the values of WWW-Authenticate (RFC 9110, section 11.6.1) of a
// refusal that a credential would help against; none of another. They name an
// error only when a credential was sent (RFC 6750, section 3.1).
func (s *Settings) challenges(in *gate.Inbound, verdict gate.Verdict) []string {
	switch verdict.Code {
	case gate.CodeUnauthenticated:
		return s.signIn(in, "")
	case gate.CodeBadCredential:
		return s.signIn(in, "invalid_token")
	case gate.CodeScope:
		return []string{s.stepUp(in, verdict)}
	default:
		return nil
	}
}

// signIn asks for a credential, and says where access tokens come from (RFC 9728,
// section 5.1).
func (s *Settings) signIn(in *gate.Inbound, failure string) []string {
	c := challenge("Bearer")
	c.add("realm", "doorward")
	if failure != "" {
		c.add("error", failure)
	}
	if s.Authorization == nil {
		return []string{string(c)}
	}
	c.add("resource_metadata", metadataURL(in))
	if len(s.Authorization.Scopes) > 0 {
		c.add("scope", strings.Join(s.Authorization.Scopes, " "))
	}
	all := []string{string(c)}
	if len(s.Authorization.DPoP) > 0 {
		d := challenge("DPoP") // RFC 9449, section 7.1
		d.add("algs", strings.Join(s.Authorization.DPoP, " "))
		all = append(all, string(d))
	}
	return all
}

// stepUp asks for a token with more scopes: exactly those that the verdict names
// (2025-11-25, Scope Challenge Handling).
func (s *Settings) stepUp(in *gate.Inbound, verdict gate.Verdict) string {
	c := challenge("Bearer")
	c.add("error", "insufficient_scope")
	if len(verdict.Scopes) > 0 {
		c.add("scope", strings.Join(verdict.Scopes, " "))
	}
	if s.Authorization != nil {
		c.add("resource_metadata", metadataURL(in))
	}
	text := verdict.Public
	if text == "" {
		text = rowOf(gate.CodeScope).Text
	}
	c.add("error_description", public(text))
	return string(c)
}

// challenge is one value of WWW-Authenticate, as it is written.
type challenge string

// add writes one parameter. Its value keeps to the characters that RFC 6750,
// section 3, allows: printable ASCII without quotes and backslashes.
func (c *challenge) add(name, value string) {
	sep := ", "
	if !strings.Contains(string(*c), " ") {
		sep = " "
	}
	value = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			return -1
		}
		return r
	}, value)
	*c += challenge(sep + name + `="` + value + `"`)
}

// metadataURL is where a client learns which tokens the gateway takes. It names
// the profile that was asked for, whether or not there is one: who has not signed
// in does not find out.
func metadataURL(in *gate.Inbound) string {
	url := in.Base + string(pathMetadata) + string(pathMCP)
	if in.Profile != "" {
		url += "/" + in.Profile
	}
	return url
}

// retryAfter is how many seconds a client may wait before it tries again what
// only the gateway's own state refused.
const retryAfter = "5"

// hint sets what an answer's headers say about trying again.
func hint(h http.Header, challenges []string, code gate.Code) {
	if len(challenges) > 0 {
		h["Www-Authenticate"] = challenges
	}
	if code == gate.CodeIdentityDown || code == gate.CodeLimitDown || code == gate.CodeSessionDown || code == codeAddressLimit {
		h.Set("Retry-After", retryAfter)
	}
}
