package login

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Options are what a Keeper needs of its caller.
type Options struct {
	// Dir is where the tokens are kept. It is made, for its owner alone (0700).
	Dir string
	// Say tells the person something, which never holds a token.
	Say func(text string)
	// Open shows a URL in a browser. Nil: the person does that.
	Open func(link string) error
	// Secret reads env:NAME or file:PATH.
	Secret func(reference string) (string, error)
	// Agent is the User-Agent header.
	Agent string
	// Roots are the certificate authorities that are trusted. Nil: the system's.
	Roots *x509.CertPool
}

// Keeper gets tokens and keeps them.
type Keeper struct{ opts Options }

// New makes a Keeper. It asks nothing and writes nothing.
func New(o Options) *Keeper { return &Keeper{opts: o} }

// Token is an access token and what is known of it.
type Token struct {
	Access    string    `json:"access_token"`
	Type      string    `json:"token_type"` // Bearer
	Expires   time.Time `json:"expires,omitzero"`
	Resource  string    `json:"resource"`
	Issuer    string    `json:"issuer"`
	ClientID  string    `json:"client_id"`
	Scopes    []string  `json:"scopes"`
	Renewable bool      `json:"renewable"`
}

// attempt is one sign-in.
type attempt struct {
	request  Request
	flow     Flow
	resource string // as the gateway writes it
	scopes   []string
	server   *server
	proof    *proof // of the client, once it is known
}

// SignIn gets a new token, by the flow, and keeps it. The error is a *Refusal
// where the authorization server refuses, and ErrRequest where the request is
// wrong.
func (k *Keeper) SignIn(ctx context.Context, r Request, f Flow) (*Token, error) {
	if err := r.check(f); err != nil {
		return nil, err
	}
	target, err := r.target()
	if err != nil {
		return nil, err
	}
	dir, err := openDir(k.opts.Dir)
	if err != nil {
		return nil, err
	}
	w := k.web(r, target)
	defer w.rest()
	a, err := k.prepare(ctx, w, r, f)
	if err != nil {
		return nil, err
	}
	before, err := dir.find(func(e *entry) bool { return e.Resource == target.String() })
	if err != nil {
		return nil, err
	}
	k.warn(before, a)
	k.introduce(a, f)
	var g *granted
	switch f {
	case Browser:
		g, err = k.browse(ctx, w, a)
	case Device:
		g, err = k.point(ctx, w, a)
	case Machine:
		g, err = k.work(ctx, w, a)
	default:
		err = fmt.Errorf("%w: no flow", ErrRequest)
	}
	if err != nil {
		return nil, err
	}
	e := newEntry(target.String(), a, w.fence.reached())
	e.take(g)
	if err := dir.keep(ctx, e); err != nil {
		return nil, err
	}
	return e.token(), nil
}

// web makes the client for one sign-in: it reaches what the user named, and what
// is no nearer than that.
func (k *Keeper) web(r Request, target *url.URL) *web {
	var named []*url.URL
	if r.URL != "" {
		named = append(named, target)
	}
	if u, err := issuerURL(r.Issuer); r.Issuer != "" && err == nil {
		named = append(named, u)
	}
	return newWeb(k.opts.Roots, k.opts.Agent, nowhere, named...)
}

// prepare finds out whom to ask for what.
func (k *Keeper) prepare(ctx context.Context, w *web, r Request, f Flow) (*attempt, error) {
	a := &attempt{request: r, flow: f, resource: r.Resource}
	issuer := r.Issuer
	var c challenge
	var p *protected
	if r.URL != "" {
		gateway, err := r.target()
		if err != nil {
			return nil, err
		}
		if c, err = w.challenged(ctx, gateway); err != nil {
			return nil, err
		}
		if p, err = w.describe(ctx, gateway, c); err != nil {
			return nil, err
		}
		if issuer == "" {
			issuer = p.Servers[0]
		}
		if !slices.Contains(p.Servers, issuer) {
			return nil, fmt.Errorf("the gateway takes no tokens of %s: it names %s", issuer, shown(strings.Join(p.Servers, ", "), maxText))
		}
		a.resource = p.Resource
	}
	var err error
	if a.server, err = w.ask(ctx, issuer); err != nil {
		return nil, err
	}
	a.scopes = r.wants(c, p, a.server, f)
	return a, nil
}

