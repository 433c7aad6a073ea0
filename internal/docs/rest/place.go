package rest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"time"

	"doorward/internal/gate"
	"doorward/internal/loopback"
)

// Patience is how long one request with its answer may take, and a handshake of TLS.
const Patience = 30 * time.Second

// Bounds of what is kept open and read.
const (
	maxAtOnce  = 8        // connections; further requests wait, no longer than their time
	maxHeaders = 32 << 10 // bytes of an answer's
)

// Place is where a service answers, and how it is reached.
type Place struct {
	URL   string         // https, or http on this machine; no user name, query or fragment
	Roots *x509.CertPool // that its certificate is verified by; nil: the system's
	// Dial opens the connections, and refuses addresses where nothing may be sent. Required.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Key is the API key, asked for at each request so that a rotated one counts; nil: none.
	Key func() (gate.Secret, error)
}

// Connect is the URL of a place, and what asks there: it follows no redirect, asks no proxy,
// takes nothing that is compressed, and goes in the clear to this machine alone, whatever its
// name leads to. Its error does not repeat the URL.
func (p *Place) Connect() (*url.URL, *http.Client, error) {
	u, err := url.Parse(p.URL)
	switch {
	case err != nil || u.Hostname() == "" || u.Opaque != "" || u.User != nil || u.Fragment != "" || u.RawQuery != "":
		return nil, nil, errors.New("the URL must be absolute, without a user name, a query and a fragment")
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback.Host(u.Hostname())):
		return nil, nil, errors.New("the URL must be https; http is for this machine alone")
	case p.Dial == nil:
		return nil, nil, errors.New("nothing opens connections")
	}
	dial := p.Dial
	if u.Scheme == "http" {
		dial = loopback.Only(p.Dial)
	}
	return u, &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		// Over HTTP/1.1 alone: HTTP/2 would keep a caller's key in a table that others' requests share.
		Transport: &http.Transport{
			DialContext:            dial,
			TLSClientConfig:        &tls.Config{RootCAs: p.Roots, MinVersion: tls.VersionTLS12},
			TLSNextProto:           map[string]func(string, *tls.Conn) http.RoundTripper{},
			TLSHandshakeTimeout:    Patience,
			DisableCompression:     true, // or a small answer could become a large one
			MaxConnsPerHost:        maxAtOnce,
			MaxIdleConnsPerHost:    maxAtOnce,
			IdleConnTimeout:        time.Minute,
			MaxResponseHeaderBytes: maxHeaders,
		},
	}, nil
}
