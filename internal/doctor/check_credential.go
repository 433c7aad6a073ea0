package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// checkCredential says what the server thinks of the credential, and why.
func checkCredential(ctx context.Context, e *exam) []Finding {
	var found []Finding
	if e.key.fault != "" {
		found = append(found, Finding{
			ID: "credential.invalid", Status: Problem, Cause: "form",
			Seen: "the credential is not just the key: " + e.key.fault,
			Why:  "the client sends what is there, and no server knows such a key; the checks below go on without that",
			Fix:  "put the key alone where the client has it: the header is then Authorization: Bearer KEY",
		})
	}
	a := e.contact.best()
	switch {
	case a == nil || a.err != nil:
		found = append(found, skip("credential", unreached)...)
	case a.status == http.StatusUnauthorized && e.key.text == "":
		found = append(found, e.missing(ctx, a)...)
	case a.status == http.StatusUnauthorized:
		found = append(found, e.rejected(ctx, a)...)
	case a.status == http.StatusForbidden && insufficient(a):
		found = append(found, e.scope(a))
	case !a.message.ok():
		found = append(found, skip("credential", "the server did not get as far as asking for it")...)
	case e.key.text == "":
		found = append(found, fine("credential", "the server lets clients in without one")...)
	default:
		found = append(found, fine("credential", "the key was accepted")...)
	}
	return found
}

// protected is what a server says of itself to those who must sign in (RFC 9728).
type protected struct {
	Resource string   `json:"resource"`
	Servers  []string `json:"authorization_servers"`
}

// metadata reads the document that a challenge points to, from the target's own
// origin and without the credential.
func (e *exam) metadata(ctx context.Context, c challenge) (protected, bool) {
	u, err := url.Parse(c.params["resource_metadata"])
	if err != nil || u.Host == "" || u.User != nil || !e.sameOrigin(u) {
		return protected{}, false
	}
	a := e.send(ctx, request{method: http.MethodGet, url: u, accept: "application/json", bare: true})
	var p protected
	if a.err != nil || a.status != http.StatusOK || json.Unmarshal(a.body, &p) != nil {
		return protected{}, false
	}
	return p, true
}

// missing is the finding that a credential is needed and none was given.
func (e *exam) missing(ctx context.Context, a *answer) []Finding {
	f := Finding{
		ID: "credential.missing", Status: Problem,
		Seen: "the server asks for a credential, and none was given",
		Why:  "without one every message is answered with 401",
		Fix:  "get a key or a token from whoever runs the server, and send it as Authorization: Bearer KEY",
	}
	if e.opts.Credential != "" {
		f.Seen = "the server asks for a credential, and what was given holds none"
	}
	all := readChallenges(a.header.Values("Www-Authenticate"))
	c, asked := bearer(all)
	if a.doorward() || c.params["realm"] == "doorward" {
		f.Fix = "make one on the gateway's machine: " + e.command("key create NAME") + "\nand let the client send it: Authorization: Bearer KEY (here: DOORWARD_KEY=KEY)"
	}
	if !asked && len(all) > 0 {
		f.Seen += fmt.Sprintf("; it asks for the scheme %q, not for Bearer", e.quote(all[0].scheme))
		f.Fix = "let the client sign in as that scheme wants it, often with a header of its own"
	}
	found := []Finding{f}
	if p, ok := e.metadata(ctx, c); ok && len(p.Servers) > 0 {
		found[0].Seen += "; tokens for it come from " + e.quote(strings.Join(p.Servers, ", "))
		found[0].Fix = fmt.Sprintf("let the client sign in at %s for the resource %s, or:\n%s",
			e.quote(p.Servers[0]), e.quote(p.Resource), f.Fix)
		found = append(found, e.issuer(ctx, p.Servers[0])...)
	}
	return found
}

