package doctor

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"
)

// checkTLS shakes hands as a client would, and tells apart why it does not trust
// the server.
func checkTLS(ctx context.Context, e *exam) []Finding {
	switch {
	case e.target.Scheme != "https":
		return skip("tls.chain", "the URL is plain HTTP")
	case !e.reached.IsValid():
		return skip("tls.chain", unreached)
	}
	state, err := e.handshake(ctx)
	if err == nil {
		return fine("tls.chain", trusted(state))
	}
	e.tls = err
	if speaksPlainHTTP(err) {
		return skip("tls.chain", "the port does not speak TLS")
	}
	return []Finding{e.mistrust(err)}
}

const unreached = "nothing was reached"

// handshake speaks TLS with the address that was reached.
func (e *exam) handshake(ctx context.Context) (tls.ConnectionState, error) {
	ctx, cancel := context.WithTimeout(ctx, e.opts.Timeout)
	defer cancel()
	conf := e.web.tls.Clone()
	conf.ServerName = e.target.Hostname()
	conf.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		e.asksCertificate = true
		return &tls.Certificate{}, nil // none, as a client without one answers
	}
	d := tls.Dialer{NetDialer: &e.web.dialer, Config: conf}
	c, err := d.DialContext(ctx, "tcp", e.reached.String())
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer c.Close()
	t, ok := c.(*tls.Conn)
	if !ok {
		return tls.ConnectionState{}, errors.New("no TLS connection")
	}
	return t.ConnectionState(), nil
}

func trusted(s tls.ConnectionState) string {
	leaf := s.PeerCertificates[0]
	return fmt.Sprintf("%s, certificate by %q until %s", tls.VersionName(s.Version), leaf.Issuer.CommonName, leaf.NotAfter.Format(time.DateOnly))
}

// speaksPlainHTTP tells whether the other side answered the handshake in HTTP.
func speaksPlainHTTP(err error) bool {
	h, ok := errors.AsType[tls.RecordHeaderError](err)
	return ok && bytes.HasPrefix(h.RecordHeader[:], []byte("HTTP"))
}

// speaksTLS tells whether a handshake got as far as TLS, whatever came of it.
func speaksTLS(err error) bool {
	if err == nil {
		return true
	}
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	return untrusted || strings.Contains(err.Error(), "remote error: tls:")
}

// mistrust says why the handshake failed.
func (e *exam) mistrust(err error) Finding {
	f := Finding{ID: "tls.chain", Status: Problem, Why: "clients end the connection before they send anything"}
	name, wrongName := errors.AsType[x509.HostnameError](err)
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
	invalid, isInvalid := errors.AsType[x509.CertificateInvalidError](err)
	switch text := err.Error(); {
	case wrongName:
		f.Cause = "name"
		f.Seen = fmt.Sprintf("the certificate is for %s, not for %s", e.quote(namesOf(name.Certificate)), e.target.Hostname())
		f.Fix = "use a name of the certificate in the URL, or get a certificate for " + e.target.Hostname()
	case isInvalid && invalid.Reason == x509.Expired:
		e.outdated(&f, invalid.Cert)
	case unknown:
		e.untrusted(&f, err)
	case strings.Contains(text, "protocol version"):
		f.Cause, f.Seen = "version", "the server speaks only TLS versions older than 1.2"
		f.Fix = "nginx: ssl_protocols TLSv1.2 TLSv1.3;   Doorward: listen: {tls: {min_version: \"1.2\"}}"
	case e.asksCertificate:
		return wantsCertificate()
	case timedOut(err):
		f.Cause, f.Seen = "silent", "the port takes connections and does not answer a TLS handshake"
		f.Fix = "check that the port is the one that TLS is served on"
	default:
		f.Cause, f.Seen = "handshake", "the TLS handshake failed: "+e.quote(text)
		f.Fix = "look into the log of whatever ends TLS there"
	}
	return f
}

// wantsCertificate is the finding that a client certificate is asked for. Since
// TLS 1.3 a server says so only after the handshake.
func wantsCertificate() Finding {
	return Finding{
		ID: "tls.chain", Status: Problem, Cause: "client_certificate",
		Seen: "the server asks for a client certificate, and takes nothing without one",
		Why:  "clients that have none are turned away before MCP begins",
		Fix:  "give the client a certificate, or turn the demand off where TLS ends (nginx: ssl_verify_client off;)",
	}
}

func namesOf(c *x509.Certificate) string {
	all := append([]string{}, c.DNSNames...)
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	if len(all) == 0 {
		return "no name at all"
	}
	return strings.Join(all, ", ")
}

func (e *exam) outdated(f *Finding, c *x509.Certificate) {
	if time.Now().Before(c.NotBefore) {
		f.Cause = "not_yet_valid"
		f.Seen = fmt.Sprintf("the certificate of %q is good only from %s", e.quote(c.Subject.CommonName), c.NotBefore.Format(time.RFC3339))
		f.Fix = "set this machine's clock (timedatectl set-ntp true), or wait"
		return
	}
	f.Cause = "expired"
	f.Seen = fmt.Sprintf("the certificate of %q expired on %s", e.quote(c.Subject.CommonName), c.NotAfter.Format(time.DateOnly))
	f.Fix = "renew it (certbot renew) and let the server read it again: restart doorward serve, or nginx -s reload"
}

// untrusted tells a self-signed certificate, a missing intermediate and a
// private authority apart. Certificates name where their issuer's can be had
// (RFC 5280, section 4.2.2.1) when a public authority issued them; such a one
// that comes alone lacks its intermediate.
func (e *exam) untrusted(f *Finding, err error) {
	v, ok := errors.AsType[*tls.CertificateVerificationError](err)
	if !ok || len(v.UnverifiedCertificates) == 0 {
		f.Cause, f.Seen = "unknown_authority", "the certificate is signed by an authority that this machine does not know"
		f.Fix = trustRoot
		return
	}
	leaf := v.UnverifiedCertificates[0]
	issuer := e.quote(leaf.Issuer.CommonName)
	switch {
	case bytes.Equal(leaf.RawIssuer, leaf.RawSubject):
		f.Cause, f.Seen = "self_signed", "the certificate is signed by itself, and this machine does not know it"
		f.Fix = "get one from an authority that clients know, or give it to each client: NODE_EXTRA_CA_CERTS=FILE (Node), SSL_CERT_FILE=FILE (Python, Go)"
	case len(v.UnverifiedCertificates) == 1 && len(leaf.IssuingCertificateURL) > 0:
		f.Cause = "incomplete"
		f.Seen = fmt.Sprintf("the server sends its own certificate alone, without the intermediate %q that signed it", issuer)
		f.Fix = "serve the whole chain: cat cert.pem intermediate.pem > chain.pem, and\n" +
			"Doorward: listen: {tls: {cert: chain.pem}}   nginx: ssl_certificate chain.pem;"
	default:
		f.Cause = "unknown_authority"
		f.Seen = fmt.Sprintf("the certificate is signed by %q, which this machine does not know", issuer)
		f.Fix = trustRoot
	}
}

const trustRoot = "if the authority is your own, give its root to each client: NODE_EXTRA_CA_CERTS=FILE (Node), SSL_CERT_FILE=FILE (Python, Go);\n" +
	"otherwise get a certificate from one that clients know"
