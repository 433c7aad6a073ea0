package listen

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
)

// TLSConfig says where a listener's certificate comes from, and what it asks of
// clients. Files are read again when they change.
type TLSConfig struct {
	Cert, Key  string // PEM files of the certificate chain and its key; both empty with ACME
	ACME       *ACME  // gets the certificate from an authority
	MinVersion uint16 // tls.VersionTLS12, or tls.VersionTLS13; zero: 1.2
	// ClientCA is the PEM file of those who certify clients. Empty: clients are not
	// asked for a certificate.
	ClientCA string
	// OptionalClient lets clients in without a certificate. One that is shown is
	// verified all the same.
	OptionalClient bool
	// ClientCRL is the file with the revocation lists of ClientCA, PEM or DER. Empty:
	// nothing is revoked.
	ClientCRL string
	Log       *slog.Logger // nil discards
}

// TLS is a listener's TLS: its certificate, and the judgement about those of its
// clients. NewTLS makes it.
type TLS struct {
	certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	challenge   *tls.Config         // what an ACME authority is answered with; nil without ACME
	first       *tls.Config         // with the authorities of the start
	clients     *kept[*authorities] // nil when no certificate is asked for
	revoked     *kept[revocations]  // nil without a list
	log         *slog.Logger
	told        seldom

	mu sync.Mutex
	// vetted are the certificates of clients, and under which authorities their
	// chain was last verified. At most maxVetted.
	vetted map[*x509.Certificate]*authorities
}

// maxVetted bounds the certificates whose chain is not verified again.
const maxVetted = 4096

// authorities are those who certify clients, and the TLS settings that ask for
// their certificates.
type authorities struct {
	pool *x509.CertPool
	conf *tls.Config
}

// NewTLS reads all that cfg names. The error says what is missing or not valid
// now: a certificate that has expired is no start (ADM-02).
func NewTLS(cfg TLSConfig) (*TLS, error) {
	log := cfg.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if (cfg.Cert != "") == (cfg.ACME != nil) {
		return nil, errors.New("TLS needs a certificate or ACME, and not both")
	}
	t := &TLS{log: log, vetted: make(map[*x509.Certificate]*authorities)}
	base := &tls.Config{MinVersion: max(cfg.MinVersion, tls.VersionTLS12), NextProtos: []string{"h2", "http/1.1"}}
	if cfg.ACME != nil {
		m, err := cfg.ACME.manager()
		if err != nil {
			return nil, err
		}
		t.certificate = logged(m, log)
		t.challenge = &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{acme.ALPNProto}, GetCertificate: t.certificate}
		base.NextProtos = append(base.NextProtos, acme.ALPNProto)
	} else {
		own, err := keep(log, "certificate", func() (*tls.Certificate, error) { return readPair(cfg.Cert, cfg.Key) }, cfg.Cert, cfg.Key)
		if err != nil {
			return nil, err
		}
		t.certificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { c, _ := own.get(); return c, nil }
	}
	base.GetCertificate = t.certificate
	t.first = base
	if err := t.asksClients(cfg, log); err != nil {
		return nil, err
	}
	t.first.GetConfigForClient = t.settingsFor
	return t, nil
}

