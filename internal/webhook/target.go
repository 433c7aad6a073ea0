package webhook

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
	"net/netip"
	"net/url"
	"strconv"
	"syscall"
	"time"

	"doorward/internal/gate"
	"doorward/internal/loopback"
	"doorward/internal/retryafter"
)

const (
	patience   = 10 * time.Second // of one try, whatever comes first
	maxAnswer  = 64 << 10         // bytes of an answer that are read, and thrown away
	maxHeaders = 32 << 10         // bytes of its header
	maxAsked   = time.Minute      // of a Retry-After that is honoured
)

// TargetConfig is where notices go. URL is required, and one of Secret and Unsigned.
type TargetConfig struct {
	URL      string                      // https, or http on loopback; no user name, no fragment
	Secret   func() (gate.Secret, error) // asked for every try, so that a rotated one counts
	Before   func() gate.Secret          // the version before, to sign with as well while it counts; zero: none does; may be nil
	Unsigned bool                        // the receiver knows us by its URL alone
	Roots    *x509.CertPool              // nil: the system's
}

// Target is one receiver. It never changes; a reload makes another.
type Target struct {
	url    string
	host   string                      // for people: no path, which may be a secret
	secret func() (gate.Secret, error) // nil: unsigned
	before func() gate.Secret          // nil: there is never one
	client *http.Client
}

// NewTarget checks where notices are to go. No error repeats the URL.
func NewTarget(c TargetConfig) (*Target, error) {
	if (c.Secret == nil) != c.Unsigned {
		return nil, errors.New("webhook: a secret is required, or none where nothing is signed")
	}
	client, u, err := NewClient(c.URL, c.Roots)
	if err != nil {
		return nil, err
	}
	return &Target{url: c.URL, host: u.Host, secret: c.Secret, before: c.Before, client: client}, nil
}

// NewClient makes a client for one URL: https, or http on this machine. It follows no
// redirect, asks no proxy, and connects to no address that Dialer refuses. roots nil
// are the system's. No error repeats the URL.
func NewClient(raw string, roots *x509.CertPool) (*http.Client, *url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Hostname() == "" || u.Opaque != "" || u.User != nil || u.Fragment != "":
		return nil, nil, errors.New("webhook: the URL must be absolute, without a user name and a fragment")
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback.Host(u.Hostname())):
		return nil, nil, errors.New("webhook: the URL must be https; http is for this machine alone")
	}
	d := Dialer(u.Scheme == "http")
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext:            d.DialContext,
			TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    patience,
			DisableCompression:     true, // or a small answer could become a large one
			DisableKeepAlives:      true, // notices are rare, and a target that is replaced leaves nothing open
			MaxResponseHeaderBytes: maxHeaders,
		},
	}, u, nil
}

// Dialer connects to where a receiver may be: see allowed. In the clear that is this
// machine alone.
func Dialer(inTheClear bool) *net.Dialer {
	return &net.Dialer{Timeout: patience, ControlContext: allowed(inTheClear)}
}

// Host is where the target is, for people: no path, which may be a secret.
func (t *Target) Host() string { return t.host }

// allowed judges the address that a name led to, at the last moment (POL-36,
// ALR-04). A receiver may be in a private network; it is nothing that only answers
// its own link, such as a cloud's metadata, and in the clear it is this machine.
func allowed(plain bool) func(context.Context, string, string, syscall.RawConn) error {
	return func(_ context.Context, _, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil {
			return errAddress
		}
		switch a := at.Addr().Unmap(); {
		case plain && !a.IsLoopback(),
			a.IsUnspecified(), a.IsMulticast(), a.IsLinkLocalUnicast(),
			a == netip.AddrFrom4([4]byte{255, 255, 255, 255}),
			a == netip.MustParseAddr("fd00:ec2::254"): // metadata of AWS over IPv6
			return errAddress
		}
		return nil
	}
}

var errAddress = errors.New("the receiver's name leads to an address that no notice is sent to")

// answerError is an answer that did not take the notice.
type answerError struct {
	status int
	wait   time.Duration // the receiver asks for
}

// Error says what it answered with, and nothing that it said.
func (e *answerError) Error() string { return "the receiver answered " + strconv.Itoa(e.status) }

// Wait is how long the receiver wants to be left alone.
func (e *answerError) Wait() time.Duration { return e.wait }

// StatusCode is what it answered with.
func (e *answerError) StatusCode() int { return e.status }

// Unwanted tells of answers that will be the same the next time: this very notice is
// not wanted (RFC 9110, section 15.5).
func (e *answerError) Unwanted() bool {
	switch e.status {
	case http.StatusBadRequest, http.StatusGone, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return true
	}
	return false
}

// Post tries once. Any status of 200 to 299 has taken the notice. The error repeats
// nothing of the URL, of the secret, of the body and of the answer.
func (t *Target) Post(ctx context.Context, id string, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.url, bytes.NewReader(body))
	if err != nil {
		return errors.New("the URL cannot be asked")
	}
	now := time.Now()
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "doorward")
	if t.secret != nil {
		if err := t.sign(req.Header, id, now, body); err != nil {
			return err
		}
	}
	res, err := t.client.Do(req)
	if err != nil {
		return Plainly(err)
	}
	defer res.Body.Close()
	_, _ = io.CopyN(io.Discard, res.Body, maxAnswer) // the status has said it all
	if res.StatusCode < http.StatusOK || res.StatusCode >= http.StatusMultipleChoices {
		return Answer(res)
	}
	return nil
}

// Answer is the error of a receiver that answered, and did not take what it was sent.
// Its methods Wait and StatusCode say when to come back, and why.
func Answer(res *http.Response) error {
	return &answerError{status: res.StatusCode, wait: retryafter.Of(res.Header, time.Now(), maxAsked)}
}

// sign adds what the receiver knows a notice by.
func (t *Target) sign(h http.Header, id string, now time.Time, body []byte) error {
	secret, err := t.secret()
	if err != nil {
		return fmt.Errorf("reading the secret: %w", err)
	}
	key, err := keyOf(secret)
	if err != nil {
		return err
	}
	h.Set("Webhook-Id", id)
	h.Set("Webhook-Timestamp", strconv.FormatInt(now.Unix(), 10))
	signatures := signature(key, id, now, body)
	if t.before != nil {
		// A receiver takes the notice when it knows one of them (Standard Webhooks, "Signature scheme").
		if old, err := keyOf(t.before()); err == nil {
			signatures += " " + signature(old, id, now, body)
		}
	}
	h.Set("Webhook-Signature", signatures)
	return nil
}

// Plainly says what went wrong without the words of whoever answered, and without
// the URL that was asked.
func Plainly(err error) error {
	var (
		dialled   *net.OpError
		unproved  *tls.CertificateVerificationError
		timed     net.Error
		wrongName x509.HostnameError
	)
	switch {
	case errors.Is(err, errAddress):
		return errAddress
	case errors.Is(err, context.Canceled):
		return context.Canceled
	case errors.As(err, &timed) && timed.Timeout():
		return fmt.Errorf("no answer within %v", patience)
	case errors.As(err, &unproved), errors.As(err, &wrongName):
		return errors.New("the receiver's certificate is not one to trust")
	case errors.As(err, &dialled) && dialled.Op == "dial":
		return fmt.Errorf("no connection: %w", dialled)
	}
	return errors.New("the connection ended without an answer")
}
