package collector

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"doorward/internal/gate"
	"doorward/internal/loopback"
	"doorward/internal/webhook"
)

const (
	patience  = 10 * time.Second // of a TLS handshake
	maxAnswer = 64 << 10         // bytes of an answer that are read
)

// NewClient makes a client for one URL: https, or http on this machine. protocols nil
// are net/http's own, roots nil the system's.
func NewClient(raw string, roots *x509.CertPool, protocols *http.Protocols) (*http.Client, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Hostname() == "" || u.Opaque != "" || u.User != nil || u.Fragment != "":
		return nil, errors.New("the URL must be absolute, without a user name and a fragment")
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback.Host(u.Hostname())):
		return nil, errors.New("the URL must be https; http is for this machine alone")
	}
	d := webhook.Dialer(u.Scheme == "http")
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext:            d.DialContext,
			TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    patience,
			Protocols:              protocols,
			DisableCompression:     true, // or a small answer could become a large one
			MaxConnsPerHost:        1,
			IdleConnTimeout:        time.Minute,
			MaxResponseHeaderBytes: 32 << 10,
		},
	}, nil
}

// Request is what Post sends.
type Request struct {
	URL, Kind string
	Body      []byte
	Token     func() (gate.Secret, error)            // a bearer token; nil: none
	Headers   map[string]func() (gate.Secret, error) // values that are secrets, by their header

	trailers bool // gRPC: the status is in the trailer
}

// Post sends a body and returns the answer's first 64 KiB. Any status of 200 to 299 has
// taken all of it. Secrets are asked for every time, so that a rotated one counts.
func Post(ctx context.Context, client *http.Client, r Request) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.URL, bytes.NewReader(r.Body))
	if err != nil {
		return nil, errors.New("the URL cannot be asked")
	}
	req.Header.Set("Content-Type", r.Kind)
	req.Header.Set("User-Agent", "doorward")
	if r.trailers {
		req.Header.Set("Te", "trailers")
	}
	if err := r.prove(req.Header); err != nil {
		return nil, err
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, webhook.Plainly(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	switch {
	case res.StatusCode < http.StatusOK || res.StatusCode >= http.StatusMultipleChoices:
		return nil, webhook.Answer(res)
	case r.trailers && err != nil:
		return nil, webhook.Plainly(err)
	case r.trailers:
		return answer, grpcStatus(res)
	}
	return answer, nil // the status has said it all
}

// prove sets what the receiver knows Doorward by.
func (r *Request) prove(h http.Header) error {
	if r.Token != nil {
		value, err := spoken(r.Token)
		if err != nil {
			return fmt.Errorf("reading the token: %w", err)
		}
		h.Set("Authorization", "Bearer "+value)
	}
	for name, secret := range r.Headers {
		value, err := spoken(secret)
		if err != nil {
			return fmt.Errorf("reading the header %s: %w", name, err)
		}
		h.Set(name, value)
	}
	return nil
}

// spoken is a secret as the value of a header.
func spoken(secret func() (gate.Secret, error)) (string, error) {
	s, err := secret()
	if err != nil {
		return "", err
	}
	return s.Header()
}
