package listen

import (
	"crypto/tls"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// acmeTimeout bounds one request to the authority.
const acmeTimeout = 30 * time.Second

// ACME gets the gateway's certificate from an authority (RFC 8555) by the
// TLS-ALPN-01 challenge (RFC 8737): the authority opens a TLS connection to port
// 443 of each host, and this listener answers it. The first client of a host waits
// until there is a certificate, and is sent away when that takes longer than
// Limits.HeaderWait; the next one has it.
type ACME struct {
	Directory string   // URL of the authority; empty: Let's Encrypt
	Email     string   // where it may write to; may be empty
	Hosts     []string // names that certificates are for; others get none
	CacheDir  string   // where the account's key and certificates are kept, 0700
	RootCAs   string   // PEM file that the authority's own certificate is verified by; empty: the system's
}

func (a *ACME) manager() (*autocert.Manager, error) {
	if len(a.Hosts) == 0 || a.CacheDir == "" {
		return nil, errors.New("ACME needs a host and a directory to keep certificates in")
	}
	client := &acme.Client{DirectoryURL: a.Directory}
	if a.Directory == "" {
		client.DirectoryURL = autocert.DefaultACMEDirectory
	}
	transport := &http.Transport{ForceAttemptHTTP2: true, MaxIdleConns: 2, IdleConnTimeout: acmeTimeout}
	if a.RootCAs != "" {
		pool, _, err := readAuthorities(a.RootCAs)
		if err != nil {
			return nil, err
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	client.HTTPClient = &http.Client{Transport: transport, Timeout: acmeTimeout}
	return &autocert.Manager{
		Prompt:     autocert.AcceptTOS, // whoever writes listen.tls.acme accepts them
		Cache:      autocert.DirCache(a.CacheDir),
		HostPolicy: autocert.HostWhitelist(a.Hosts...),
		Client:     client,
		Email:      a.Email,
	}, nil
}

// logged gets certificates from m, and logs why there is none for one of its
// hosts. A client that asks for another host is its own affair.
func logged(m *autocert.Manager, log *slog.Logger) func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	var told seldom
	return func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		cert, err := m.GetCertificate(hello)
		if err == nil || m.HostPolicy(hello.Context(), hello.ServerName) != nil {
			return cert, err
		}
		if told.now() {
			log.Error("no certificate from the ACME authority", "host", hello.ServerName, "error", err)
		}
		return nil, err
	}
}
