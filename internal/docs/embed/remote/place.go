// Package remote makes vectors by a model that somebody else runs: behind an
// OpenAI-compatible API, or Google's. docs/embed makes its embedders.
//
// Requests go to one URL and follow no redirect, but for a file that Fetch downloads by its
// digest. A key stands in one header of one request; it is never kept, and no error quotes it.
package remote

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

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"doorward/internal/docs"
	"doorward/internal/docs/rest"
	"doorward/internal/gate"
	"doorward/internal/loopback"
)

// Bounds of a request and of its answer.
const (
	maxFault  = 16 << 10 // bytes that are read of an answer that is an error
	maxNumber = 32       // bytes of one number of a vector, with what stands around it
	maxModel  = 256      // bytes of a model's name
)

// Place is where an embedder answers, and how it is reached.
type Place = rest.Place

// client posts JSON to a place.
type client struct {
	who     string // embedder, for errors
	base    *url.URL
	timeout time.Duration // of a request with its answer
	http    *http.Client
	secret  func() (gate.Secret, error)
}

// newClient checks a place. No error repeats the URL.
func newClient(p Place) (*client, error) {
	base, c, err := p.Connect()
	if err != nil {
		return nil, err
	}
	return &client{who: "embedder", base: base, timeout: rest.Patience, http: c, secret: p.Key}, nil
}

// key is the caller's own where one was brought, and the operator's otherwise. A caller's
// that cannot be sent is an error: the operator's never stands in for it.
func (c *client) key(t *docs.Texts) (key gate.Secret, whose string, err error) {
	switch {
	case t.Key != gate.Secret{}:
		return t.Key, "caller", nil
	case c.secret == nil:
		return gate.Secret{}, "", nil
	}
	if key, err = c.secret(); err != nil {
		return gate.Secret{}, "", fmt.Errorf("reading the embedder's secret: %w", err)
	}
	return key, "operator", nil
}

// question is one request.
type question struct {
	url    *url.URL
	header string // that the key is sent in
	scheme string // what stands before the key: "Bearer "
	body   any
	limit  int64 // bytes of the answer
}

// ask sends a question and reads the answer into another value.
func (c *client) ask(ctx context.Context, t *docs.Texts, q question, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	body, err := json.Marshal(q.body, jsontext.AllowInvalidUTF8(true))
	if err != nil {
		return fmt.Errorf("writing a request: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, q.url.String(), bytes.NewReader(body))
	if err != nil {
		return errors.New("the embedder's URL cannot be asked")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "doorward")
	key, whose, err := c.key(t)
	if err != nil {
		return err
	}
	if whose != "" {
		value, err := key.Header()
		if err != nil {
			return fmt.Errorf("the %s's key for the embedder: %w", whose, err)
		}
		req.Header.Set(q.header, q.scheme+value)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return c.plainly(ctx, err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(res.Body, maxFault)) // the status has said the most of it
		return fault(res, text, key, whose)
	}
	if len(res.Header.Values("Content-Encoding")) > 0 {
		return errors.New("the embedder's answer is encoded, though nothing asked for it")
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, q.limit+1))
	switch {
	case err != nil:
		return c.plainly(ctx, err)
	case int64(len(text)) > q.limit:
		return fmt.Errorf("the embedder's answer is longer than %d bytes", q.limit)
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return errors.New("the embedder's answer is not of the API that is configured, or holds a number that is none (" + shape(err) + ")")
	}
	return nil
}

// shape says where an answer is not what it should be, and nothing of what stands there.
func shape(err error) string {
	var (
		written *jsontext.SyntacticError
		meant   *json.SemanticError
	)
	switch {
	case errors.As(err, &written):
		return fmt.Sprintf("byte %d", written.ByteOffset)
	case errors.As(err, &meant):
		return fmt.Sprintf("byte %d", meant.ByteOffset)
	}
	return "at its end"
}

// plainly says what went wrong, without the URL and without what the other side wrote:
// net/http quotes a line that it cannot read, and a key may be echoed there.
func (c *client) plainly(ctx context.Context, err error) error {
	var (
		unproved *tls.CertificateVerificationError
		name     x509.HostnameError
		dialled  *net.OpError
		timed    net.Error
	)
	switch {
	case errors.Is(err, context.Canceled):
		return context.Canceled
	case ctx.Err() != nil, errors.As(err, &timed) && timed.Timeout():
		return fmt.Errorf("the %s gave no answer within %v: %w", c.who, c.timeout, context.DeadlineExceeded)
	case errors.As(err, &unproved), errors.As(err, &name):
		return fmt.Errorf("the certificate of the %s is not one to trust", c.who)
	case errors.Is(err, loopback.ErrElsewhere):
		return loopback.ErrElsewhere
	case errors.As(err, &dialled) && dialled.Op == "dial":
		return fmt.Errorf("no connection to the %s: %w", c.who, dialled)
	}
	return fmt.Errorf("the connection to the %s ended without a whole answer that is HTTP", c.who)
}

// close ends the connections that nothing uses.
func (c *client) close() { c.http.CloseIdleConnections() }
