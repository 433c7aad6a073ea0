package login

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"golang.org/x/oauth2"
)

// patience is how long a person has to sign in. The state of a sign-in must not
// be good for longer than ten minutes (MCP security best practices).
const patience = 5 * time.Minute

// browse signs a person in with a browser on this machine: the authorization
// code grant with PKCE (RFC 7636) and a redirect to loopback (RFC 8252).
func (k *Keeper) browse(ctx context.Context, w *web, a *attempt) (*granted, error) {
	if a.server.Authorization == "" {
		return nil, errors.New("the authorization server has no authorization_endpoint: sign in with another flow")
	}
	if !slices.Contains(a.server.Challenges, "S256") {
		return nil, errors.New("the authorization server does not say that it knows PKCE with S256, and without it a code could be stolen")
	}
	c, err := listen(ctx, a.request.Port, a.server)
	if err != nil {
		return nil, err
	}
	defer c.close()
	if a.proof, err = k.identify(ctx, w, a.server, a.request, c.redirect); err != nil {
		return nil, err
	}
	verifier := oauth2.GenerateVerifier()
	page, err := w.visit(a.server.Authorization)
	if err != nil {
		return nil, fmt.Errorf("the authorization_endpoint %w", err)
	}
	link, err := a.link(page, c, verifier)
	if err != nil {
		return nil, err
	}
	k.show(link)
	w.rest() // nothing is asked while the person signs in
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("nobody has signed in within %v", patience))
	defer cancel()
	code, err := c.wait(ctx)
	if err != nil {
		return nil, err
	}
	form := url.Values{"grant_type": {grantCode}, "code": {code}, "redirect_uri": {c.redirect}, "code_verifier": {verifier}}
	return w.grant(ctx, a.server.Token, a.proof, form, a.resource)
}

// visit reads a URL that a person is sent to. A server elsewhere may not send
// the person's browser to this machine.
func (w *web) visit(text string) (*url.URL, error) {
	u, err := address(text)
	if err == nil && isLoopback(u.Hostname()) && w.fence.reached() < local {
		err = errReach
	}
	return u, err
}

// link is the URL that the person is sent to: the authorization server's page
// with what is asked of it.
func (a *attempt) link(page *url.URL, c *callback, verifier string) (string, error) {
	opts := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(verifier), oauth2.SetAuthURLParam("resource", a.resource)}
	if slices.Contains(a.scopes, offline) {
		opts = append(opts, oauth2.SetAuthURLParam("prompt", "consent")) // or it may not be granted (OpenID Connect Core 1.0, 11)
	}
	for _, name := range []string{
		"response_type", "client_id", "redirect_uri", "scope", "state", "code_challenge", "code_challenge_method", "resource", "prompt", "request", "request_uri",
	} {
		if page.Query().Has(name) {
			return "", fmt.Errorf("the authorization_endpoint decides the parameter %s itself", name)
		}
	}
	config := oauth2.Config{ClientID: a.proof.id, RedirectURL: c.redirect, Scopes: a.scopes, Endpoint: oauth2.Endpoint{AuthURL: page.String()}}
	return config.AuthCodeURL(c.state, opts...), nil
}

// show sends the person to a URL.
func (k *Keeper) show(link string) {
	if k.opts.Open != nil {
		if err := k.opts.Open(link); err == nil {
			k.opts.Say("Sign in in the browser. If none opens, go to:\n  " + link)
			return
		}
	}
	k.opts.Say("To sign in, go to this address in a browser on this machine:\n  " + link)
}
