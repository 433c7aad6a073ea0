package login

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"time"
)

// Bounds of one request.
const (
	maxBody        = 256 << 10 // bytes of an answer's body
	maxHeader      = 64 << 10  // bytes of its headers
	dialTimeout    = 10 * time.Second
	requestTimeout = 30 * time.Second // from the dial to the end of the body
)

// web is the HTTP client: it follows no redirect, asks no proxy, and connects
// where its fence lets it.
type web struct {
	fence *fence
	plain *http.Transport // http, on this machine
	tls   *http.Transport
	agent string
}

// newWeb makes a client that reaches as far as limit, and the named URLs.
func newWeb(roots *x509.CertPool, agent string, limit reach, named ...*url.URL) *web {
	w := &web{fence: newFence(limit), agent: agent}
	for _, u := range named {
		w.fence.named[hostPort(u)] = true
	}
	transport := func(plain bool) *http.Transport {
		return &http.Transport{
			DialContext:            w.fence.dialer(plain),
			TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    dialTimeout,
			ForceAttemptHTTP2:      true, // a DialContext turns it off otherwise
			DisableCompression:     true, // or the bound on the body would not be one
			MaxResponseHeaderBytes: maxHeader,
		}
	}
	w.plain, w.tls = transport(true), transport(false)
	return w
}

// rest closes the connections that nothing is asked on.
func (w *web) rest() {
	w.plain.CloseIdleConnections()
	w.tls.CloseIdleConnections()
}

// question is one request.
type question struct {
	method string
	url    *url.URL
	header http.Header
	body   []byte
	bare   bool // what the answer's body says does not matter, nor when it ends
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// send makes one request and reads the whole answer. The error names the host
// and nothing else of the URL.
func (w *web) send(ctx context.Context, q question) (*answer, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	var body io.Reader
	if q.body != nil {
		body = bytes.NewReader(q.body)
	}
	req, err := http.NewRequestWithContext(ctx, q.method, q.url.String(), body)
	if err != nil {
		return nil, fmt.Errorf("asking %s: %w", q.url.Host, unquoted(err))
	}
	maps.Copy(req.Header, q.header)
	req.Header.Set("User-Agent", w.agent)
	transport := w.tls
	if q.url.Scheme == "http" {
		transport = w.plain
	}
	res, err := transport.RoundTrip(req) // which follows no redirect
	if err != nil {
		return nil, fmt.Errorf("asking %s: %w", q.url.Host, unquoted(err))
	}
	defer res.Body.Close()
	a := &answer{status: res.StatusCode, header: res.Header}
	if q.bare {
		return a, nil
	}
	if a.body, err = io.ReadAll(io.LimitReader(res.Body, maxBody+1)); err != nil {
		return nil, fmt.Errorf("reading the answer of %s: %w", q.url.Host, unquoted(err))
	}
	if len(a.body) > maxBody {
		return nil, fmt.Errorf("the answer of %s is larger than %d bytes", q.url.Host, maxBody)
	}
	return a, nil
}

// unquoted is err without the URL that net/http puts in front.
func unquoted(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

// document gets a JSON document. found is false where there is none.
func (w *web) document(ctx context.Context, u *url.URL) (body []byte, found bool, err error) {
	a, err := w.send(ctx, question{method: http.MethodGet, url: u, header: http.Header{"Accept": {"application/json"}}})
	switch {
	case err != nil:
		return nil, false, err
	case a.status == http.StatusOK:
		return a.body, true, nil
	case a.status >= 300 && a.status < 400:
		return nil, false, fmt.Errorf("%s redirects, and redirects are not followed", shown(u.Redacted(), maxText))
	case a.status >= 500 || a.status == http.StatusTooManyRequests:
		return nil, false, fmt.Errorf("%s answers with HTTP %d", shown(u.Redacted(), maxText), a.status)
	}
	return nil, false, nil
}
