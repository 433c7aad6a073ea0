package app

import (
	"cmp"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"doorward/internal/config"
	"doorward/internal/gate"
	"doorward/internal/upstream"
)

// What stands before an upstream's name where its credential is made of a secret, and is none
// itself. No secret has a colon in its name.
const (
	madeBasic = "basic:"
	madeToken = "oauth:"
)

// credential is how Doorward proves to an upstream who it is.
func credential(name string, c *config.Credential) upstream.Credential {
	switch {
	case c == nil:
		return upstream.Credential{}
	case c.Bearer != "":
		return held(upstream.Credential{Header: "Authorization", Prefix: "Bearer "}, c.Bearer)
	case c.Basic != nil:
		return upstream.Credential{Header: "Authorization", Prefix: "Basic ", Secret: madeBasic + name}
	case c.OAuth != nil:
		return upstream.Credential{Header: "Authorization", Prefix: "Bearer ", Secret: madeToken + name}
	case c.Header != "":
		return held(upstream.Credential{Header: c.Header}, c.Value)
	}
	return upstream.Credential{} // a certificate alone
}

// held adds where a credential's value is: a secret of the configuration, or the
// client's own key.
func held(c upstream.Credential, name string) upstream.Credential {
	if header, brought := config.RequestKey(name); brought {
		c.Request = header
	} else {
		c.Secret = name
	}
	return c
}

// certificates are those of an upstream's server, and Doorward's own for it.
func certificates(u *config.Upstream) (ca string, own upstream.Certificate, err error) {
	if ca, err = certificateFile("ca", u.CA); err != nil {
		return "", own, err
	}
	if c := u.Credential; c != nil && c.Certificate != nil {
		own.Key = c.Certificate.Key
		own.Chain, err = certificateFile("credential.certificate.cert", c.Certificate.Cert)
	}
	return ca, own, err
}

// certificateFile reads certificates in PEM; an empty path is none.
func certificateFile(field, path string) (string, error) {
	if path == "" {
		return "", nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("%s: %w", field, err)
	}
	if block, _ := pem.Decode(text); block == nil || block.Type != "CERTIFICATE" {
		return "", fmt.Errorf("%s: %s holds no certificate in PEM", field, path)
	}
	return string(text), nil
}

// errUnset is a credential that the configuration in force does not have.
var errUnset = errors.New("the configuration has no such credential")

// secretFor hands a secret to the upstream that the configuration names it for, or what is made
// of one.
func (a *App) secretFor(name string) (upstream.Secret, error) {
	snap := a.current.Load()
	if of, ok := strings.CutPrefix(name, madeBasic); ok {
		b := basicOf(snap.cfg, of)
		if b == nil {
			return nil, errUnset
		}
		password, err := snap.secret.Get(b.Password)
		return pair(b.User, password), err
	}
	if of, ok := strings.CutPrefix(name, madeToken); ok {
		c, err := a.clientFor(snap.cfg, of)
		if err != nil {
			return nil, err
		}
		token, err := c.Token(a.ctx)
		return gate.NewSecret(token), err
	}
	return snap.secret.Get(name)
}

// insteadOf is another version of a secret that an upstream has refused, or another token.
func (a *App) insteadOf(name string, refused gate.Secret) (upstream.Secret, bool) {
	snap := a.current.Load()
	if of, ok := strings.CutPrefix(name, madeBasic); ok {
		b := basicOf(snap.cfg, of)
		if b == nil {
			return nil, false
		}
		was, err := base64.StdEncoding.DecodeString(refused.Reveal())
		_, password, colon := strings.Cut(string(was), ":")
		other, ok := snap.secret.Instead(b.Password, gate.NewSecret(password))
		return pair(b.User, other), ok && colon && err == nil
	}
	if of, ok := strings.CutPrefix(name, madeToken); ok {
		c, err := a.clientFor(snap.cfg, of)
		if err != nil {
			return nil, false
		}
		token, ok := c.Another(a.ctx, refused.Reveal())
		return gate.NewSecret(token), ok
	}
	return snap.secret.Instead(name, refused)
}

func basicOf(cfg *config.Config, upstream string) *config.BasicCredential {
	if c := cfg.Upstreams[upstream].Credential; c != nil {
		return c.Basic
	}
	return nil
}

// pair is what stands behind Basic (RFC 7617).
func pair(user string, password gate.Secret) gate.Secret {
	return gate.NewSecret(base64.StdEncoding.EncodeToString([]byte(user + ":" + password.Reveal())))
}

// resource is what a token for an upstream is for (RFC 8707, section 2): its URL without a user, a
// query and a fragment, unless something else is written.
func resource(u *config.Upstream) string {
	at, err := url.Parse(u.URL)
	if err != nil {
		return u.Credential.OAuth.Resource
	}
	at.User, at.RawQuery, at.Fragment = nil, "", ""
	return cmp.Or(u.Credential.OAuth.Resource, at.String())
}
