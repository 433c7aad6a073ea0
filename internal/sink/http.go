package sink

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
	"doorward/internal/sink/form"
	"doorward/internal/webhook"
)

const maxAnswer = 64 << 10 // bytes of an answer that are read

// HTTPConfig is a receiver of batches over HTTP. URL is required.
type HTTPConfig struct {
	URL     string                      // https, or http on loopback; no user name, no fragment
	Format  string                      // json or ocsf
	Token   func() (gate.Secret, error) // a bearer token, asked for every batch; nil: none
	Roots   *x509.CertPool              // nil: the system's
	Version string                      // of Doorward
}

type httpReceiver struct {
	HTTPConfig
	client *http.Client
}

// NewHTTP makes a receiver of batches as a JSON array. No error repeats the URL.
func NewHTTP(c HTTPConfig) (Receiver, error) {
	client, err := newClient(c.URL, c.Roots, nil)
	if err != nil {
		return nil, err
	}
	if c.Format != "json" && c.Format != "ocsf" {
		return nil, fmt.Errorf("sink: the format must be json or ocsf, not %q", c.Format)
	}
	return &httpReceiver{c, client}, nil
}

// Deliver posts the batch. Any status of 200 to 299 has taken all of it.
func (h *httpReceiver) Deliver(ctx context.Context, batch []form.Record) error {
	body := []byte{'['}
	for i := range batch {
		if i > 0 {
			body = append(body, ',', '\n')
		}
		one, err := h.element(&batch[i])
		if err != nil {
			return err
		}
		body = append(body, one...)
	}
	_, err := post(ctx, h.client, request{url: h.URL, kind: "application/json", body: append(body, ']'), token: h.Token})
	return err
}

// element is one record: its line beside the name of its log, or an event of OCSF.
func (h *httpReceiver) element(r *form.Record) ([]byte, error) {
	if h.Format == "ocsf" {
		return form.OCSF(r, h.Version)
	}
	return form.Keyed(r)
}

// Close implements Receiver.
func (h *httpReceiver) Close() error {
	h.client.CloseIdleConnections()
	return nil
}

// newClient makes a client for one URL: https, or http on this machine. It follows no
// redirect, asks no proxy, and connects to no address that webhook.Dialer refuses.
func newClient(raw string, roots *x509.CertPool, protocols *http.Protocols) (*http.Client, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Hostname() == "" || u.Opaque != "" || u.User != nil || u.Fragment != "":
		return nil, errors.New("sink: the URL must be absolute, without a user name and a fragment")
	case u.Scheme != "https" && (u.Scheme != "http" || !webhook.Loopback(u.Hostname())):
		return nil, errors.New("sink: the URL must be https; http is for this machine alone")
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

// request is what post sends.
type request struct {
	url, kind string
	body      []byte
	token     func() (gate.Secret, error)
	trailers  bool // gRPC: the status is in the trailer
}

// post sends a body and returns the answer's first bytes. The error says nothing of
// the URL, of the token and of what the receiver said.
func post(ctx context.Context, client *http.Client, r request) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url, bytes.NewReader(r.body))
	if err != nil {
		return nil, errors.New("the URL cannot be asked")
	}
	req.Header.Set("Content-Type", r.kind)
	req.Header.Set("User-Agent", "doorward")
	if r.trailers {
		req.Header.Set("Te", "trailers")
	}
	if r.token != nil {
		secret, err := r.token()
		if err != nil {
			return nil, fmt.Errorf("reading the token: %w", err)
		}
		value, err := secret.Header()
		if err != nil {
			return nil, err
		}
		req.Header.Set("Authorization", "Bearer "+value)
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
