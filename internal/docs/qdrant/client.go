package qdrant

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
	"time"

	"github.com/go-json-experiment/json"

	"doorward/internal/gate"
)

// Bounds of a request and of its answer.
const (
	patience   = 30 * time.Second // of one request
	maxAtOnce  = 8                // connections; further requests wait, no longer than their time
	maxAnswer  = 64 << 20         // bytes
	maxHeaders = 32 << 10         // bytes
	attempts   = 3                // of a request that is to be made again later
	maxWait    = 5 * time.Second  // before it is
)

// Place is where Qdrant answers, and how it is reached.
type Place struct {
	URL   string         // https, or http on this machine; no user name, query or fragment
	Roots *x509.CertPool // that its certificate is verified by; nil: the system's
	// Dial opens the connections, and refuses addresses where nothing may be sent. Required.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Key is the API key, asked for at each request so that a rotated one counts; nil: none.
	Key func() (gate.Secret, error)
}

// client asks a service. Every request of an index may be made twice: it says what is to be,
// and not what is to be added.
type client struct {
	base *url.URL
	http *http.Client
	key  func() (gate.Secret, error)
}

func newClient(s Place) (*client, error) {
	u, err := url.Parse(s.URL)
	switch {
	case err != nil || u.Hostname() == "" || u.Opaque != "" || u.User != nil || u.Fragment != "" || u.RawQuery != "":
		return nil, errors.New("the URL of Qdrant must be absolute, without a user name, a query and a fragment")
	case u.Scheme != "https" && (u.Scheme != "http" || !local(u.Hostname())):
		return nil, errors.New("the URL of Qdrant must be https; http is for this machine alone")
	case s.Dial == nil:
		return nil, errors.New("nothing opens connections")
	}
	return &client{base: u, key: s.Key, http: &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext: s.Dial, TLSClientConfig: &tls.Config{RootCAs: s.Roots, MinVersion: tls.VersionTLS12}, TLSHandshakeTimeout: patience,
			DisableCompression: true, // or a small answer could become a large one
			MaxConnsPerHost:    maxAtOnce, MaxIdleConnsPerHost: maxAtOnce, IdleConnTimeout: time.Minute, MaxResponseHeaderBytes: maxHeaders,
		},
	}}, nil
}

// local tells whether a host is this machine.
func local(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// errAbsent is that of a collection or an alias that is not there.
var errAbsent = errors.New("there is no such collection")

// call is one request: what it is for, in words, and where it goes.
type call struct {
	doing, method string
	path          []string // below the URL, not escaped
	wait          bool     // until what is written can be found
	bare          bool     // the answer is not in a member result
}

// version is that of the service.
func (c *client) version(ctx context.Context) (string, error) {
	var about struct {
		Version string `json:"version"`
	}
	err := c.ask(ctx, call{doing: "asking its version", method: http.MethodGet, bare: true}, nil, &about)
	return about.Version, err
}

// ask makes a request, again where the service wants it later, and reads the result into
// another value; nil: it is not looked at.
func (c *client) ask(ctx context.Context, q call, body, result any) error {
	text := []byte{}
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return fmt.Errorf("qdrant: %s: %w", q.doing, err)
		}
	}
	for n := 1; ; n++ {
		later, err := c.once(ctx, &q, text, result)
		if err == nil || later < 0 || n == attempts {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(later):
		}
	}
}

// once makes a request. With an error, later is how long to wait before it is made again;
// below 0: it is not.
func (c *client) once(ctx context.Context, q *call, body []byte, result any) (later time.Duration, err error) {
	asking, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req, err := c.request(asking, q, body)
	if err != nil {
		return -1, fmt.Errorf("qdrant: %s: %w", q.doing, err)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return -1, c.plainly(ctx, q, err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return c.refused(q, res)
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil {
		return -1, c.plainly(ctx, q, err)
	}
	if len(text) > maxAnswer {
		return -1, fmt.Errorf("qdrant: %s: the answer is longer than %d bytes", q.doing, maxAnswer)
	}
	answer := struct {
		Result any `json:"result"`
	}{result}
	var to any = &answer
	if q.bare {
		to = result
	}
	if result != nil && json.Unmarshal(text, to) != nil {
		return -1, fmt.Errorf("qdrant: %s: the answer is none of Qdrant's", q.doing)
	}
	return -1, nil
}

func (c *client) request(ctx context.Context, q *call, body []byte) (*http.Request, error) {
	to := c.base.JoinPath(escaped(q.path)...)
	if q.wait {
		to.RawQuery = "wait=true"
	}
	req, err := http.NewRequestWithContext(ctx, q.method, to.String(), bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("the URL cannot be asked")
	}
	if len(body) > 0 {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("User-Agent", "doorward")
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
func (c *client) refused(q *call, res *http.Response) (later time.Duration, err error) {
	switch res.StatusCode {
	case http.StatusNotFound:
		return -1, fmt.Errorf("qdrant: %s: %w", q.doing, errAbsent)
	case http.StatusUnauthorized, http.StatusForbidden:
		return -1, fmt.Errorf("qdrant: %s: it does not accept the key (%d)", q.doing, res.StatusCode)
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		later = time.Second
		if s, err := strconv.ParseUint(res.Header.Get("Retry-After"), 10, 32); err == nil {
			later = min(maxWait, time.Duration(s)*time.Second)
		}
		return later, fmt.Errorf("qdrant: %s: it is busy (%d)", q.doing, res.StatusCode)
	}
	return -1, fmt.Errorf("qdrant: %s: it answered %d", q.doing, res.StatusCode)
}

// plainly says why there was no answer, without the URL.
func (c *client) plainly(ctx context.Context, q *call, err error) error {
	_, timed := errors.AsType[net.Error](err)
	switch _, unverified := errors.AsType[*tls.CertificateVerificationError](err); {
	case ctx.Err() != nil:
		return ctx.Err()
	case unverified:
		return fmt.Errorf("qdrant: %s: its certificate is not one to trust", q.doing)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("qdrant: %s: there was no answer within %v", q.doing, patience)
	case timed:
		return fmt.Errorf("qdrant: %s: it cannot be reached", q.doing)
	}
	return fmt.Errorf("qdrant: %s: the connection ended without an answer", q.doing)
}