// issuer asks whether the authorization server can be reached (RFC 8414).
func (e *exam) issuer(ctx context.Context, text string) []Finding {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && !e.sameOrigin(u) || u.Host == "" || u.User != nil {
		return nil
	}
	well := *u
	well.Path, well.RawPath, well.RawQuery = "/.well-known/oauth-authorization-server"+strings.TrimSuffix(u.Path, "/"), "", ""
	a := e.send(ctx, request{method: http.MethodGet, url: &well, accept: "application/json", bare: true})
	if a.err == nil && a.status < http.StatusInternalServerError {
		return nil
	}
	seen := fmt.Sprintf("HTTP %d", a.status)
	if a.err != nil {
		seen = a.err.Error()
	}
	return []Finding{{
		ID: "credential.issuer", Status: Problem,
		Seen: fmt.Sprintf("the authorization server %s cannot be asked: %s", e.quote(text), e.quote(seen)),
		Why:  "clients get no token while it cannot be reached",
		Fix:  "check from this machine: curl -sS " + e.quote(shownURL(&well)),
	}}
}

// rejected says why a credential is not accepted.
func (e *exam) rejected(ctx context.Context, a *answer) []Finding {
	c, _ := bearer(readChallenges(a.header.Values("Www-Authenticate")))
	var found []Finding
	token, isJWT := readClaims(e.key.text)
	if isJWT {
		found = e.claimed(ctx, c, token)
	}
	if len(found) > 0 {
		return found
	}
	said := a.message.said()
	if said == "" {
		said = c.params["error_description"]
	}
	f := Finding{ID: "credential.invalid", Status: Problem, Cause: "refused", Seen: "the server does not accept the credential", Why: "every message with it is answered with 401"}
	if a.message.code() == "" && strings.Contains(strings.ToLower(said), "expired") {
		f.ID, f.Cause, f.Seen = "credential.expired", "", "the credential has expired"
	}
	if said != "" {
		f.Seen += ": " + e.quote(said)
	}
	f.Fix = "get a new one from whoever runs the server"
	if a.doorward() {
		f.Fix = "see which keys have expired or are revoked, for the gateway does not tell a client: " + e.command("key list") + "\nand replace it: " + e.command("key rotate NAME")
	}
	return []Finding{f}
}

// claimed says what a token itself says against it. Nothing of it is verified:
// the server has refused it already.
func (e *exam) claimed(ctx context.Context, c challenge, token claims) []Finding {
	var found []Finding
	if !token.Expires.IsZero() && time.Now().After(token.Expires) {
		found = append(found, Finding{
			ID: "credential.expired", Status: Problem,
			Seen: "the token was good until " + token.Expires.Format(time.RFC3339),
			Why:  "every message with it is answered with 401",
			Fix:  "let the client sign in anew at " + e.quote(token.Issuer),
		})
	}
	resource := shownURL(e.target)
	if p, ok := e.metadata(ctx, c); ok && p.Resource != "" {
		resource = p.Resource
	}
	if !slices.ContainsFunc(token.Audience, func(a string) bool { return strings.TrimSuffix(a, "/") == strings.TrimSuffix(resource, "/") }) {
		seen := "the token is for " + e.quote(strings.Join(token.Audience, ", ")) + ", not for " + e.quote(resource)
		if len(token.Audience) == 0 {
			seen = "the token does not say whom it is for (no aud)"
		}
		found = append(found, Finding{
			ID: "credential.audience", Status: Problem, Seen: seen,
			Why: "a server must refuse tokens that were made for another (RFC 8707)",
			Fix: "let the client ask for resource=" + e.quote(resource) + " when it signs in; or, where Doorward checks: identity: {issuers: [{audience: …}]}",
		})
	}
	return found
}

func insufficient(a *answer) bool {
	c, _ := bearer(readChallenges(a.header.Values("Www-Authenticate")))
	return c.params["error"] == "insufficient_scope"
}

func (e *exam) scope(a *answer) Finding {
	c, _ := bearer(readChallenges(a.header.Values("Www-Authenticate")))
	return Finding{
		ID: "credential.scope", Status: Problem,
		Seen: fmt.Sprintf("the token lacks a scope; the server asks for %q", e.quote(c.params["scope"])),
		Why:  "the token is good, but not for this",
		Fix:  "let the client sign in with these scopes",
	}
}
