package config

import (
	"path/filepath"
	"strings"
)

// paths are those of files.
func (u *Upstream) paths() []*string {
	out := []*string{&u.CA, &u.Root, &u.Index.Path, &u.Index.CA, &u.Embedder.Directory, &u.Embedder.CA}
	if c := u.Credential; c != nil && c.OAuth != nil {
		out = append(out, &c.OAuth.CA)
	}
	if c := u.Credential; c != nil && c.Certificate != nil {
		out = append(out, &c.Certificate.Cert)
	}
	return out
}

// absolute is a path as it is below a directory; an empty one stays so.
func absolute(dir, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// basic checks a user and a password.
func (v *checker) basic(path string, b *BasicCredential) {
	if b.User == "" || strings.ContainsFunc(b.User, func(r rune) bool { return r == ':' || r < ' ' || r == 0x7f }) {
		v.fault(path+".user", "must be a name without a colon (RFC 7617)")
	}
	v.reference(path+".password", b.Password)
}

// oauth checks how a token for an upstream is had.
func (v *checker) oauth(path string, o *OAuthCredential) {
	v.endpoint(path+".issuer", o.Issuer)
	if o.TokenURL != "" {
		v.endpoint(path+".token_url", o.TokenURL)
	}
	if o.Resource != "" {
		v.url(path+".resource", o.Resource, "https", "http", "wss", "ws")
	}
	if o.ClientID == "" {
		v.fault(path+".client_id", "must be written")
	}
	v.scopes(path+".scopes", o.Scopes)
	v.clientProof(path, o.Method, o.ClientSecret, o.PrivateKey)
}

// clientProof checks what proves to an issuer that Doorward asks.
func (v *checker) clientProof(path, method, secret, private string) {
	key, other, name := "client_secret", "private_key", secret
	if method == "private_key_jwt" {
		key, other, name = "private_key", "client_secret", private
	}
	if name == "" {
		v.fault(path+"."+key, "is needed for method %s", method)
	} else {
		v.reference(path+"."+key, name)
	}
	if secret != "" && private != "" {
		v.fault(path+"."+other, "is not for method %s", method)
	}
}

// clientCertificate checks a certificate of Doorward's own.
func (v *checker) clientCertificate(path string, c *ClientCertificate, u Upstream) {
	if !isTLS(u.URL) {
		v.fault(path, "is for a https or wss url")
	}
	if c.Cert == "" {
		v.fault(path+".cert", "must be the path of a file")
	}
	v.reference(path+".key", c.Key)
}
