package issuer

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"doorward/internal/loopback"
)

// patience is how long one request to an issuer may take, and how long a token
// waits for a fetch, whatever comes first (AUT-27).
const patience = 3 * time.Second

// What is read of an answer at most, in bytes.
const (
	maxDocument = 512 << 10 // metadata, or keys: a hundred with their certificates
	maxAnswer   = 64 << 10  // of introspection
	maxHeaders  = 32 << 10
)

// maxConnections bounds the connections to one server of an issuer.
const maxConnections = maxAsking + maxAskingKnown + 2

// dialer opens a connection.
type dialer func(ctx context.Context, network, address string) (net.Conn, error)

// web sends the requests of one issuer. It follows no redirect, asks no proxy,
// keeps no cookie and undoes no compression.
type web struct {
	client    *http.Client
	transport *http.Transport
}

func newWeb(dial dialer, roots *x509.CertPool) *web {
	transport := &http.Transport{
		DialContext:            dial,
		TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    patience, // for the same reason as in dial
		ForceAttemptHTTP2:      true,     // a DialContext turns it off otherwise
		DisableCompression:     true,     // or a small answer could become a large one
		MaxResponseHeaderBytes: maxHeaders,
		MaxConnsPerHost:        maxConnections,
		IdleConnTimeout:        time.Minute,
	}
	return &web{transport: transport, client: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// dial opens connections on the network. The name localhost is this machine or
// it is nothing: requests to it may go in the clear.
func dial(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{Timeout: patience} // the transport dials on when a request gives up
	if host, _, err := net.SplitHostPort(address); err == nil && loopback.Host(host) {
		return loopback.Only(d.DialContext)(ctx, network, address)
	}
	return d.DialContext(ctx, network, address)
}

func (w *web) close() { w.transport.CloseIdleConnections() }

// get fetches a document of JSON.
func (w *web) get(ctx context.Context, url string, types ...string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, errors.New("the URL cannot be asked")
	}
	req.Header.Set("Accept", strings.Join(types, ", "))
	return w.do(req, maxDocument, types)
}

// do sends a request and returns the body of the answer: status 200, of one of
// the types, not encoded, at most limit bytes.
func (w *web) do(req *http.Request, limit int64, types []string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(req.Context(), patience)
	defer cancel()
	req.Header.Set("User-Agent", "doorward")
	res, err := w.client.Do(req.WithContext(ctx))
	if err != nil {
		return nil, fmt.Errorf("asking the issuer: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, &statusError{res.StatusCode}
	}
	if len(res.Header.Values("Content-Encoding")) > 0 {
		return nil, errors.New("the issuer's answer is encoded")
	}
	kind, _, err := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if err != nil || len(res.Header.Values("Content-Type")) != 1 || !slices.Contains(types, kind) {
		return nil, errors.New("the issuer's answer is not " + types[0])
	}
	if res.ContentLength > limit {
		return nil, fmt.Errorf("the issuer's answer is longer than %d bytes", limit)
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, limit+1))
	if err != nil {
		return nil, fmt.Errorf("reading the issuer's answer: %w", err)
	}
	if int64(len(body)) > limit {
		return nil, fmt.Errorf("the issuer's answer is longer than %d bytes", limit)
	}
	return body, nil
}

// statusError is an answer with another status than 200.
type statusError struct{ code int }

func (e *statusError) Error() string {
	return fmt.Sprintf("the issuer answered %d and not 200", e.code)
}
