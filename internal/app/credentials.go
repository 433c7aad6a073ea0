package app

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"net/url"
	"strings"

	"doorward/internal/config"
	"doorward/internal/durable"
	"doorward/internal/gate"
	"doorward/internal/upstream"
)

// What the name begins with by which an upstream asks for a credential that is made of a secret,
// and is none itself. No secret has a colon in its name.
const (
	madeBasic = "basic:"
	madeToken = "oauth:"
)

// ingredients are what such a credential is made of: a user and the name of a password's secret,
// or what a token is asked for by.
type ingredients struct {
	basic *config.BasicCredential
	oauth *config.OAuthCredential
	token clientKey // of oauth
}

// ingredientsOf are those of an upstream, and the name that its credential has: the upstream's and
// a digest of them. So an upstream that a reload took the place of is shown nothing that the new
// one is for, nor the other way round.
func ingredientsOf(name string, u *config.Upstream) (called string, in ingredients) {
	switch c := u.Credential; {
	case c == nil:
	case c.Basic != nil:
		return madeBasic + name + digested(c.Basic.User, c.Basic.Password), ingredients{basic: c.Basic}
	case c.OAuth != nil:
		key := keyOfClient(u)
		return madeToken + name + digested(key), ingredients{oauth: c.OAuth, token: key}
	}
	return "", ingredients{}
}

func digested(of ...any) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", of))
	return "#" + hex.EncodeToString(sum[:8])
}

// made are the credentials of a configuration that are made of secrets, by name.
func made(cfg *config.Config) map[string]ingredients {
	all := map[string]ingredients{}
	for _, name := range names(cfg.Upstreams) {
		u := cfg.Upstreams[name]
		if called, in := ingredientsOf(name, &u); called != "" {
			all[called] = in
		}
	}
	return all
}

// credential is how Doorward proves to an upstream who it is.
func credential(name string, u *config.Upstream) upstream.Credential {
	called, _ := ingredientsOf(name, u)
	switch c := u.Credential; {
	case c == nil:
		return upstream.Credential{}
	case c.Bearer != "":
		return held(upstream.Credential{Header: "Authorization", Prefix: "Bearer "}, c.Bearer)
	case c.Basic != nil:
		return upstream.Credential{Header: "Authorization", Prefix: "Basic ", Secret: called}
	case c.OAuth != nil:
		return upstream.Credential{Header: "Authorization", Prefix: "Bearer ", Secret: called}
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
	if c := u.Credential; c != nil && c.OAuth != nil {
		if _, err := roots(c.OAuth.CA); err != nil { // it is read again when a token is first needed
			return "", own, fmt.Errorf("credential.oauth.%w", err)
		}
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
	text, err := durable.ReadNamed(path, maxKeyFile)
	if err != nil {
		return "", fmt.Errorf("%s: %w", field, err)
	}
	if block, _ := pem.Decode(text); block == nil || block.Type != "CERTIFICATE" {
		return "", fmt.Errorf("%s: %s holds no certificate in PEM", field, path)
	}
	return string(text), nil
}

// secretFor hands a secret to the upstream that the configuration names it for, or what is made
// of one.
func (a *App) secretFor(name string) (upstream.Secret, error) {
	snap := a.current.Load()
	switch in := snap.made[name]; {
	case in.basic != nil:
		password, err := snap.secret.Get(in.basic.Password)
		return pair(in.basic.User, password), err
	case in.oauth != nil:
		c, err := a.clientFor(in)
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
	switch in := snap.made[name]; {
	case in.basic != nil:
		was, err := base64.StdEncoding.DecodeString(refused.Reveal())
		_, password, colon := strings.Cut(string(was), ":")
		other, ok := snap.secret.Instead(in.basic.Password, gate.NewSecret(password))
		return pair(in.basic.User, other), ok && colon && err == nil
	case in.oauth != nil:
		c, err := a.clientFor(in)
		if err != nil {
			return nil, false
		}
		token, ok := c.Another(a.ctx, refused.Reveal())
		return gate.NewSecret(token), ok
	}
	return snap.secret.Instead(name, refused)
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
