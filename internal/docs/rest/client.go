// Package rest asks services that documents are kept by or embedded by over HTTP: what they
// have in common, and what the indexes of such services do.
package rest

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"doorward/internal/gate"
	"doorward/internal/loopback"
	"doorward/internal/retryafter"
)

// Bounds of a request and of its answer.
const (
	maxAnswer = 64 << 20        // bytes
	attempts  = 3               // of a request that is to be made again later
	maxWait   = 5 * time.Second // before it is
)

// Client asks a service. Every request of an index may be made twice: it says what is to be,
// and not what is to be added. Its errors have no URL, no key and nothing that the service
// wrote.
type Client struct {
	name    string // of the service, in small letters
	base    *url.URL
	http    *http.Client
	key     func() (gate.Secret, error)
	headers map[string]string
}

// New makes the client of a service of that name, which sends these headers with each request.
// It connects when it is asked something.
func New(name string, s Place, headers map[string]string) (*Client, error) {
	base, c, err := s.Connect()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", strings.ToLower(name), err)
	}
	return &Client{name: strings.ToLower(name), headers: headers, base: base, key: s.Key, http: c}, nil
}

// Close ends the connections that are not used.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// ErrAbsent is that of what is not there: it was answered 404.
var ErrAbsent = errors.New("there is no such thing")

// Call is one request: what it is for, in words, and where it goes.
type Call struct {
	Doing, Method string
	Path          []string   // below the URL, not escaped
	Query         url.Values // nil: none
}

// Ask makes a request, again where the service wants it later, and reads the answer into
// another value; nil: it is not looked at. The headers are those of the answer.
func (c *Client) Ask(ctx context.Context, q Call, body, result any) (http.Header, error) {
	text := []byte{}
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", c.name, q.Doing, err)
		}
	}
	for n := 1; ; n++ {
		headers, later, err := c.once(ctx, &q, text, result)
		if err == nil || later < 0 || n == attempts {
			return headers, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(later):
		}
	}
}

// once makes a request. With an error, later is how long to wait before it is made again;
// below 0: it is not.
func (c *Client) once(ctx context.Context, q *Call, body []byte, result any) (headers http.Header, later time.Duration, err error) {
	asking, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	req, err := c.request(asking, q, body)
	if err != nil {
		return nil, -1, fmt.Errorf("%s: %s: %w", c.name, q.Doing, err)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, -1, c.plainly(ctx, q, err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusAccepted {
		later, err := c.refused(q, res)
		return nil, later, err
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil {
		return nil, -1, c.plainly(ctx, q, err)
	}
	if len(text) > maxAnswer {
		return nil, -1, fmt.Errorf("%s: %s: the answer is longer than %d bytes", c.name, q.Doing, maxAnswer)
	}
	if result != nil && json.Unmarshal(text, result) != nil {
		return nil, -1, fmt.Errorf("%s: %s: the answer is not one of its API", c.name, q.Doing)
	}
	return res.Header, -1, nil
}

func (c *Client) request(ctx context.Context, q *Call, body []byte) (*http.Request, error) {
	to := c.base.JoinPath(escaped(q.Path)...)
	to.RawQuery = q.Query.Encode()
	req, err := http.NewRequestWithContext(ctx, q.Method, to.String(), bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("the URL cannot be asked")
	}
	if len(body) > 0 {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("User-Agent", "doorward")
	for name, value := range c.headers {
		req.Header.Set(name, value)
	}
	if c.key == nil {
		return req, nil
	}
	key, err := c.key()
	if err != nil {
		return nil, errors.New("the secret with its key cannot be read")
	}
	value, err := key.Header()
	if err != nil {
		return nil, errors.New("the key cannot be sent in a header")
	}
	req.Header.Set("Api-Key", value)
	return req, nil
}

func escaped(path []string) []string {
	all := make([]string, len(path))
	for i, part := range path {
		all[i] = url.PathEscape(part)
	}
	return all
}

// refused says what another status than 200 means, and nothing of what the service wrote:
// that may repeat texts of documents.
func (c *Client) refused(q *Call, res *http.Response) (later time.Duration, err error) {
	switch res.StatusCode {
	case http.StatusNotFound:
		return -1, fmt.Errorf("%s: %s: %w", c.name, q.Doing, ErrAbsent)
	case http.StatusUnauthorized, http.StatusForbidden:
		return -1, fmt.Errorf("%s: %s: it does not accept the key (%d)", c.name, q.Doing, res.StatusCode)
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return wait(res.Header), fmt.Errorf("%s: %s: it is busy (%d)", c.name, q.Doing, res.StatusCode)
	}
	return -1, fmt.Errorf("%s: %s: it answered %d", c.name, q.Doing, res.StatusCode)
}

// wait is how long a service is left alone: a second where it does not say.
func wait(h http.Header) time.Duration {
	asked := retryafter.Of(h, time.Now(), maxWait)
	if asked == 0 && h.Get("Retry-After") != "0" {
		return time.Second
	}
	return asked
}

// plainly says why there was no answer, without the URL.
func (c *Client) plainly(ctx context.Context, q *Call, err error) error {
	_, timed := errors.AsType[net.Error](err)
	switch _, unverified := errors.AsType[*tls.CertificateVerificationError](err); {
	case ctx.Err() != nil:
		return ctx.Err()
	case unverified:
		return fmt.Errorf("%s: %s: its certificate is not one to trust", c.name, q.Doing)
	case errors.Is(err, loopback.ErrElsewhere):
		return fmt.Errorf("%s: %s: %w", c.name, q.Doing, loopback.ErrElsewhere)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s: %s: there was no answer within %v", c.name, q.Doing, Patience)
	case timed:
		return fmt.Errorf("%s: %s: it cannot be reached", c.name, q.Doing)
	}
	return fmt.Errorf("%s: %s: the connection ended without an answer", c.name, q.Doing)
}
