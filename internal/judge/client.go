package judge

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"doorward/internal/gate"
	"doorward/internal/loopback"
)

// client posts JSON to one URL.
type client struct {
	url    string
	secret func() (gate.Secret, error)
	http   *http.Client
}

// newClient checks the URL: https, or http on this machine. No error repeats it.
func newClient(c Config) (*client, error) {
	u, err := url.Parse(c.URL)
	switch {
	case err != nil || u.Hostname() == "" || u.Opaque != "" || u.User != nil || u.Fragment != "":
		return nil, errors.New("judge: the URL must be absolute, without a user name and a fragment")
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback.Host(u.Hostname())):
		return nil, errors.New("judge: the URL must be https; http is for this machine alone")
	}
	d := net.Dialer{Timeout: c.Timeout}
	return &client{url: c.URL, secret: c.Secret, http: &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext:            d.DialContext,
			TLSClientConfig:        &tls.Config{RootCAs: c.Roots, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    c.Timeout,
			DisableCompression:     true, // or a small answer could become a large one
			MaxIdleConnsPerHost:    MaxAtOnce,
			IdleConnTimeout:        30 * time.Second,
			MaxResponseHeaderBytes: 32 << 10,
		},
	}}, nil
}

// post sends a body and returns the answer's, whole.
func (c *client) post(ctx context.Context, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("the URL cannot be asked")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "doorward")
	if c.secret != nil {
		s, err := c.secret()
		if err != nil {
			return nil, fmt.Errorf("reading the judge's secret: %w", err)
		}
		value, err := s.Header()
		if err != nil {
			return nil, err
		}
		req.Header.Set("Authorization", "Bearer "+value)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, plainly(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the judge answered %d", res.StatusCode)
	}
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, plainly(err)
	case len(answer) > maxAnswer:
		return nil, fmt.Errorf("the judge's answer is longer than %d bytes", maxAnswer)
	}
	return answer, nil
}

// plainly says what went wrong without the URL.
func plainly(err error) error {
	var (
		asked    *url.Error
		unproved *tls.CertificateVerificationError
		name     x509.HostnameError
	)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return errors.New("no answer in time")
	case errors.As(err, &unproved), errors.As(err, &name):
		return errors.New("the judge's certificate is not one to trust")
	case errors.As(err, &asked):
		return asked.Err
	}
	return err
}