// warn says that a gateway names another authorization server than it did. That
// may be right, and it may be somebody who wants to be signed in to (A28).
func (k *Keeper) warn(before []*entry, a *attempt) {
	for _, e := range before {
		if e.Issuer != a.server.Issuer {
			k.opts.Say(fmt.Sprintf("Careful: this gateway's tokens came from %s before, and now it names %s.", e.Issuer, a.server.Issuer))
			return
		}
	}
}

// introduce says, before a person signs in anywhere, who asks for it, and whether
// the page is another server's than the one that gets what comes of it: whoever
// names a good server's page and an endpoint of their own wants the code (the
// mix-up of RFC 9207, which no state or iss of a device flow could show).
func (k *Keeper) introduce(a *attempt, f Flow) {
	page := ""
	switch f {
	case Browser:
		page = a.server.Authorization
	case Device:
		page = a.server.Device
	case NoFlow, Machine:
		return
	}
	k.opts.Say("The authorization server is " + a.server.Issuer + ".")
	if at, back := hostOf(page), hostOf(a.server.Token); at != back {
		k.opts.Say(fmt.Sprintf("Careful: you sign in at %s, and what comes of it goes to %s. Go on only if both are your authorization server's.", at, back))
	}
}

// hostOf is the host of a URL that was checked before.
func hostOf(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return shown(text, maxText)
	}
	return u.Host
}

// work gets a token for a job (RFC 6749, 4.4).
func (k *Keeper) work(ctx context.Context, w *web, a *attempt) (*granted, error) {
	var err error
	if a.proof, err = k.identify(ctx, w, a.server, a.request, ""); err != nil {
		return nil, err
	}
	g, err := w.grant(ctx, a.server.Token, a.proof, machineForm(a.scopes), a.resource)
	if err != nil {
		return nil, err
	}
	g.refresh = "" // a job asks anew (RFC 6749, 4.4.3)
	return g, nil
}

func machineForm(scopes []string) url.Values {
	form := url.Values{"grant_type": {grantMachine}}
	if len(scopes) > 0 {
		form.Set("scope", strings.Join(scopes, " "))
	}
	return form
}

// Forget drops every login for the gateway of the request, narrowed down by what
// else it says, and tells the authorization servers that they are of no use any
// more where those want to know (RFC 7009). It returns how many there were. What
// the error says is not done; the files are gone all the same.
func (k *Keeper) Forget(ctx context.Context, r Request) (int, error) {
	target, err := r.target()
	if err != nil {
		return 0, err
	}
	dir, err := openDir(k.opts.Dir)
	if err != nil {
		return 0, err
	}
	found, err := dir.find(r.matches(target.String(), NoFlow))
	if err != nil {
		return 0, err
	}
	var faults []error
	for _, e := range found {
		if err := dir.drop(ctx, e); err != nil {
			return 0, err
		}
		if err := k.revoke(ctx, e); err != nil {
			faults = append(faults, fmt.Errorf("telling %s that the login is over: %w", e.Issuer, err))
		}
	}
	return len(found), errors.Join(faults...)
}

// revoke ends the tokens of an entry at their server.
func (k *Keeper) revoke(ctx context.Context, e *entry) error {
	token, hint := e.Refresh, "refresh_token"
	if token == "" {
		token, hint = e.Access, "access_token"
	}
	if e.Revocation == "" || token == "" {
		return nil
	}
	p, err := k.prove(e)
	if err != nil {
		return err
	}
	w := newWeb(k.opts.Roots, k.opts.Agent, e.Reach)
	defer w.rest()
	_, err = w.post(ctx, e.Revocation, p, url.Values{"token": {token}, "token_type_hint": {hint}})
	return err
}
