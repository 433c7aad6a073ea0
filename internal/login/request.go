package login

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// Flow is how somebody signs in. The zero value is none.
type Flow int

// The flows.
const (
	NoFlow  Flow = iota
	Browser      // a person, with a browser on this machine
	Device       // a person, with a browser on any device (RFC 8628)
	Machine      // a job, with credentials of its own (RFC 6749, 4.4)
)

// Request says which token is wanted.
type Request struct {
	// URL of the gateway, which says where its tokens come from. Without it there
	// must be a Resource and an Issuer.
	URL string
	// Resource is the identifier that the token is to be good for (RFC 8707), for a
	// gateway that is not asked. It is the gateway's URL as its clients write it.
	Resource string
	// Issuer is the authorization server. Empty: the first that the gateway names.
	Issuer string
	Client Client
	// Scopes to ask for. Nil: those that the gateway asks for.
	Scopes []string
	// Port of the redirect to 127.0.0.1, for an authorization server that compares
	// it. 0: any that is free (RFC 8252, 7.3).
	Port int
}

// target is what the token is to be good for.
func (r Request) target() (*url.URL, error) {
	text, what := r.URL, "the URL"
	if text == "" {
		text, what = r.Resource, "the resource"
	}
	u, err := canonical(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %s %w", ErrRequest, what, err)
	}
	return u, nil
}

// check finds what is wrong with a request before anything is asked.
func (r Request) check(f Flow) error {
	wrong := func(format string, args ...any) error {
		return fmt.Errorf("%w: %w", ErrRequest, fmt.Errorf(format, args...))
	}
	if _, err := r.target(); err != nil {
		return err
	}
	proves := r.Client.Secret != "" || r.Client.Key != ""
	switch {
	case r.URL != "" && r.Resource != "":
		return wrong("give the gateway's URL or a resource, not both")
	case r.URL == "" && r.Issuer == "":
		return wrong("without the gateway's URL an issuer must be given")
	case proves && r.Issuer == "":
		// A gateway must not choose who gets them (CVE-2026-104850).
		return wrong("a client's secret or key belongs to one authorization server: say which with the issuer")
	case proves && r.Client.asked() == "":
		return wrong("a secret or a key needs the client id that it belongs to")
	case r.Client.Secret != "" && r.Client.Key != "":
		return wrong("a client has a secret or a key, not both")
	case f == Machine && !proves:
		return wrong("a job needs a client id and a secret or a key")
	case r.Client.ID != "" && !goodClientID(r.Client.ID):
		return wrong("the client id holds a character that none has")
	case r.Port < 0 || r.Port > 65535:
		return wrong("there is no port %d", r.Port)
	}
	if r.Issuer != "" {
		if _, err := issuerURL(r.Issuer); err != nil {
			return wrong("%w", err)
		}
	}
	if r.Client.Document != "" {
		u, err := address(r.Client.Document)
		if err != nil || u.Scheme != "https" || strings.Trim(u.Path, "/") == "" {
			return wrong("a client ID metadata document has an https URL with a path")
		}
	}
	for _, s := range r.Scopes {
		if !goodScope(s) {
			return wrong("%q is no scope", s)
		}
	}
	return nil
}

// wants picks the scopes to ask for (MCP 2026-07-28, scope selection).
func (r Request) wants(c challenge, p *protected, s *server, f Flow) []string {
	all := r.Scopes
	if all == nil {
		all = scopes(c.scope)
		if len(all) == 0 && p != nil {
			all = p.Scopes
		}
		// A person wants to sign in once and not each hour; a job needs no renewal.
		if f != Machine && s.grantsOffline() {
			all = append(slices.Clip(all), offline)
		}
	}
	all = slices.Clone(all)
	slices.Sort(all)
	return slices.Compact(all)
}