// asksClients adds what is asked of clients.
func (t *TLS) asksClients(cfg TLSConfig, log *slog.Logger) error {
	if cfg.ClientCA == "" {
		if cfg.ClientCRL != "" {
			return errors.New("a revocation list of clients needs those who certify them")
		}
		return nil
	}
	asking := t.first.Clone()
	// A resumed connection would come without the certificate being looked at (AUT-52).
	asking.SessionTicketsDisabled = true
	asking.ClientAuth = tls.RequireAndVerifyClientCert
	if cfg.OptionalClient {
		asking.ClientAuth = tls.VerifyClientCertIfGiven
	}
	asking.VerifyConnection = t.verify
	var err error
	if t.clients, err = keep(log, "client authorities", func() (*authorities, error) {
		pool, _, err := readAuthorities(cfg.ClientCA)
		if err != nil {
			return nil, err
		}
		conf := asking.Clone()
		conf.ClientCAs = pool
		return &authorities{pool: pool, conf: conf}, nil
	}, cfg.ClientCA); err != nil {
		return err
	}
	if cfg.ClientCRL != "" {
		if t.revoked, err = keep(log, "revocation list", func() (revocations, error) {
			return readRevocations(cfg.ClientCRL, cfg.ClientCA)
		}, cfg.ClientCRL, cfg.ClientCA); err != nil {
			return err
		}
	}
	now, _ := t.clients.get()
	t.first = now.conf.Clone()
	return nil
}

// config is for an http.Server; nil for no TLS.
func (t *TLS) config() *tls.Config {
	if t == nil {
		return nil
	}
	return t.first.Clone() // net/http adds to it
}

// settingsFor are the settings of a new connection: those with the authorities as
// they are now. An authority that tests the gateway's own name has no certificate
// to show, and gets no further than the handshake.
func (t *TLS) settingsFor(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	if t.challenge != nil && slices.Equal(hello.SupportedProtos, t.challenge.NextProtos) {
		return t.challenge, nil
	}
	if t.clients == nil {
		return nil, nil // crypto/tls goes by the settings that it has
	}
	now, _ := t.clients.get()
	return now.conf, nil
}

// verify judges a client in the handshake, once its chain has been verified.
func (t *TLS) verify(cs tls.ConnectionState) error {
	if len(cs.PeerCertificates) == 0 {
		return nil // whether it may is ClientAuth's to say, and it has
	}
	return t.judge(&cs)
}

// judge tells why the certificate of a connection is not valid now. It is asked in
// the handshake and again at every request.
func (t *TLS) judge(cs *tls.ConnectionState) error {
	if t == nil || t.clients == nil || len(cs.VerifiedChains) == 0 || len(cs.PeerCertificates) == 0 {
		return errors.New("the client's certificate was not verified")
	}
	leaf := cs.PeerCertificates[0]
	if leaf.IsCA {
		return errors.New("the client shows the certificate of an authority")
	}
	if err := t.vet(leaf, cs.PeerCertificates[1:]); err != nil {
		return err
	}
	return t.Revoked(leaf)
}

// vet verifies the chain again when the authorities have changed since.
func (t *TLS) vet(leaf *x509.Certificate, between []*x509.Certificate) error {
	now, _ := t.clients.get()
	t.mu.Lock()
	done := t.vetted[leaf] == now
	t.mu.Unlock()
	if done {
		return nil
	}
	opts := x509.VerifyOptions{Roots: now.pool, Intermediates: x509.NewCertPool(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	for _, c := range between {
		opts.Intermediates.AddCert(c)
	}
	if _, err := leaf.Verify(opts); err != nil {
		return fmt.Errorf("verifying the client's certificate: %w", err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.vetted) >= maxVetted {
		clear(t.vetted)
	}
	t.vetted[leaf] = now
	return nil
}

// Revoked tells why a client's certificate, which was verified once, is not valid
// any more: it has expired, is revoked, or nobody can tell whether it is.
func (t *TLS) Revoked(cert *x509.Certificate) error {
	switch now := time.Now(); {
	case t == nil || cert == nil:
		return errors.New("no certificate that could be judged")
	case now.Before(cert.NotBefore):
		return errors.New("the certificate is not valid yet")
	case now.After(cert.NotAfter):
		return errors.New("the certificate has expired")
	case t.revoked == nil:
		return nil
	default:
		lists, err := t.revoked.get()
		if err == nil {
			err = lists.judge(cert, now)
		}
		if errors.Is(err, errUntold) && t.told.now() {
			t.log.Error("client certificate refused without a revocation list", "error", err)
		}
		return err
	}
}
